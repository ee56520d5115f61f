import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import type { EngineContainer } from "../../src/engine/find-container.ts";
import { fileStore } from "../../src/state/store.ts";
import { type NoNetwork, whyNoNetwork } from "../../src/runtime/no-network.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-why-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

interface Case {
  mode?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  container?: Partial<EngineContainer>;
  config?: string;
}

/** Of a container of Docker's whose image cannot be found, with a configuration of this text. */
async function why(of: Case): Promise<NoNetwork> {
  const { mode = "none", annotations = {}, labels = {}, container = {}, config = "" } = of;
  const directory = join(dir, "containers/c1");
  mkdirSync(directory, { recursive: true });
  const hostConfig = { NetworkMode: mode, Annotations: annotations };
  writeFileSync(join(directory, "hostconfig.json"), JSON.stringify(hostConfig));
  writeFileSync(join(directory, "config.v2.json"), JSON.stringify({ Config: { Labels: labels } }));
  const file = join(dir, "cni.yaml");
  writeFileSync(file, `cni_conf_dir: ${dir}/net.d\n${config}`);
  const state = { running: true, wasStarted: true };
  const known = { id: "c1", name: "web", directory, runtime: "cni", ...state, ...container };
  return whyNoNetwork({ config: loadConfig(file), store: fileStore(join(dir, "state")) }, known);
}

test.each([
  ["on Docker's own network", { mode: "bridge" }, /^it is on Docker's network "bridge": /],
  ["on Docker's default network", { mode: "default" }, /^it is on Docker's network "bridge": /],
  ["on a network that was created", { mode: "front" }, /^it is on Docker's network "front": /],
  ["on the host's network", { mode: "host" }, /^it uses the host's network$/],
  ["joined", { mode: "container:db" }, /^it joins the network of the container db$/],
  ["of another runtime", { container: { runtime: "runc" } }, /^its runtime is runc: /],
  [
    "opted out",
    { annotations: { "cni.networks": "none" } },
    /^it opted out: cni\.networks is none$/,
  ],
  [
    "not asked for",
    { config: "attach: labelled\n" },
    /^it names no network by cni\.networks, and the configuration says attach: labelled$/,
  ],
  [
    "asked for in words that mean nothing",
    { annotations: { "cni.networks": "!" } },
    /^its request cannot be met: .*cni\.networks/,
  ],
  ["never started", { container: { running: false, wasStarted: false } }, /^it was never started/],
  ["started by another runtime", {}, /^its runtime "cni" is not docker-cni, or was not when/],
  ["released", { container: { running: false } }, /^its network was released when it stopped/],
] satisfies [string, Case, RegExp][])(
  "a container has no CNI network: %s",
  async (_, of, reason) => {
    expect((await why(of)).reason).toMatch(reason);
  },
);

test("what of the request was not counted is told with the reason", async () => {
  const { reason, notes } = await why({
    labels: { "cni.networks": "lan" },
    config: "attach: labelled\n",
  });
  expect(reason).toMatch(/attach: labelled$/);
  expect(notes.join()).toMatch(/cannot be told whether the image set the label cni\.networks/);
});

test("a network that cannot be told is no reason to guess one", async () => {
  expect((await why({ mode: "" })).reason).toMatch(/^it is not known which network it is on: /);
});
