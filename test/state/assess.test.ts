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
const RECORDS = [
  "unread",
  "unreadable",
  "first start",
  "rebuild",
  "attached",
  "reserved",
  "removing",
] as const;
type Kind = (typeof RECORDS)[number];

const CONTAINERS = ["there", "gone", "unknown", "none"] as const;
const PROCESSES = ["running", "stopped", "abandoned", "unread"] as const;
const KEEPS = ["yes", "no"] as const;

/**
 * The life of a sandbox, to be read as its specification. Each combination that can occur has one row; `any` stands for all,
 * `|` for one or the other.
 */
const LIFE = `
  record                                     keep  name  container      process                   life

  removing                                   any   any   any            any                       releasable

  first start | rebuild                      any   any   any            running                   starting
  attached | reserved | unreadable           any   any   any            running                   running

  first start                                any   any   gone           stopped|abandoned|unread  releasable
  rebuild | attached | reserved              any   no    gone           stopped|abandoned|unread  releasable
  rebuild | attached | reserved              any   yes   gone           stopped|abandoned|unread  reserved
  unreadable                                 any   no    gone           stopped|abandoned|unread  releasable
  unreadable                                 any   yes   gone           stopped|abandoned|unread  reserved
  unread                                     any   no    gone           unread                    releasable
  unread                                     any   yes   gone           unread                    reserved

  first start | rebuild | attached           any   any   unknown        stopped|unread            unknown
  reserved | unreadable                      any   any   unknown        stopped|unread            unknown
  unread                                     any   any   unknown        unread                    unknown

  first start                                any   any   none           stopped                   releasable
  rebuild | attached | reserved | unreadable  any  no    none           stopped                   releasable
  rebuild | attached | reserved | unreadable  any  yes   none           stopped                   reserved
  first start | rebuild | attached           any   any   none|there     unread                    unknown
  reserved | unreadable | unread             any   any   none|there     unread                    unknown

  first start                                any   any   there          stopped                   releasable
  rebuild | attached                         yes   any   there          stopped                   kept
  rebuild | attached                         no    no    there          stopped                   releasable
  rebuild | attached                         no    yes   there          stopped                   reserved
  reserved | unreadable                      any   any   there          stopped                   kept
`;

interface Row {
  record: string[];
  keep: string[];
  name: string[];
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
    const [record = "", keep = "", name = "", container = "", process = "", life = ""] = line
      .trim()
      .split(/ {2,}/);
    return {
      record: words(record),
      keep: words(keep),
      name: words(name),
      container: words(container),
      process: words(process),
      life,
    };
  });

interface Situation {
  record: Kind;
  keep: string;
  /** Whether it has a name to be reserved for. */
  name: string;
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
    KEEPS.flatMap((name) =>
      CONTAINERS.flatMap((container) =>
        PROCESSES.map((process) => ({ record, keep, name, container, process })),
      ),
    ),
  ),
).filter(canOccur);

const fits = (cell: string[], word: string): boolean => cell.includes("any") || cell.includes(word);

function matches(row: Row, situation: Situation): boolean {
  return (
    fits(row.record, situation.record) &&
    fits(row.keep, situation.keep) &&
    fits(row.name, situation.name) &&
    fits(row.container, situation.container) &&
    fits(row.process, situation.process)
  );
}

const attachment = { network: "lan", ifName: "eth0", list: "{}", cniArgs: [], capabilityArgs: {} };

function remembered(
  kind: Kind,
  keep = true,
  reserve?: string,
): Remembered | "unread" | "unreadable" {
  if (kind === "unread" || kind === "unreadable") return kind;
  const addresses = kind === "first start" ? [] : ["10.0.0.2/24"];
  const state = kind === "first start" || kind === "rebuild" ? "creating" : kind;
  return { state, keep, attachments: [{ ...attachment, addresses }], ...(reserve && { reserve }) };
}

describe("what a sandbox is", () => {
  test.each(situations)(
    "record $record (keep: $keep, name: $name), container $container, process $process",
    ({ record, keep, name, container, process }) => {
      const row = rows.filter((each) => matches(each, { record, keep, name, container, process }));
      expect(row).toHaveLength(1);
      const facts = { container, process, netns: "there" } as const;
      const isNamed = name === "yes";
      const found = remembered(record, keep === "yes", isNamed ? "web" : undefined);
      const marks: Marks = isNamed ? { reservation: {} } : {};
      expect(assess(found, marks, facts).life).toBe(row[0]?.life);
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
    { record: "reserved", netns: "there", network: "whole" },
    { record: "reserved", netns: "lost", network: "lost" },
  ])("$record, namespace $netns: $network", ({ record, netns, network }) => {
    expect(assess(remembered(record), {}, { ...stopped, netns }).network).toBe(network);
  });

  test.each([
    { title: "less than reserve_for", forMs: 1000, life: "reserved" },
    { title: "longer than reserve_for", forMs: 1001, life: "releasable" },
    { title: "a time that nobody has noted", forMs: undefined, life: "reserved" },
  ])("one that waits for a successor for $title: $life", ({ forMs, life }) => {
    const record = remembered("reserved", true, "web");
    const policy: Policy = { keepForMs: 1, reserveForMs: 1000 };
    expect(assess(record, { stoppedForMs: 9, reservation: { forMs } }, gone, policy).life).toBe(
      life,
    );
  });

  test("a container with a name keeps its network for longer than keep_for, while it exists", () => {
    const marks: Marks = { stoppedForMs: 9, reservation: {} };
    const record = remembered("attached", true, "web");
    expect(assess(record, marks, stopped, { keepForMs: 1 }).life).toBe("kept");
  });

  test("what was not whole when it was reserved is built again", () => {
    const record: Remembered = {
      state: "reserved",
      keep: true,
      unfinished: true,
      attachments: [{ ...attachment, addresses: ["10.0.0.2/24"] }],
    };
    expect(assess(record, {}, gone).network).toBe("unfinished");
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
