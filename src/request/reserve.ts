import { badRequest, type RequestSource } from "../lib/bad-request.ts";

/** What a container is called by its engine, and by docker compose in its labels. */
export interface Called {
  /** The engine's name; the id where there is none. */
  name: string;
  labels: Readonly<Record<string, string>>;
}

/**
 * `cni.reserve`: the name that a network is reserved for when its container is removed; undefined for `false`. `true` stands for
 * docker compose's project, service and number, else for the container's name. Throws BAD_REQUEST for what is no name.
 */
export function parseReserve(source: RequestSource, called: Called): string | undefined {
  const word = source.value.trim();
  if (["false", "no", "off", "0"].includes(word.toLowerCase())) return undefined;
  const isAuto = ["true", "yes", "on", "1"].includes(word.toLowerCase());
  const name = isAuto ? nameOf(called) : word;
  if (NAME.test(name)) return name;
  throw badRequest(
    source,
    "neither true, false nor a name",
    "web-1, of letters, digits, _ . and -",
  );
}

/** As docker compose names the containers of a service itself. */
function nameOf({ name, labels }: Called): string {
  const parts = ["project", "service", "container-number"].map(
    (part) => labels[`com.docker.compose.${part}`] ?? "",
  );
  return parts.includes("") ? name : parts.join("-");
}

/** As Docker has names of containers; it is part of a file's name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
