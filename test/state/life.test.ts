import {
  assert,
  type Command,
  commands as sequencesOf,
  constant,
  modelRun,
  property,
} from "fast-check";
import { expect, test } from "vitest";
import { assess, type Facts, isOver, type Remembered } from "../../src/state/assess.ts";
import { nextState, type SandboxEvent } from "../../src/state/transitions.ts";

/** What is true of a container, whatever is remembered of it. */
interface Truth {
  exists: boolean;
  runs: boolean;
  /** Made by the low-level runtime, and not started. */
  isCreated: boolean;
  keep: boolean;
  /** Whether it ever had its addresses while it existed. */
  hadAddresses: boolean;
  /** Whether its engine's folder of containers is where it was. */
  dataRootIsThere: boolean;
  /** Whether it has a name that its network is reserved for. */
  isNamed: boolean;
}

/** A sandbox as it is remembered, and whether its namespace is there; undefined: nothing is left of it. */
interface Real {
  sandbox: (Remembered & { netnsIsThere: boolean }) | undefined;
}

function move({ sandbox }: Real, event: SandboxEvent): void {
  if (sandbox !== undefined) sandbox.state = nextState(sandbox.state, event);
}

function factsOf(truth: Truth, { sandbox }: Real): Facts {
  const container = truth.dataRootIsThere ? (truth.exists ? "there" : "gone") : "unknown";
  const abandoned = container === "gone" && truth.isCreated && !truth.runs;
  const process = abandoned ? "abandoned" : truth.runs || truth.isCreated ? "running" : "stopped";
  return { container, process, netns: sandbox?.netnsIsThere === true ? "there" : "lost" };
}

/** As gc does; `reaches`: how far the removal comes before the process is killed. */
function collect(truth: Truth, real: Real, reaches: "the record" | "the end"): void {
  const { sandbox } = real;
  const marks = { reservation: truth.isNamed ? {} : undefined };
  reserve(truth, real);
  if (sandbox === undefined || !isOver(assess(sandbox, marks, factsOf(truth, real)))) return;
  if (factsOf(truth, real).process === "abandoned") truth.isCreated = false;
  move(real, "removing");
  if (reaches === "the end") real.sandbox = undefined;
}

function attachment(addresses: string[]): Remembered["attachments"][number] {
  return { network: "lan", ifName: "eth0", list: "{}", cniArgs: [], capabilityArgs: {}, addresses };
}

/** As gc does with what the next container of a name is to have. */
function reserve(truth: Truth, real: Real): void {
  const { sandbox } = real;
  const marks = { reservation: truth.isNamed ? {} : undefined };
  if (sandbox === undefined || assess(sandbox, marks, factsOf(truth, real)).life !== "reserved")
    return;
  if (sandbox.state === "creating") sandbox.unfinished = true;
  move(real, "reserving");
}

/** As the start of the next container of the name does. */
function adopt(real: Real): void {
  move(real, real.sandbox?.unfinished === true ? "adoptingUnfinished" : "adopting");
  delete real.sandbox?.unfinished;
}

/** How far a start comes. */
const REACHES = ["the record", "the namespace", "the plugins", "the runtime", "the end"] as const;
type Reach = (typeof REACHES)[number];

/** As `create` and `start` do, until they are killed. */
function start(truth: Truth, real: Real, reach: Reach): void {
  const facts: Facts = { container: "there", process: "stopped", netns: "unread" };
  if (real.sandbox?.state === "reserved") adopt(real);
  if (real.sandbox !== undefined && assess(real.sandbox, {}, facts).life !== "kept") {
    move(real, "removing");
    real.sandbox = undefined;
  }
  const isKept = real.sandbox !== undefined;
  real.sandbox ??= {
    state: "creating",
    keep: truth.keep || truth.isNamed,
    ...(truth.isNamed && { reserve: "web" }),
    attachments: [attachment([])],
    netnsIsThere: false,
  };
  const isWhole = assess(real.sandbox, {}, factsOf(truth, real)).network === "whole";
  if (isKept && !isWhole) move(real, "rebuilding");
  if (reach === "the record") return;
  real.sandbox.netnsIsThere = true;
  if (reach === "the namespace") return;
  if (!isWhole) {
    const [one] = real.sandbox.attachments;
    if (one !== undefined && one.addresses.length === 0) one.addresses.push("10.0.0.2/24");
    move(real, "attached");
  }
  truth.hadAddresses = true;
  if (reach === "the plugins") return;
  truth.isCreated = true;
  if (reach === "the runtime") return;
  truth.isCreated = false;
  truth.runs = true;
}

function command(
  name: string,
  isPossible: (truth: Truth) => boolean,
  happen: (truth: Truth, real: Real) => void,
): Command<Truth, Real> {
  return {
    check: (truth) => isPossible(truth),
    run(truth, real) {
      happen(truth, real);
      if (truth.exists && truth.keep && truth.hadAddresses && real.sandbox?.state !== undefined) {
        expect(real.sandbox.state).not.toBe("removing");
      }
      if (truth.exists && (truth.runs || (truth.keep && truth.hadAddresses))) {
        expect(real.sandbox).toBeDefined();
      }
    },
    toString: () => name,
  };
}

const isIdle = ({ runs, isCreated }: Truth): boolean => !runs && !isCreated;

const events = [
  ...REACHES.map((reach) =>
    constant(
      command(
        `a start that reaches ${reach}`,
        (truth) => truth.exists && truth.dataRootIsThere && isIdle(truth),
        (truth, real) => start(truth, real, reach),
      ),
    ),
  ),
  constant(
    command(
      "a stop",
      ({ runs }) => runs,
      (truth) => (truth.runs = false),
    ),
  ),
  constant(
    command(
      "the end of what was created and not started",
      ({ isCreated }) => isCreated,
      (truth) => (truth.isCreated = false),
    ),
  ),
  constant(
    command(
      "a removal by the engine",
      ({ exists, runs }) => exists && !runs,
      (truth) => (truth.exists = false),
    ),
  ),
  constant(
    command(
      "docker run of the same name",
      ({ exists, isNamed, dataRootIsThere }) => !exists && isNamed && dataRootIsThere,
      (truth, real) => {
        if (factsOf(truth, real).process === "abandoned") truth.isCreated = false;
        reserve(truth, real);
        truth.exists = true;
      },
    ),
  ),
  constant(
    command(
      "a reboot",
      () => true,
      (truth, real) => {
        truth.runs = false;
        truth.isCreated = false;
        if (real.sandbox !== undefined) real.sandbox.netnsIsThere = false;
      },
    ),
  ),
  constant(
    command(
      "the data root is moved, or mounted again",
      () => true,
      (truth) => (truth.dataRootIsThere = !truth.dataRootIsThere),
    ),
  ),
  constant(
    command("the address is asked for by another container", isIdle, (_, real) => {
      if (real.sandbox?.state === "attached" || real.sandbox?.state === "creating")
        move(real, "handingOver");
    }),
  ),
  ...(["the record", "the end"] as const).map((reaches) =>
    constant(
      command(
        `a gc that reaches ${reaches}`,
        () => true,
        (truth, real) => collect(truth, real, reaches),
      ),
    ),
  ),
];

test.each([
  { keep: true, isNamed: false },
  { keep: false, isNamed: false },
  { keep: true, isNamed: true },
])(
  "whatever happens, no container that exists loses its network, and one that is gone leaves nothing (keep: $keep) but what is reserved (name: $isNamed)",
  ({ keep, isNamed }) => {
    assert(
      property(sequencesOf(events, { maxCommands: 40 }), (commands) => {
        const truth: Truth = {
          exists: true,
          runs: false,
          isCreated: false,
          keep,
          hadAddresses: false,
          dataRootIsThere: true,
          isNamed,
        };
        const real: Real = { sandbox: undefined };
        modelRun(() => ({ model: truth, real }), commands);
        // The container ends and is removed, and one gc later nothing of it is there.
        Object.assign(truth, { runs: false, exists: false, dataRootIsThere: true });
        collect(truth, real, "the end");
        const left = isNamed && truth.hadAddresses ? "reserved" : undefined;
        expect(real.sandbox?.state).toBe(left);
      }),
      { numRuns: 2000 },
    );
  },
);
