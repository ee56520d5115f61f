import type { SandboxRecord } from "./record.ts";
import type { SandboxStore } from "./store.ts";

type State = SandboxRecord["state"];
/** Of the published ports; `held` is no word in the record. */
type PortsState = NonNullable<SandboxRecord["ports"]> | "held";

/** What happens to a sandbox: the states in which that may be, and the one that it leads to. A new one begins as `creating`. */
const EVENTS = {
  /** Every attachment has its result. */
  attached: { from: ["creating"], to: "attached" },
  /** A kept network is about to be undone, to be made again with its addresses. */
  rebuilding: { from: ["attached", "creating"], to: "creating" },
  /** An address of it was asked for by name by another container: that attachment is about to be undone. */
  handingOver: { from: ["attached", "creating"], to: "creating" },
  /** Its container is gone, and it is left to the next one of its name. */
  reserving: { from: ["attached", "creating", "reserved"], to: "reserved" },
  /** That one has it, as it was left. */
  adopting: { from: ["reserved"], to: "attached" },
  /** That one has it, and builds it again. */
  adoptingUnfinished: { from: ["reserved"], to: "creating" },
  /** It is about to be undone for good. */
  removing: { from: ["attached", "creating", "reserved", "removing"], to: "removing" },
} as const satisfies Record<string, { from: readonly State[]; to: State }>;

/** The same of its published ports. */
const PORT_EVENTS = {
  /** Their DEL is about to begin. */
  releasing: { from: ["held", "releasing", "acquiring"], to: "releasing" },
  /** Their DEL is done. */
  released: { from: ["releasing"], to: "released" },
  /** They are the container's again, and their ADD is about to begin. */
  acquiring: { from: ["held", "releasing", "released", "acquiring"], to: "acquiring" },
  /** Their ADD is done. */
  held: { from: ["acquiring"], to: "held" },
} as const satisfies Record<string, { from: readonly PortsState[]; to: PortsState }>;

export type SandboxEvent = keyof typeof EVENTS;
export type PortsEvent = keyof typeof PORT_EVENTS;

/** The state in which `event` leaves a sandbox that is in `state`; throws where that cannot happen, which is a bug. */
export function nextState(state: State, event: SandboxEvent): State {
  const { from, to }: { from: readonly State[]; to: State } = EVENTS[event];
  if (!from.includes(state)) throw new Error(`a sandbox that is ${state} cannot be ${event}`);
  return to;
}

/** As nextState, for the published ports. */
export function nextPortsState(
  ports: SandboxRecord["ports"],
  event: PortsEvent,
): SandboxRecord["ports"] {
  const { from, to }: { from: readonly PortsState[]; to: PortsState } = PORT_EVENTS[event];
  const state = ports ?? "held";
  if (!from.includes(state)) throw new Error(`ports that are ${state} cannot be ${event}`);
  return to === "held" ? undefined : to;
}

/**
 * Moves a sandbox to its next state, on disk first. That survives a power cut where something comes back after one: what
 * is being removed, or ends with the container, is seen as over by any record of it. What is attached as a whole has its
 * ports.
 */
export function transition(store: SandboxStore, record: SandboxRecord, event: SandboxEvent): void {
  const state = nextState(record.state, event);
  const getsPorts = event === "attached" && record.ports === "acquiring";
  const next = { ...record, state };
  if (getsPorts) setPorts(next, "held");
  store.write(next, { durable: record.keep && state !== "removing" });
  record.state = state;
  if (getsPorts) setPorts(record, "held");
}

/** Moves the ports of a sandbox to their next state, on disk first. */
export function portsTransition(
  store: SandboxStore,
  record: SandboxRecord,
  event: PortsEvent,
): void {
  const next = { ...record };
  setPorts(next, event);
  store.write(next);
  setPorts(record, event);
}

/** As portsTransition, for a record that its caller writes. */
export function setPorts(record: SandboxRecord, event: PortsEvent): void {
  const ports = nextPortsState(record.ports, event);
  if (ports === undefined) delete record.ports;
  else record.ports = ports;
}
