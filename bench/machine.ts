import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";

/** What the figures were measured on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  docker: string;
  runc: string;
  node: string;
  /** Load average of the last minute when the run began: what else the machine had to do. */
  load: number;
  date: string;
}

export function describeMachine(runc: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    docker: firstLine("dockerd", ["--version"]),
    runc: firstLine(runc, ["--version"]),
    node: process.version,
    load: loadavg()[0] ?? 0,
    date: new Date().toISOString(),
  };
}

function firstLine(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8" }).split("\n")[0] ?? "";
}
