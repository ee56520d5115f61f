import { existsSync, lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import { errnoOf } from "../lib/errors.ts";
import { assess, type Assessment, type Facts, isOver, type Marks } from "./assess.ts";
import { isRunning } from "./container-state.ts";
import { makingOf } from "./making.ts";
import { isParked } from "./parked.ts";
import { netnsFact, type NetnsSource } from "./network-now.ts";
import type { SandboxRecord } from "./record.ts";
import { awaitsStart, stateByFolder } from "./running.ts";
import type { SandboxStore } from "./store.ts";

/** Where the facts about a sandbox are read. */
export interface FactSource extends NetnsSource {
  store: SandboxStore;
  /** How long after its stop a container keeps its network, ms; undefined: until it is removed. */
  keepForMs: number | undefined;
  /** How long a network waits for the next container of its name, ms; undefined: until it is released. */
  reserveForMs: number | undefined;
}

/** Looks at the host, and says what the sandbox of `record` is; of an unreadable one `record` is the recovered one. */
export function assessNow(
  source: FactSource,
  record: SandboxRecord,
  isUnreadable = false,
): Assessment & { facts: Facts; marks: Marks } {
  const facts = readFacts(source, record);
  const { store } = source;
  const marks = {
    ...readMarks(store, record.id),
    isParked: facts.netns === "lost" && isParked(store, record.id),
    isUnproven: facts.process === "stopped" && makingOf(store, record.id) === "unproven",
  };
  const found = assess(isUnreadable ? "unreadable" : record, marks, facts, source);
  return { ...found, facts, marks };
}

/** Whether the container of `record` runs. */
export function runsNow(store: SandboxStore, record: SandboxRecord): boolean {
  return processFact(store, record, containerFact(record.containerDir)) === "running";
}

/**
 * Whether nobody can be at the sandbox but to release it, because its engine has removed the container or it is being undone.
 * One whose start failed may be over too, and its start still be at it.
 */
export function isLeftToRelease(record: SandboxRecord | "unreadable" | undefined): boolean {
  if (typeof record !== "object") return false;
  const container = containerFact(record.containerDir);
  return isOver(assess(record, {}, { container, process: "unread", netns: "unread" }));
}

/**
 * Whether there is a sandbox to be released whose container is gone, and it is time to do so: a quick look at many, that
 * reads no record.
 */
export function hasGarbage({
  store,
  ...policy
}: Pick<FactSource, "store" | "reserveForMs">): boolean {
  const ids = store.list();
  // One engine has nearly all of them: a list of its folder spares a look at each.
  const { containerDir: one } = store.links(ids[0] ?? "");
  const present = new Set(one === undefined ? [] : listFolder(dirname(one)));
  return ids.some((id) => {
    if (present.has(id)) return false;
    const container = containerFact(store.links(id).containerDir);
    if (container !== "gone") return false;
    const marks = readMarks(store, id);
    const facts: Facts = { container, process: "unread", netns: "unread" };
    const { life } = assess("unread", marks, facts, { ...policy, hookMs: HOOK_MS });
    // One whose removal nobody has seen yet holds its ports still.
    return life === "releasable" || (life === "reserved" && marks.reservation?.forMs === undefined);
  });
}

/** How long a sandbox is left to what the poststop hook of its container left behind, ms. */
const HOOK_MS = 5000;

function readFacts(source: FactSource, record: SandboxRecord): Facts {
  const container = containerFact(record.containerDir);
  const process = processFact(source.store, record, container);
  return { container, process, netns: netnsFact(source, record) };
}

function readMarks(store: SandboxStore, id: string): Marks {
  const nextAt = store.readRetry(id)?.nextAt;
  return {
    stoppedForMs: store.stoppedFor(id),
    ...(nextAt !== undefined && { retryInMs: nextAt - Date.now() }),
    reservation: readReservation(store, id),
  };
}

/** Whether the network is for the next container of its name, by the link beside its record, and since when it waits for that. */
function readReservation(store: SandboxStore, id: string): Marks["reservation"] {
  const [link, mark] = ["reserve", "reserved"].map((name) =>
    lstatSync(join(store.pathOf(id), name), { throwIfNoEntry: false }),
  );
  return link && { forMs: mark && Math.max(0, Date.now() - mark.mtimeMs) };
}

/** Looks for the container where its engine keeps it. */
function containerFact(containerDir: string | undefined): Facts["container"] {
  if (containerDir === undefined) return "none";
  if (existsSync(containerDir)) return "there";
  return isEngineThere(dirname(containerDir)) ? "gone" : "unknown";
}

function processFact(
  store: SandboxStore,
  record: SandboxRecord,
  container: Facts["container"],
): Facts["process"] {
  if (container === "gone" && awaitsStart(record.runtimeDir)) return "abandoned";
  if (makingOf(store, record.id) === "at work") return "running";
  // The hook marks a stop when the runtime has forgotten the container, which need not be asked again then. The hook of a start
  // that was killed may come late, when the container has been started again.
  const isMarked = store.stoppedAt(record.id) !== undefined;
  const runs = isMarked ? isSeenRunning(record.runtimeDir) : isRunning(store, record);
  return runs ? "running" : "stopped";
}

function isSeenRunning(runtimeDir: string): boolean {
  return runtimeDir !== "" && stateByFolder(runtimeDir) === "running";
}

function listFolder(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
