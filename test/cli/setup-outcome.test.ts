import { expect, test } from "vitest";
import { printOutcome } from "../../src/cli/setup-outcome.ts";
import { render } from "../../src/cli/terminal.ts";
import type { SetupOutcome } from "../../src/setup/setup.ts";
import { useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

const FILE = "/etc/docker/daemon.json";
const OUTCOME: SetupOutcome = {
  file: FILE,
  changes: [
    { path: "/etc/docker/cni.yaml", before: undefined, after: Buffer.from("#\n") },
    { path: FILE, before: Buffer.from("{\n\t1\n}\n"), after: Buffer.from("{\n\t2\n}\n") },
  ],
  done: ["link /a to /b"],
  reloaded: false,
  warnings: ["Docker does not run"],
};

function shown(outcome: SetupOutcome, more: { dryRun?: boolean; json?: boolean } = {}): string[] {
  const { call, lines } = operatorCall(bench.current.context);
  const as = { engine: "docker", name: "cni", dryRun: false, json: false, ...more };
  printOutcome(call, outcome, as);
  return render(lines.join("\n")).split("\n");
}

test("what was done is a line each", () => {
  expect(shown({ ...OUTCOME, reloaded: true })).toEqual([
    "✓ /etc/docker/cni.yaml: made",
    "✓ /etc/docker/daemon.json: changed",
    "✓ link /a to /b",
    "✓ dockerd has read its file",
    "! Docker does not run",
  ]);
});

test("what would be done is a diff of the engine's file, and a line for the rest", () => {
  expect(shown(OUTCOME, { dryRun: true })).toEqual([
    "--- /etc/docker/daemon.json",
    "+++ /etc/docker/daemon.json",
    "@@ -1,3 +1,3 @@",
    " {",
    "-\t1",
    "+\t2",
    " }",
    "would make /etc/docker/cni.yaml",
    "would link /a to /b",
    "! Docker does not run",
  ]);
});

test("nothing to do is said", () => {
  const nothing = { ...OUTCOME, changes: [], done: [], warnings: [] };
  expect(shown(nothing)).toEqual([`✓ ${FILE} is as it is wanted; nothing to do`]);
});

test("as JSON the files that change are named, and the diff with --dry-run", () => {
  const told = JSON.parse(shown(OUTCOME, { json: true, dryRun: true }).join("\n"));
  expect(told).toMatchObject({
    engine: "docker",
    name: "cni",
    file: FILE,
    changed: ["/etc/docker/cni.yaml", FILE],
    done: ["link /a to /b"],
    reloaded: false,
    warnings: ["Docker does not run"],
  });
  expect(told.diff).toMatch(/^--- \/etc\/docker\/daemon\.json\n/);
});
