import { expect, test } from "vitest";
import { type ContainerFacts, isReleasable } from "../../src/state/releasable.ts";
import type { SandboxRecord } from "../../src/state/record.ts";

const record: SandboxRecord = {
  version: 1,
  id: "c1",
  state: "attached",
  netns: "c1",
  bootId: "b",
  createdAt: "2026-01-01T00:00:00Z",
  keep: true,
  containerDir: "/var/lib/docker/containers/c1",
  runtimeDir: "/run/r/c1",
  attachments: [],
};
const { containerDir: _, ...withoutEngine } = record;
const facts: ContainerFacts = { containerDirExists: true, engineIsThere: true, running: false };

test.each<{ title: string; over: boolean; record: SandboxRecord; facts: ContainerFacts }>([
  { title: "kept and stopped: no", over: false, record, facts },
  { title: "kept and running: no", over: false, record, facts: { ...facts, running: true } },
  {
    title: "kept, and Docker removed it: yes",
    over: true,
    record,
    facts: { ...facts, containerDirExists: false },
  },
  {
    title:
      "kept, and it is unknown whether Docker is there (its data root moved, or is not mounted yet): no",
    over: false,
    record,
    facts: { ...facts, containerDirExists: false, engineIsThere: false },
  },
  {
    title: "removed by Docker but still running: no",
    over: false,
    record,
    facts: { ...facts, containerDirExists: false, running: true },
  },
  { title: "not kept, and stopped: yes", over: true, record: { ...record, keep: false }, facts },
  {
    title: "not kept, and running: no",
    over: false,
    record: { ...record, keep: false },
    facts: { ...facts, running: true },
  },
  {
    title: "of an engine that tells nothing, stopped: yes",
    over: true,
    record: withoutEngine,
    facts,
  },
  {
    title: "of an engine that tells nothing, running: no",
    over: false,
    record: withoutEngine,
    facts: { ...facts, running: true },
  },
  {
    title: "a first start that crashed: yes",
    over: true,
    record: { ...record, state: "creating" },
    facts,
  },
  {
    title: "a first start under way: no",
    over: false,
    record: { ...record, state: "creating" },
    facts: { ...facts, running: true },
  },
  {
    title: "a rebuild that crashed, of a container that exists: no",
    over: false,
    record: {
      ...record,
      state: "creating",
      attachments: [
        {
          network: "n",
          ifName: "eth0",
          list: "{}",
          cniArgs: [],
          capabilityArgs: {},
          addresses: ["10.0.0.2/24"],
        },
      ],
    },
    facts,
  },
  {
    title: "a removal that was not finished: yes",
    over: true,
    record: { ...record, state: "removing" },
    facts: { ...facts, running: true },
  },
])("is the sandbox's container done with its network? $title", (row) => {
  expect(isReleasable(row.record, row.facts)).toBe(row.over);
});
