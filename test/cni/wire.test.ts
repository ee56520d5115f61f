import { describe, expect, test } from "vitest";
import {
  convertResult,
  supportedVersions,
  type CniCommand,
  type Result,
} from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const capabilities = { mac: true, ips: false };
const plugin = { type: "one", capabilities, own: { deep: [1, null] }, prevResult: "not one" };
const rt = {
  ...attachment,
  cniArgs: [["IP", "10.0.0.2"] as const],
  capabilityArgs: { mac: "02:00:00:00:00:02", ips: ["10.0.0.2/24"], portMappings: [] },
};
const newest: Result = { cniVersion: "1.1.0", ips: [{ address: "10.0.0.2/24" }] };
const none = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" };
const full = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IP=10.0.0.2",
};

interface Row {
  verb: CniCommand;
  /** From which version on it is called at all. */
  since: string;
  env: Record<string, string>;
  runtimeConfig: boolean;
  prevResultSince?: string;
  own?: Record<string, unknown>;
}

const valid = [{ containerID: "c1", ifname: "eth0" }];
const rows: Row[] = [
  { verb: "ADD", since: "0.1.0", env: full, runtimeConfig: true },
  { verb: "CHECK", since: "0.4.0", env: full, runtimeConfig: true, prevResultSince: "0.4.0" },
  { verb: "DEL", since: "0.1.0", env: full, runtimeConfig: true, prevResultSince: "0.4.0" },
  { verb: "STATUS", since: "1.1.0", env: none, runtimeConfig: false },
  {
    verb: "GC",
    since: "1.1.0",
    env: none,
    runtimeConfig: false,
    own: { "cni.dev/valid-attachments": valid, "cni.dev/attachments": valid },
  },
];

describe.each(supportedVersions)("in CNI %s", (version) => {
  test.each(rows.filter(({ since }) => version >= since))(
    "$verb sends exactly this",
    async (row) => {
      const fake = fakePlugins("one");
      const result = convertResult(newest, version);
      fake.answer("one", "ADD", print(result));
      const list = networkList([plugin], { cniVersion: version });
      const cni = fake.cni();

      await cni.addNetworkList(list, rt);
      if (row.verb === "CHECK") await cni.checkNetworkList(list, attachment);
      if (row.verb === "DEL") await cni.delNetworkList(list, attachment);
      if (row.verb === "STATUS") await cni.statusNetworkList(list);
      if (row.verb === "GC") {
        await cni.gcNetworkList(list, {
          validAttachments: [{ containerId: "c1", ifName: "eth0" }],
        });
      }

      const call = fake.calls().at(-1);
      const { prevResultSince } = row;
      expect(call?.stdin).toEqual({
        type: "one",
        capabilities,
        own: plugin.own,
        name: "lan",
        cniVersion: version,
        ...(row.runtimeConfig && { runtimeConfig: { mac: "02:00:00:00:00:02" } }),
        ...(prevResultSince && version >= prevResultSince && { prevResult: result }),
        ...row.own,
      });
      expect(call?.env).toMatchObject({ ...row.env, CNI_COMMAND: row.verb, CNI_PATH: fake.binDir });
    },
  );

  test.each(rows.filter(({ since }) => version < since))("$verb is not sent", async ({ verb }) => {
    const fake = fakePlugins("one");
    const list = networkList([plugin], { cniVersion: version });
    const cni = fake.cni();
    if (verb === "STATUS") await cni.statusNetworkList(list);
    if (verb === "GC") await cni.gcNetworkList(list, { validAttachments: [] });
    const errors = verb === "CHECK" ? [await failure(cni.checkNetworkList(list, rt))] : [];
    expect(fake.calls()).toEqual([]);
    expect(errors.every(({ kind }) => kind === "unsupported")).toBe(true);
  });
});

test("a list without a version is spoken to in 0.1.0", async () => {
  const fake = fakePlugins("one");
  await fake.cni().addNetworkList(networkList(["one"], { cniVersion: undefined }), attachment);
  expect(fake.calls()[0]?.stdin["cniVersion"]).toBe("0.1.0");
});
