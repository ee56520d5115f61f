import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerEnv, socketPath } from "../harness/cli.ts";
import { REPOSITORY } from "../harness/config.ts";
import type { DockerHost } from "../harness/host.ts";
import { type CommandResult, must, run } from "../harness/shell.ts";
import { inHostNetns } from "../harness/traces.ts";

/** A finding as `doctor --json` prints it. */
export interface FindingJson {
  section: string;
  check: string;
  status: "fine" | "warning" | "broken";
  title: string;
  detail: string;
  remedy: { command: string; fix: boolean } | null;
}

export interface DoctorJson {
  findings: FindingJson[];
  fixed: { command: string; error?: string }[];
}

/** The environment of a person at this host, whose `docker-cni` is the one of this checkout with the host's configuration. */
function personEnv({ place }: DockerHost): Record<string, string> {
  const bin = join(place.dir, "bin");
  mkdirSync(bin, { recursive: true });
  const launcher = join(REPOSITORY, "bin/docker-cni");
  const script = `#!/bin/sh\nexec ${launcher} --config ${join(place.dir, "cni.yaml")} -- "$@"\n`;
  writeFileSync(join(bin, "docker-cni"), script);
  chmodSync(join(bin, "docker-cni"), 0o755);
  const env = dockerEnv(place);
  return { ...env, DOCKER_HOST: `unix://${socketPath(place)}`, PATH: `${bin}:${env["PATH"]}` };
}

/** Runs `docker-cni doctor` at the host. */
export function doctor(host: DockerHost, ...args: string[]): Promise<CommandResult> {
  const launcher = join(REPOSITORY, "bin/docker-cni");
  const argv = [launcher, "--config", join(host.place.dir, "cni.yaml"), "--", "doctor", ...args];
  return run([...inHostNetns(host.place), ...argv], { env: personEnv(host) });
}

export async function doctorJson(host: DockerHost, ...args: string[]): Promise<DoctorJson> {
  const { stdout, stderr } = await doctor(host, "--json", ...args);
  if (stdout === "") throw new Error(stderr);
  const value: DoctorJson = JSON.parse(stdout);
  return value;
}

/** What a check says that is not fine. */
export async function complaints(host: DockerHost, check: string): Promise<FindingJson[]> {
  const { findings } = await doctorJson(host);
  return findings.filter((each) => each.check === check && each.status !== "fine");
}

/** Types a line at the host, as a person would copy it from the report. */
export function type(host: DockerHost, line: string): Promise<string> {
  return must([...inHostNetns(host.place), "sh", "-c", line], { env: personEnv(host) });
}
