import { spawnSync } from "node:child_process";
import type { SandboxRecord } from "./record.ts";
import { type RuntimeKey, noteOf } from "./runtime-notes.ts";
import { stateByFolder } from "./running.ts";
import type { SandboxStore } from "./store.ts";

/**
 * Whether the low-level runtime has the container of `record`, and it has not stopped; one that is being made counts. Where
 * the runtime keeps its state in a way that is not known here it is asked.
 */
export function isRunning(store: SandboxStore, record: SandboxRecord): boolean {
  const { id, runtimeDir, containerDir } = record;
  const note = noteOf(store.runtimeNotes, { id, runtimeDir, sandbox: store.pathOf(id) });
  if (note?.isBeingMade) return true;
  // An empty path is one that is not known.
  const byFolder = runtimeDir === "" ? "absent" : stateByFolder(runtimeDir);
  if (byFolder === "running" || byFolder === "stopped") return byFolder === "running";
  if (note !== undefined) return askRuntime(note.path, note.key) === "running";
  return byFolder === "unclear" || (runtimeDir === "" && containerDir === undefined);
}

/**
 * The runtime's own answer to `state ID` (OCI runtime specification, "Query State"). What is not understood, or not answered
 * within ten seconds, means running: only that there is no such container means that it is gone.
 */
export function askRuntime(path: string, { root, id }: RuntimeKey): "running" | "stopped" | "gone" {
  const flags = root === "" ? [] : ["--root", root];
  const { status, stdout, stderr } = spawnSync(path, [...flags, "state", id], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 10_000,
    killSignal: "SIGKILL",
  });
  if (status === 0) return /"status"\s*:\s*"stopped"/.test(stdout) ? "stopped" : "running";
  return status !== null && saysGone(stderr, id) ? "gone" : "running";
}

/** A library or a file of the runtime's own that is missing says "no such file" too, but not of the container. */
function saysGone(stderr: string, id: string): boolean {
  return stderr.split("\n").some((line) => {
    if (/container\b.*(does not exist|doesn't exist|not found)|no such container/i.test(line))
      return true;
    return line.includes(id) && /not exist|not found|no such file/i.test(line);
  });
}
