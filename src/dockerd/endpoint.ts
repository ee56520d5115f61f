import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";

/** Where the Docker Engine is, as Docker's client would find it. */
export interface Endpoint {
  /** `unix:///run/docker.sock`, `tcp://…`, `ssh://…`. */
  host: string;
  /** Who says so: for messages. */
  source: string;
}

export const DEFAULT_HOST = "unix:///var/run/docker.sock";

const DEFAULT_CONTEXT = "default";

/**
 * Finds the engine in the order of Docker's client: DOCKER_HOST, DOCKER_CONTEXT, the `currentContext` of its config.json, and the
 * default. Docker's `-H` and `--context` have become these variables. `env` tells the client's folder too (DOCKER_CONFIG, HOME).
 * Throws NO_ENGINE for a context that there is not.
 */
export function findEndpoint(env: NodeJS.ProcessEnv): Endpoint {
  const host = env["DOCKER_HOST"];
  if (host) return { host, source: "DOCKER_HOST or -H" };
  const folder = env["DOCKER_CONFIG"] || join(env["HOME"] ?? "/root", ".docker");
  const name = env["DOCKER_CONTEXT"] || currentContext(folder);
  if (name === undefined || name === DEFAULT_CONTEXT) {
    return { host: DEFAULT_HOST, source: "the default of Docker's client" };
  }
  return { host: hostOf(folder, name), source: `the context ${JSON.stringify(name)}` };
}

interface ClientConfig {
  currentContext?: unknown;
}

interface ContextMeta {
  Endpoints?: { docker?: { Host?: unknown } };
}

function currentContext(folder: string): string | undefined {
  const config: ClientConfig | undefined = readJson(join(folder, "config.json"));
  const name = config?.currentContext;
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** A context's file is in a folder that is named by the digest of its name (docker/cli, cli/context/store). */
function hostOf(folder: string, name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  const file = join(folder, "contexts/meta", digest, "meta.json");
  const meta: ContextMeta | undefined = readJson(file);
  const host = meta?.Endpoints?.docker?.Host;
  if (typeof host === "string" && host !== "") return host;
  throw new UserError(
    "NO_ENGINE",
    `Docker's context ${JSON.stringify(name)} is not known: ${file} does not name a host`,
    { hint: "see the contexts with: docker context ls" },
  );
}

/** A file of Docker's client; undefined when it is not there. A broken one is its own client's to complain about. */
function readJson(file: string): object | undefined {
  try {
    const value: object | null = JSON.parse(readFileSync(file, "utf8"));
    return value ?? undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** The path of the engine's socket on this host. Throws NO_ENGINE for an engine elsewhere. */
export function socketOf({ host, source }: Endpoint): string {
  // A scheme alone is the default, as for Docker's client: an empty path would have Node ask TCP port 80.
  const scheme = "unix://";
  if (host.startsWith(scheme))
    return host.slice(scheme.length) || DEFAULT_HOST.slice(scheme.length);
  throw new UserError(
    "NO_ENGINE",
    `the engine is at ${host} by ${source}; docker-cni works on the engine's own host, over its unix socket`,
    { hint: "run it there, or name the socket: docker -H unix:///var/run/docker.sock cni …" },
  );
}
