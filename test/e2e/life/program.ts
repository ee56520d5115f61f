import { join } from "node:path";
import { dockerEnv } from "../harness/cli.ts";
import { REPOSITORY } from "../harness/config.ts";
import type { DockerHost } from "../harness/host.ts";
import { run, type CommandResult } from "../harness/shell.ts";
import { inHostNetns } from "../harness/traces.ts";

/** Runs an operator's command with the host's configuration. */
export function program({ place }: DockerHost, ...args: string[]): Promise<CommandResult> {
  const launcher = join(REPOSITORY, "bin/docker-cni");
  const argv = [launcher, "--config", join(place.dir, "cni.yaml"), "--", ...args];
  return run([...inHostNetns(place), ...argv], { env: dockerEnv(place) });
}

/** What an operator's command prints with --json. */
export async function programJson<T>(host: DockerHost, ...args: string[]): Promise<T> {
  const { stdout, stderr } = await program(host, ...args, "--json");
  if (stdout === "") throw new Error(stderr);
  const value: T = JSON.parse(stdout);
  return value;
}

/** The path of the record of a container's sandbox. */
export function recordPath({ place }: DockerHost, id: string): string {
  return join(place.dir, "state/sandboxes", id, "record.json");
}
