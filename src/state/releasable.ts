import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import { isRunning } from "./container-state.ts";
import type { SandboxRecord } from "./record.ts";
import { awaitsStart } from "./running.ts";
import type { SandboxStore } from "./store.ts";

/** What the host tells of a container at one moment. */
export interface ContainerFacts {
  /** The engine's folder of the container is there. */
  containerDirExists: boolean;
  /** The engine that owns it is known to be there. */
  engineIsThere: boolean;
  /** The low-level runtime has it, and it has not stopped, and is not abandoned. */
  running: boolean;
  /** The low-level runtime has made it, and its engine has removed it before its start: that comes no more. */
  abandoned?: boolean;
  /** How long it has been stopped, ms; undefined when it runs, or nothing tells. */
  stoppedForMs?: number | undefined;
}

/**
 * Whether the sandbox's container no longer needs its network. What is unknown is answered with no: a container that
 * exists never loses its network. `keepForMs` is how long a stopped one keeps it; without it, until it is removed.
 */
export function isReleasable(
  record: SandboxRecord,
  facts: ContainerFacts,
  keepForMs = Number.POSITIVE_INFINITY,
): boolean {
  if (record.state === "removing") return true;
  if (facts.running) return false;
  if (record.containerDir === undefined) return true;
  if (!facts.containerDirExists) return facts.engineIsThere;
  if (facts.stoppedForMs !== undefined && facts.stoppedForMs > keepForMs) return true;
  return !record.keep || !wasEstablished(record);
}

/** Whether the sandbox has ever had its addresses; a rebuild asks for them again. */
export function wasEstablished(record: SandboxRecord): boolean {
  return (
    record.state === "attached" ||
    record.attachments.some(({ addresses, lost }) => addresses.length > 0 || lost !== undefined)
  );
}

/** Looks for the container where its engine keeps it. */
function readEngineFacts({
  containerDir,
}: SandboxRecord): Pick<ContainerFacts, "containerDirExists" | "engineIsThere"> {
  if (containerDir === undefined) return { containerDirExists: false, engineIsThere: false };
  if (existsSync(containerDir)) return { containerDirExists: true, engineIsThere: true };
  return { containerDirExists: false, engineIsThere: isEngineThere(dirname(containerDir)) };
}

/** Looks at the host for what `isReleasable` needs. */
export function readFacts(store: SandboxStore, record: SandboxRecord): ContainerFacts {
  const engine = readEngineFacts(record);
  const { containerDirExists, engineIsThere } = engine;
  const abandoned = !containerDirExists && engineIsThere && awaitsStart(record.runtimeDir);
  return {
    ...engine,
    abandoned,
    running: !abandoned && store.stoppedAt(record.id) === undefined && isRunning(store, record),
    stoppedForMs: store.stoppedFor(record.id),
  };
}

/** Whether nobody can be at the sandbox but to release it: one that is being made may be over too, when that fails. */
export function isGone(store: SandboxStore, id: string, record = store.read(id)): boolean {
  if (record === undefined || record === "unreadable") return false;
  const { containerDirExists, engineIsThere } = readEngineFacts(record);
  return record.state === "removing" || (!containerDirExists && engineIsThere);
}
