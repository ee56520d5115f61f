import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-program-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Calls the program as the launcher does, which read `runtime` in the configuration. */
function call(config: string, runtime: string, ...args: string[]): string {
  const [file, log] = [join(dir, "cni.yaml"), join(dir, "log")];
  writeFileSync(file, config);
  const own = [`--config=${file}`, "--config-given", `--runtime-path=${runtime}`, "--"];
  spawnSync("node_modules/.bin/node", ["src/main.ts", ...own, "--log", log, ...args]);
  return readFileSync(log, "utf8").replaceAll(dir, "");
}

test.each([
  {
    what: "line ends of Windows",
    config: "oci_bin: /usr/bin/runc\r\n",
    runtime: "/usr/bin/runc\r",
  },
  { what: "a null", config: "oci_bin: ~\n", runtime: "~" },
  { what: "a block", config: "oci_bin: >-\n  /usr/bin/runc\n", runtime: ">-" },
])(
  "a create with $what in oci_bin is told of that line, and not of a runtime",
  ({ config, runtime }) => {
    expect(call(config, runtime, "create", "c1")).toMatch(
      /docker-cni: \/cni\.yaml:1: oci_bin: expected/,
    );
  },
);

test("a create without a container's id is the runtime's to refuse, whatever the configuration says", () => {
  expect(call("oci_bin: ~\n", "/no/such/runtime", "create")).toMatch(
    /runtime \/no\/such\/runtime is not there/,
  );
});
