import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./place.ts";

/** The host's API socket. */
export function socketPath(place: Place): string {
  return join(place.dir, "docker.sock");
}

/** The docker command: the one packaged with the daemon if there is one, whatever else is first on PATH. */
export function dockerArgv(place: Place): string[] {
  const cli = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker";
  return [cli, "--host", `unix://${socketPath(place)}`];
}

/**
 * The environment of the docker command and of dockerd: nothing of the user's contexts, TLS or API settings (the API
 * version stays a matter between client and daemon), and no program from node_modules, so that what the runtime
 * finds on PATH is what a service would find.
 */
export function dockerEnv(place: Place): Record<string, string> {
  const path = (process.env.PATH ?? "").split(":").filter((dir) => !dir.includes("node_modules"));
  return {
    PATH: [...path, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":"),
    HOME: place.dir,
    DOCKER_CONFIG: join(place.dir, "docker-config"),
    TERM: process.env.TERM ?? "dumb",
  };
}
