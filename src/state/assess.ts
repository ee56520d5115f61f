import type { SandboxRecord } from "./record.ts";

/** What the host tells at one moment of a sandbox's container and of its network namespace. */
export interface Facts {
  /**
   * The engine's own folder of the container. `unknown`: it is not there, and it is unknown whether its engine is, as with a data
   * root that was moved. `none`: its engine has no such folder.
   */
  container: "there" | "gone" | "unknown" | "none";
  /**
   * By the low-level runtime. `abandoned`: it made the container, and the engine has removed that before its start: the start
   * comes no more. `unread`: nobody looked.
   */
  process: "running" | "stopped" | "abandoned" | "unread";
  /** The namespace of the attachments: `lost` where there is none of that name, or one of another boot. */
  netns: "there" | "lost" | "unread";
}

/** What is noted beside the record. */
export interface Marks {
  /** How long the container has been stopped, ms; undefined while it has not, or where nothing tells. */
  stoppedForMs?: number | undefined;
  /** Whether its first start was left to the low-level runtime, and nobody knows of a container that came of it. */
  isUnproven?: boolean;
  /** Whether its namespace was given up on purpose, until its start. */
  isParked?: boolean;
  /** When a removal that failed is tried again, in ms from now; not positive: it is time. */
  retryInMs?: number | undefined;
  /** Its network is for the next container of its name. `forMs`: for how long it has been waiting for that; undefined: not yet. */
  reservation?: { forMs?: number | undefined } | undefined;
}

export interface Policy {
  /** How long a stopped container keeps its network, ms; undefined: until it is removed. */
  keepForMs?: number | undefined;
  /** How long a network waits for the next container of its name, ms; undefined: until it is released. */
  reserveForMs?: number | undefined;
  /** How long after a stop a removal is left to what the poststop hook left behind, ms; undefined: not at all. */
  hookMs?: number | undefined;
}

/** What a sandbox is. */
export interface Assessment {
  /**
   * `starting`: its container runs or is being created, and its network is not there to the end. `running`: its container runs with
   * its network. `kept`: its container is stopped, and has its network again at its next start. `unknown`: nothing tells whether
   * its container exists, or runs. `reserved`: its container is gone, and the next one of its name has it. `releasable`: nobody needs it. `retry later`: nobody needs it, and its removal failed a short
   * time ago. `left to its hook`: nobody needs it, and what its poststop hook left behind is about to remove it.
   */
  life:
    | "starting"
    | "running"
    | "kept"
    | "unknown"
    | "reserved"
    | "releasable"
    | "retry later"
    | "left to its hook";
  /**
   * What there is to come back to. `none`: it never had its addresses, or is being removed. `unfinished`: it had them, and was not
   * built again to the end. `lost`: its namespace is gone. `parked`: so it is, on purpose, until the start. `whole`: it is as its attachments were made. `unknown`: its
   * record or its namespace was not read.
   */
  network: "none" | "unfinished" | "lost" | "parked" | "whole" | "unknown";
}

/** What of a record counts here. */
export type Remembered = Pick<
  SandboxRecord,
  "state" | "keep" | "attachments" | "disconnected" | "unfinished" | "reserve"
>;

/**
 * Says what a sandbox is, from all that is known of it: the one place where this is decided. What is unknown is never
 * releasable: a container that exists never loses its network. The record may be `unreadable`, or `unread` by who only
 * wants to know whether there is anything to be released.
 */
export function assess(
  record: Remembered | "unreadable" | "unread",
  marks: Marks,
  facts: Facts,
  policy: Policy = {},
): Assessment {
  const counts = withoutUnproven(record, marks, facts);
  return { life: lifeOf(counts, marks, facts, policy), network: networkOf(counts, marks, facts) };
}

/** A first start that came to nothing was given no network, whatever is written of it. */
function withoutUnproven<R extends Remembered | "unreadable" | "unread">(
  record: R,
  { isUnproven = false }: Marks,
  { process }: Facts,
): R | Remembered {
  if (!isUnproven || process !== "stopped" || typeof record !== "object") return record;
  if (record.state === "removing") return record;
  return { state: "creating", keep: record.keep, attachments: [] };
}

/** Whether nobody needs the sandbox: it is to be released, now or later. */
export function isOver({ life }: Pick<Assessment, "life">): boolean {
  return life === "releasable" || life === "retry later" || life === "left to its hook";
}

function lifeOf(
  record: Remembered | "unreadable" | "unread",
  { stoppedForMs, retryInMs = 0, reservation }: Marks,
  facts: Facts,
  {
    keepForMs = Number.POSITIVE_INFINITY,
    reserveForMs = Number.POSITIVE_INFINITY,
    hookMs = 0,
  }: Policy,
): Assessment["life"] {
  const isKeptTooLong =
    stoppedForMs !== undefined && stoppedForMs > keepForMs && reservation === undefined;
  if (!isNeeded(record, facts, isKeptTooLong)) {
    const { forMs = 0 } = reservation ?? {};
    if (reservation !== undefined && forMs <= reserveForMs && isReservable(record))
      return "reserved";
    if (stoppedForMs !== undefined && stoppedForMs < hookMs) return "left to its hook";
    return retryInMs > 0 && retryInMs <= LONGEST_PAUSE_MS ? "retry later" : "releasable";
  }
  if (facts.process === "unread" || facts.container === "unknown") {
    return facts.process === "running" ? startedAs(record) : "unknown";
  }
  return facts.process === "running" ? startedAs(record) : "kept";
}

function startedAs(record: Remembered | "unreadable" | "unread"): "starting" | "running" {
  return typeof record === "object" && record.state === "creating" ? "starting" : "running";
}

/** Whether the container needs its network, or may need it. */
function isNeeded(
  record: Remembered | "unreadable" | "unread",
  { container, process }: Facts,
  isKeptTooLong: boolean,
): boolean {
  if (typeof record === "object" && record.state === "removing") return false;
  if (process === "running") return true;
  // The engine removes a container only when it does not run; without its engine only its process tells.
  if (container === "gone") return false;
  if (process === "unread" || container === "unknown") return true;
  if (container === "none") return false;
  // Nobody can tell of an unreadable record that it is not worth keeping.
  if (typeof record !== "object") return true;
  return (record.keep || record.state === "reserved") && hadNetwork(record) && !isKeptTooLong;
}

/** Whether there is anything to wait for a successor with. */
function isReservable(record: Remembered | "unreadable" | "unread"): boolean {
  if (typeof record !== "object") return true;
  return record.state !== "removing" && record.reserve !== undefined && hadNetwork(record);
}

function networkOf(
  record: Remembered | "unreadable" | "unread",
  { isParked = false }: Marks,
  { netns, process }: Facts,
): Assessment["network"] {
  if (typeof record !== "object") return "unknown";
  if (record.state === "removing" || !hadNetwork(record)) return "none";
  if (record.state === "creating" || record.unfinished === true) return "unfinished";
  if (netns === "unread") return "unknown";
  if (netns === "there") return "whole";
  return isParked && process === "stopped" ? "parked" : "lost";
}

/** Whether the sandbox has ever had its addresses; a rebuild asks for them again. */
function hadNetwork({ state, attachments, disconnected }: Remembered): boolean {
  return (
    state === "attached" ||
    state === "reserved" ||
    // That was a network once; there may be none left.
    disconnected !== undefined ||
    attachments.some(({ addresses, lost }) => addresses.length > 0 || lost !== undefined)
  );
}

/** The longest pause between two tries of a removal that fails, ms. A time further ahead is an error of the clock. */
export const LONGEST_PAUSE_MS = 3_600_000;
