import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ipFamily } from "../../src/cni/index.ts";

/** What node:net says, without zones. */
function expected(text: string): 4 | 6 | undefined {
  const family = text.includes("%") ? 0 : isIP(text);
  return family === 4 || family === 6 ? family : undefined;
}

test.each([
  "10.0.0.1",
  "255.255.255.255",
  "256.0.0.1",
  "01.2.3.4",
  "1.2.3",
  "1.2.3.4.",
  "1.2.3.4.5",
  "1.2.3.4\n",
  "::",
  "::1",
  "fd00::1%eth0",
  "fe80\t::1",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7::",
  "1:2:3:4:5:6:7:8:9",
  "1::2::3",
  "12345::",
  "::ffff:10.0.0.1",
  "::ffff:10.0.0.01",
  "::ffff:10.0.1",
  "::1]/x",
  "::g",
  "",
  "0x7f.1",
])("of %j the family is what node:net says", (text) => {
  expect(ipFamily(text)).toBe(expected(text));
});

test("so it is of anything that looks like an address", () => {
  const part = fc.oneof(fc.constantFrom("", ":", "::", ".", "0", "1", "255", "ffff", "a", "00"));
  const anything = fc.array(part, { maxLength: 18 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(anything, fc.ipV4(), fc.ipV6()), (text) => {
      expect(ipFamily(text)).toBe(expected(text));
    }),
    { numRuns: 5000 },
  );
});
