import { UserError } from "../lib/errors.ts";
import type { Asked } from "./daemon.ts";

interface ListedContainer {
  Id?: string;
}

interface InspectedContainer {
  Name?: string;
  HostConfig?: { Runtime?: string };
}

/** Throws IN_USE when a container of one of these runtimes exists, running or not. */
export async function assertUnused(
  { host, socket }: Asked,
  names: readonly string[],
): Promise<void> {
  const engine = host.engine(socket);
  const listed: unknown = await engine.get("/containers/json?all=1").catch((error: unknown) => {
    if (error instanceof UserError && error.code === "NO_ENGINE") throw unknown(names, error);
    throw error;
  });
  const containers: ListedContainer[] = Array.isArray(listed) ? listed : [];
  const using: string[] = [];
  for (const { Id = "" } of containers) {
    if (!/^[0-9a-f]{64}$/.test(Id)) continue;
    const inspected: InspectedContainer = Object(await engine.get(`/containers/${Id}/json`));
    if (names.includes(inspected.HostConfig?.Runtime ?? "")) {
      using.push(inspected.Name?.replace(/^\//, "") ?? Id.slice(0, 12));
    }
  }
  if (using.length === 0) return;
  const more = using.length > 5 ? ` and ${using.length - 5} more` : "";
  throw new UserError(
    "IN_USE",
    `${using.length} containers have the runtime ${names.join(", ")}: ${using.slice(0, 5).join(", ")}${more}; nothing was changed`,
    { hint: "remove them (docker rm), or use --force: none of them can be started afterwards" },
  );
}

function unknown(names: readonly string[], cause: UserError): UserError {
  return new UserError(
    "IN_USE",
    `it is unknown whether containers have the runtime ${names.join(", ")}: ${cause.message}; nothing was changed`,
    { hint: "start Docker, or use --force", cause },
  );
}
