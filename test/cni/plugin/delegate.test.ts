import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  attachment,
  failure,
  fakePlugins,
  networkList,
  print,
  type FakePlugins,
} from "../harness.ts";
import { installFixture, startPlugin, type PluginEnd } from "./run-fixture.ts";

const ipam = { type: "fake-ipam", subnet: "10.0.0.0/24" };
const lease = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] };
const leased = print(lease);

/** The fixture, which delegates to the IPAM plugin of its configuration. */
function delegated(fake: FakePlugins, command: string, config: object = {}): PluginEnd {
  return startPlugin({
    command,
    env: {
      CNI_PATH: `/nowhere:${fake.binDir}`,
      CNI_ARGS: "IgnoreUnknown=1;IP=10.0.0.2",
      FAKE_DIR: fake.dir,
    },
    config: { ipam, delegate: true, "cni.dev/valid-attachments": [], ...config },
  });
}

describe("another plugin of CNI_PATH", () => {
  test.each(["ADD", "CHECK", "DEL", "GC", "STATUS"])(
    "is given %s with the plugin's own environment and configuration",
    (command) => {
      const fake = fakePlugins("fake-ipam");

      expect(delegated(fake, command)).toMatchObject({ status: 0 });

      expect(fake.calls()).toMatchObject([
        {
          type: "fake-ipam",
          env: {
            CNI_COMMAND: command,
            CNI_CONTAINERID: "c1",
            CNI_NETNS: "/run/netns/none",
            CNI_IFNAME: "eth0",
            CNI_ARGS: "IgnoreUnknown=1;IP=10.0.0.2",
            CNI_PATH: `/nowhere:${fake.binDir}`,
          },
          stdin: { name: "lan", cniVersion: "1.1.0", type: "fixture", ipam },
        },
      ]);
    },
  );

  test.each([
    ["1.0.0", { cniVersion: "1.0.0", ips: lease.ips }],
    ["0.4.0", { cniVersion: "0.4.0", ips: [{ ...lease.ips[0], version: "4" }] }],
  ])("answers ADD of a network of version %s with a result", (cniVersion, answer) => {
    const fake = fakePlugins("fake-ipam");
    fake.answer("fake-ipam", "ADD", leased);

    expect(delegated(fake, "ADD", { cniVersion }).answer).toEqual(answer);
  });

  test("is tried once, and its error is handed on with its code and its name", () => {
    const fake = fakePlugins("fake-ipam");
    const error = { code: 11, msg: "no address is free", details: "10.0.0.0/24" };
    fake.answer("fake-ipam", "ADD", `${print(error)}exit 1\n`);

    const end = delegated(fake, "ADD");

    expect(end).toMatchObject({ status: 1, answer: { code: 11 } });
    expect(end.answer).toMatchObject({
      msg: 'plugin type="fake-ipam" name="lan" failed (add): no address is free; 10.0.0.0/24 (code 11)',
    });
    expect(fake.verbs()).toEqual(["ADD fake-ipam"]);
  });

  test("that prints no result is named", () => {
    const fake = fakePlugins("fake-ipam");
    fake.answer("fake-ipam", "ADD", "echo []\n");
    const msg =
      'plugin type="fake-ipam" name="lan" failed (add): the result has to be a JSON object';

    expect(delegated(fake, "ADD").answer).toMatchObject({
      code: 6,
      msg: expect.stringContaining(msg),
    });
  });

  test("that is missing is named with the folders that were searched", () => {
    const fake = fakePlugins();

    expect(delegated(fake, "DEL").answer).toMatchObject({
      code: 999,
      msg: `plugin type="fake-ipam" name="lan" failed (delete): there is no plugin binary "fake-ipam"; searched /nowhere, ${fake.binDir}`,
    });
  });

  test.each([[{}], [undefined]])("has to be named: ipam is %j", (none) => {
    expect(delegated(fakePlugins(), "ADD", { ipam: none }).answer).toMatchObject({
      code: 7,
      msg: 'network "lan" names no plugin to delegate ADD to',
    });
  });
});

test("a plugin that a runtime kills takes the one that it called with it", async () => {
  const fake = fakePlugins("fake-ipam");
  installFixture(fake.binDir, "fixture");
  fake.answer("fake-ipam", "ADD", 'echo $$ >"$FAKE_DIR/pid"; exec sleep 60\n');
  const list = networkList([{ type: "fixture", delegate: true, ipam }]);
  const abort = new AbortController();
  const added = failure(fake.cni().addNetworkList(list, attachment, { signal: abort.signal }));
  const pidFile = join(fake.dir, "pid");
  await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"));
  const pid = readFileSync(pidFile, "utf8").trim();

  abort.abort();

  expect(await added).toMatchObject({ kind: "aborted" });
  await until(() => !existsSync(`/proc/${pid}`));
});

/** Waits for what is about to happen; throws after ten seconds. */
async function until(isSo: () => boolean): Promise<void> {
  for (let attempt = 0; !isSo(); attempt++) {
    if (attempt > 200) throw new Error("it did not happen");
    await sleep(50);
  }
}
