import { expect, test } from "vitest";
import { examine } from "../../src/doctor/examine.ts";
import { describeFindings } from "../../src/doctor/report.ts";
import { wrap } from "../../src/lib/wrap.ts";
import { changed, fakeSubject, GONE, ID, sandbox } from "./subject.ts";

const SYMBOLS = { fine: "✓", warning: "!", broken: "✗" };

test("the report has 80 columns, and a line to copy below what is not fine", async () => {
  const world = changed({
    engine: { "/info": { Runtimes: { runc: { path: "runc" } } } },
    files: { "/proc/sys/net/ipv4/ip_forward": "0" },
    sandboxes: [
      sandbox("web", ID, {}, { state: "over" }),
      sandbox("db", GONE, { addresses: [], mac: "02::" }),
    ],
  });
  const lines = describeFindings(await examine(fakeSubject(world).subject), SYMBOLS);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.join("\n")).toContain(`\
Engine
  ✓ engine reachable: Docker 28.5.0 at unix:///var/run/docker.sock
  ✗ runtime registered: no runtime of the engine's is docker-cni
    → docker-cni install
`);
  expect(lines.at(-1)).toMatch(/^\d+ fine, 1 to look at \(!\), 2 broken \(✗\)$/);
});

test("a remedy that is not for a line of 80 columns is left to --fix, where that runs it", async () => {
  const files = Object.fromEntries(
    [3, 4, 5].map((host) => [`/var/lib/cni/networks/lan/10.9.0.${host}`, `${GONE}\neth0`]),
  );
  const lines = describeFindings(await examine(fakeSubject(changed({ files })).subject), SYMBOLS);
  expect(lines).toContain("    → docker-cni doctor --fix");
});

test("a word longer than the line is not broken", () => {
  expect(wrap("a bcdefghij k\nl", 5)).toEqual(["a", "bcdefghij", "k", "l"]);
});
