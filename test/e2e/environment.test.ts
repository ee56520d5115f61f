import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { waitFor } from "./harness/shell.ts";
import { program } from "./life/program.ts";

const test = dockerTest({ env: { HTTPS_PROXY: "http://proxy.example:3128", EMPTY: "" } });

/** A network whose only plugin writes its environment down, one call a line: `COMMAND NAME=VALUE…`. */
function recordingNetwork(host: DockerHost): string {
  const notes = join(host.place.dir, "environments");
  writeFileSync(notes, "");
  const result = '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}]}';
  host.writePlugin(
    "recorder",
    `#!/bin/sh
cat >/dev/null
echo "$CNI_COMMAND" "$(env | grep -v -e ^CNI_ -e ^PWD= -e ^_= | sort | tr '\\n' ' ')end" >>${notes}
[ "$CNI_COMMAND" != ADD ] || echo '${result}'
`,
  );
  const plugins = [{ type: "recorder" }];
  host.writeNetwork("30-recorded.conflist", { cniVersion: "1.0.0", name: "recorded", plugins });
  return notes;
}

function calls(notes: string): [command: string, environment: string][] {
  const lines = readFileSync(notes, "utf8").trim().split("\n");
  return lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" "))]);
}

const hasDel = (notes: string) => () =>
  calls(notes).some(([command]) => command === "DEL") ? true : undefined;

test("plugins have one environment at ADD, CHECK and the hook's DEL", async ({ host }) => {
  const notes = recordingNetwork(host);
  const id = await host.sleeper("--label", "cni.networks=recorded");
  await host.ok("restart", id);
  await host.ok("rm", "-f", id);
  await waitFor("DEL", hasDel(notes));
  const [add, ...others] = calls(notes);
  expect(add?.[1]).toContain(" HTTPS_PROXY=http://proxy.example:3128 ");
  expect(add?.[1]).toContain(" EMPTY= ");
  expect(add?.[1]).toMatch(/ PATH=\S+ /);
  expect(add?.[1]).not.toMatch(/ (TTRPC_ADDRESS|NAMESPACE|DOCKER_CNI_KEPT\w*|BUN_\w*)=/);
  expect(others.map(([command]) => command)).toEqual(["CHECK", "DEL"]);
  for (const [, environment] of others) expect(environment).toBe(add?.[1]);
});

test("plugins have it when a person has the network released, too", async ({ host }) => {
  const notes = recordingNetwork(host);
  const id = await host.sleeper("--label", "cni.networks=recorded");
  await host.ok("stop", id);
  await host.ok("rm", id);
  await program(host, "gc");
  await waitFor("DEL", hasDel(notes));
  const environments = new Set(calls(notes).map(([, environment]) => environment));
  expect(environments.size).toBe(1);
});
