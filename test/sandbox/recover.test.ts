import { expect, test } from "vitest";
import type { CachedAttachment } from "../../src/cni/index.ts";
import { recover } from "../../src/sandbox/recover.ts";
import { attachment, RESULT, useBench } from "./context.ts";

const bench = useBench();
const whole: CachedAttachment = {
  containerId: "c1",
  network: "lan",
  ifName: "eth0",
  netns: "/run/netns/c1",
  config: attachment.list,
  cniArgs: [],
  capabilityArgs: {},
};

test.each([
  ["attached", "every ADD succeeded", [whole]],
  [
    "creating, with all of them,",
    "an ADD stopped half-way",
    [whole, { ...whole, ifName: "eth1", incomplete: true as const }],
  ],
])("a sandbox whose record is lost is %s where %s", async (state, _, entries) => {
  const { context, cached } = bench.current;
  cached.push(...entries.map((entry) => Object.assign({ result: RESULT }, entry)));
  const record = await recover(context, "c1");
  expect(state).toContain(record.state);
  expect(record.attachments.map(({ ifName, addresses }) => [ifName, addresses])).toEqual(
    entries.map(({ ifName }) => [ifName, ["10.9.0.2/24"]]),
  );
});
