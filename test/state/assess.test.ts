import { describe, expect, test } from "vitest";
import {
  assess,
  type Assessment,
  type Facts,
  type Marks,
  type Policy,
  type Remembered,
} from "../../src/state/assess.ts";

/** The records that there can be; `first start` and `rebuild` are `creating`, without and with addresses of before. */
const RECORDS = ["unread", "unreadable", "first start", "rebuild", "attached", "removing"] as const;
type Kind = (typeof RECORDS)[number];

const CONTAINERS = ["there", "gone", "unknown", "none"] as const;
const PROCESSES = ["running", "stopped", "abandoned", "unread"] as const;
const KEEPS = ["yes", "no"] as const;

/**
 * The life of a sandbox, to be read as its specification. Each combination that can occur has one row; `any` stands for all,
 * `|` for one or the other.
 */
const LIFE = `
  record                                     keep  container      process                   life

  removing                                   any   any            any                       releasable

  first start | rebuild                      any   any            running                   starting
  attached | unreadable                      any   any            running                   running

  first start | rebuild | attached           any   gone           stopped|abandoned|unread  releasable
  unreadable                                 any   gone           stopped|abandoned|unread  releasable
  unread                                     any   gone           unread                    releasable

  first start | rebuild | attached           any   unknown        stopped|unread            unknown
  unreadable                                 any   unknown        stopped|unread            unknown
  unread                                     any   unknown        unread                    unknown

  first start | rebuild | attached           any   none           stopped                   releasable
  unreadable                                 any   none           stopped                   releasable
  first start | rebuild | attached           any   none|there     unread                    unknown
  unreadable | unread                        any   none|there     unread                    unknown

  first start                                any   there          stopped                   releasable
  rebuild | attached                         yes   there          stopped                   kept
  rebuild | attached                         no    there          stopped                   releasable
  unreadable                                 any   there          stopped                   kept
`;

interface Row {
  record: string[];
  keep: string[];
  container: string[];
  process: string[];
  life: string;
}

const words = (cell: string): string[] => cell.split("|").map((word) => word.trim());

const rows: Row[] = LIFE.trim()
  .split("\n")
  .slice(1)
  .filter((line) => line.trim() !== "")
  .map((line) => {
    const [record = "", keep = "", container = "", process = "", life = ""] = line
      .trim()
      .split(/ {2,}/);
    return {
      record: words(record),
      keep: words(keep),
      container: words(container),
      process: words(process),
      life,
    };
  });

interface Situation {
  record: Kind;
  keep: string;
  container: Facts["container"];
  process: Facts["process"];
}

/** An engine that removes a container before its start has removed it; who reads no record looks at no process. */
function canOccur({ record, container, process }: Situation): boolean {
  return (
    !(process === "abandoned" && container !== "gone") &&
    !(record === "unread" && process !== "unread")
  );
}

const situations: Situation[] = RECORDS.flatMap((record) =>
  KEEPS.flatMap((keep) =>
    CONTAINERS.flatMap((container) =>
      PROCESSES.map((process) => ({ record, keep, container, process })),
    ),
  ),
).filter(canOccur);

const fits = (cell: string[], word: string): boolean => cell.includes("any") || cell.includes(word);

function matches(row: Row, situation: Situation): boolean {
  return (
    fits(row.record, situation.record) &&
    fits(row.keep, situation.keep) &&
    fits(row.container, situation.container) &&
    fits(row.process, situation.process)
  );
}

const attachment = { network: "lan", ifName: "eth0", list: "{}", cniArgs: [], capabilityArgs: {} };

function remembered(kind: Kind, keep = true): Remembered | "unread" | "unreadable" {
  if (kind === "unread" || kind === "unreadable") return kind;
  const addresses = kind === "first start" ? [] : ["10.0.0.2/24"];
  const state = kind === "first start" || kind === "rebuild" ? "creating" : kind;
  return { state, keep, attachments: [{ ...attachment, addresses }] };
}

describe("what a sandbox is", () => {
  test.each(situations)(
    "record $record (keep: $keep), container $container, process $process",
    ({ record, keep, container, process }) => {
      const row = rows.filter((each) => matches(each, { record, keep, container, process }));
      expect(row).toHaveLength(1);
      const facts = { container, process, netns: "there" } as const;
      expect(assess(remembered(record, keep === "yes"), {}, facts).life).toBe(row[0]?.life);
    },
  );

  test("is told by a table in which every row is of use", () => {
    const idle = rows.filter((row) => !situations.some((situation) => matches(row, situation)));
    expect(idle).toEqual([]);
  });
});

const stopped: Facts = { container: "there", process: "stopped", netns: "there" };
const gone: Facts = { container: "gone", process: "stopped", netns: "there" };

describe("what is noted beside the record counts", () => {
  test.each<{ title: string; marks: Marks; policy: Policy; facts: Facts; life: string }>([
    {
      title: "a container that is stopped for less than keep_for",
      marks: { stoppedForMs: 999 },
      policy: { keepForMs: 1000 },
      facts: stopped,
      life: "kept",
    },
    {
      title: "a container that is stopped for longer than keep_for",
      marks: { stoppedForMs: 1001 },
      policy: { keepForMs: 1000 },
      facts: stopped,
      life: "releasable",
    },
    {
      title: "one of which nothing tells how long it is stopped",
      marks: {},
      policy: { keepForMs: 1000 },
      facts: stopped,
      life: "kept",
    },
    {
      title: "one that runs, whatever is noted",
      marks: { stoppedForMs: 1001, retryInMs: 1000 },
      policy: { keepForMs: 1000, hookMs: 5000 },
      facts: { ...stopped, process: "running" },
      life: "running",
    },
    {
      title: "a removal that failed, before its next try",
      marks: { retryInMs: 1 },
      policy: {},
      facts: gone,
      life: "retry later",
    },
    {
      title: "a removal that failed, at its next try",
      marks: { retryInMs: 0 },
      policy: {},
      facts: gone,
      life: "releasable",
    },
    {
      title: "a next try that is further away than any pause, by an error of the clock",
      marks: { retryInMs: 3_600_001 },
      policy: {},
      facts: gone,
      life: "releasable",
    },
    {
      title: "a container that is gone and has just stopped, for who leaves it to the hook",
      marks: { stoppedForMs: 4999 },
      policy: { hookMs: 5000 },
      facts: gone,
      life: "left to its hook",
    },
    {
      title: "the same, a moment later",
      marks: { stoppedForMs: 5000 },
      policy: { hookMs: 5000 },
      facts: gone,
      life: "releasable",
    },
    {
      title: "the same, for who does not leave it to the hook",
      marks: { stoppedForMs: 0 },
      policy: {},
      facts: gone,
      life: "releasable",
    },
  ])("$title: $life", ({ marks, policy, facts, life }) => {
    expect(assess(remembered("attached"), marks, facts, policy).life).toBe(life);
  });
});

describe("what there is of its network", () => {
  test.each<{ record: Kind; netns: Facts["netns"]; network: Assessment["network"] }>([
    { record: "unread", netns: "unread", network: "unknown" },
    { record: "unreadable", netns: "there", network: "unknown" },
    { record: "first start", netns: "there", network: "none" },
    { record: "first start", netns: "lost", network: "none" },
    { record: "removing", netns: "there", network: "none" },
    { record: "rebuild", netns: "there", network: "unfinished" },
    { record: "rebuild", netns: "lost", network: "unfinished" },
    { record: "attached", netns: "there", network: "whole" },
    { record: "attached", netns: "lost", network: "lost" },
    { record: "attached", netns: "unread", network: "unknown" },
  ])("$record, namespace $netns: $network", ({ record, netns, network }) => {
    expect(assess(remembered(record), {}, { ...stopped, netns }).network).toBe(network);
  });

  test("a container whose only address was asked for by another one has something to come back to", () => {
    const lost = [{ address: "10.0.0.2/24", by: "c2" }];
    const attachments = [{ ...attachment, addresses: [], lost }];
    const record: Remembered = { state: "creating", keep: true, attachments };
    expect(assess(record, {}, stopped).life).toBe("kept");
  });

  test("a container whose networks were all disconnected is kept while it is built again", () => {
    const record: Remembered = {
      state: "creating",
      keep: true,
      attachments: [],
      disconnected: ["lan"],
    };
    expect(assess(record, {}, stopped).life).toBe("kept");
  });
});

describe("a first start that was left to the runtime", () => {
  const isUnproven = true;
  test.each([
    ["came to nothing: nobody needs what it was given", { ...stopped }, "releasable"],
    ["runs", { ...stopped, process: "running" }, "running"],
    ["may run", { ...stopped, process: "unread" }, "unknown"],
  ] as const)("%s", (_, facts, life) => {
    expect(assess(remembered("attached"), { isUnproven }, facts).life).toBe(life);
  });
});
