import { describe, expect, test } from "vitest";
import {
  type AttachmentEvent,
  type AttachmentState,
  nextAttachmentState,
} from "../../src/state/changes.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import {
  nextPortsState,
  nextState,
  type PortsEvent,
  type SandboxEvent,
} from "../../src/state/transitions.ts";

/** A word for what each event makes of each state; `-`: it cannot happen. */
const STATES = `
               attached   rebuilding  handingOver  reserving  adopting  adoptingUnfinished  removing
  creating     attached   creating    creating     reserved   -         -                   removing
  attached     -          creating    creating     reserved   -         -                   removing
  reserved     -          -           -            reserved   attached  creating            removing
  removing     -          -           -            -          -         -                   removing
`;
const PORTS = `
               releasing  released    acquiring    held
  held         releasing  -           acquiring    -
  releasing    releasing  released    acquiring    -
  released     -          -           acquiring    -
  acquiring    releasing  -           acquiring    held
`;
const ATTACHMENTS = `
                 connecting  connected  disconnecting  disconnected
  none           connecting  attached   -              -
  connecting     -           attached   disconnecting  -
  attached       -           -          disconnecting  -
  disconnecting  -           -          disconnecting  none
`;

interface Cell<State, Event> {
  from: State;
  event: Event;
  to: string;
}

/** The cells of a table whose first line names the events, and whose lines begin with a state. */
function cells<State extends string, Event extends string>(
  table: string,
  { states, events }: { states: readonly State[]; events: readonly Event[] },
): Cell<State, Event>[] {
  const [head = [], ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  expect(head).toEqual(events);
  expect(rows.map(([state]) => state)).toEqual(states);
  return states.flatMap((from, line) =>
    events.map((event, place) => ({ from, event, to: rows[line]?.[place + 1] ?? "" })),
  );
}

/** What `work` gives, or the message of the error that it throws. */
function outcome(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const ofSandboxes = cells<SandboxRecord["state"], SandboxEvent>(STATES, {
  states: ["creating", "attached", "reserved", "removing"],
  events: [
    "attached",
    "rebuilding",
    "handingOver",
    "reserving",
    "adopting",
    "adoptingUnfinished",
    "removing",
  ],
});
const ofPorts = cells<NonNullable<SandboxRecord["ports"]> | "held", PortsEvent>(PORTS, {
  states: ["held", "releasing", "released", "acquiring"],
  events: ["releasing", "released", "acquiring", "held"],
});
const ofAttachments = cells<AttachmentState, AttachmentEvent>(ATTACHMENTS, {
  states: ["none", "connecting", "attached", "disconnecting"],
  events: ["connecting", "connected", "disconnecting", "disconnected"],
});

describe("a sandbox", () => {
  test.each(ofSandboxes)("that is $from, when it is $event: $to", ({ from, event, to }) => {
    const refusal = `a sandbox that is ${from} cannot be ${event}`;
    expect(outcome(() => nextState(from, event))).toBe(to === "-" ? refusal : to);
  });
});

describe("published ports", () => {
  test.each(ofPorts)("that are $from, when they are $event: $to", ({ from, event, to }) => {
    const ports = from === "held" ? undefined : from;
    const refusal = `ports that are ${from} cannot be ${event}`;
    expect(outcome(() => nextPortsState(ports, event) ?? "held")).toBe(to === "-" ? refusal : to);
  });
});

describe("an attachment", () => {
  test.each(ofAttachments)("that is $from, when it is $event: $to", ({ from, event, to }) => {
    const refusal = `an attachment that is ${from} cannot be ${event}`;
    expect(outcome(() => nextAttachmentState(from, event))).toBe(to === "-" ? refusal : to);
  });
});
