import { expect, test } from "vitest";
import { callLimitMs } from "../../src/runtime/time-limit.ts";

const ports = (count: number) => ({
  portMappings: Array.from({ length: count }, (_, index) => ({ hostPort: 10_000 + index })),
});

test.each([
  { title: "no ports", capabilityArgs: {}, ms: 60_000 },
  { title: "what is no list of ports", capabilityArgs: { portMappings: "many" }, ms: 60_000 },
  { title: "two ports", capabilityArgs: ports(2), ms: 61_000 },
  { title: "a thousand ports", capabilityArgs: ports(1000), ms: 560_000 },
])("one call of a plugin may take $ms ms with $title", ({ capabilityArgs, ms }) => {
  expect(callLimitMs({ pluginTimeoutMs: 60_000 }, [capabilityArgs])).toBe(ms);
});

test("and as long as the attachment with the most ports needs", () => {
  expect(callLimitMs({ pluginTimeoutMs: 1000 }, [ports(2), ports(4), {}])).toBe(3000);
});
