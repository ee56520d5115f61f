import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const CHAIN = [
  "bridge",
  { type: "portmap", capabilities: { portMappings: true } },
  { type: "shaper", capabilities: { bandwidth: true } },
];
const FINAL = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] };
const asking = (port: number) => ({
  ...attachment,
  cniArgs: [["A", "1"]] as [string, string][],
  capabilityArgs: {
    portMappings: [{ hostPort: port, containerPort: 80, protocol: "tcp" }],
    bandwidth: { ingressRate: 1 },
  },
});

async function attached() {
  const fake = fakePlugins("bridge", "portmap", "shaper");
  fake.answer("shaper", "ADD", print(FINAL));
  const [cni, list] = [fake.cni(), networkList(CHAIN)];
  await cni.addNetworkList(list, asking(1));
  return { fake, cni, list, since: () => fake.calls().slice(3) };
}

describe("a capability alone", () => {
  test("is deleted by its plugins, with what ADD had, and the rest stays", async () => {
    const { cni, list, since } = await attached();
    await cni.delCapability(list, attachment, "portMappings");
    await cni.delCapability(list, attachment, "portMappings");
    expect(since().map(({ type, env }) => `${env["CNI_COMMAND"]} ${type}`)).toEqual([
      "DEL portmap",
      "DEL portmap",
    ]);
    expect(since()[0]?.stdin).toMatchObject({
      runtimeConfig: { portMappings: [{ hostPort: 1, containerPort: 80, protocol: "tcp" }] },
      prevResult: FINAL,
    });
    expect(since()[0]?.env["CNI_ARGS"]).toBe("A=1");
    expect(cni.cachedResult(list, attachment)).toEqual(FINAL);
  });

  test("is added again with its value of now; all else is as ADD had it", async () => {
    const { cni, list, since } = await attached();
    await cni.addCapability(list, { ...asking(2), cniArgs: [["B", "2"]] }, "portMappings");
    expect(since()).toHaveLength(1);
    expect(since()[0]).toMatchObject({ type: "portmap", stdin: { prevResult: FINAL } });
    expect(since()[0]?.stdin["runtimeConfig"]).toEqual({
      portMappings: [{ hostPort: 2, containerPort: 80, protocol: "tcp" }],
    });
    expect(since()[0]?.env["CNI_ARGS"]).toBe("A=1");
    expect(cni.cachedResult(list, attachment)).toEqual(FINAL);
  });

  test("is what the DEL of the list is given afterwards, the ADD failed or not", async () => {
    const { fake, cni, list, since } = await attached();
    fake.answer("portmap", "ADD", `${print({ code: 100, msg: "no chain" })} exit 1`);
    const error = await failure(cni.addCapability(list, asking(2), "portMappings"));
    expect(error).toMatchObject({ plugin: "portmap", command: "ADD", msg: "no chain" });
    await cni.delNetworkList(list, attachment);
    expect(since().map(({ type }) => type)).toEqual(["portmap", "shaper", "portmap", "bridge"]);
    expect(since()[2]?.stdin["runtimeConfig"]).toEqual({
      portMappings: [{ hostPort: 2, containerPort: 80, protocol: "tcp" }],
    });
  });

  test("is not missed by a CHECK without it", async () => {
    const { fake, cni, list, since } = await attached();
    fake.answer("portmap", "CHECK", `${print({ code: 100, msg: "no chain" })} exit 1`);
    await cni.checkNetworkList(list, attachment, { without: "portMappings" });
    expect(since().map(({ type }) => type)).toEqual(["bridge", "shaper"]);
    expect((await failure(cni.checkNetworkList(list, attachment))).msg).toBe("no chain");
  });

  test.each([
    ["makes the interface", [{ type: "bridge", capabilities: { portMappings: true } }]],
    [
      "gives addresses",
      ["bridge", { type: "portmap", capabilities: { portMappings: true }, ipam: {} }],
    ],
    ["does not exist", ["bridge"]],
  ])("is refused where its plugin %s", async (_, plugins) => {
    const fake = fakePlugins("bridge", "portmap");
    const [cni, list] = [fake.cni(), networkList(plugins)];
    await cni.addNetworkList(list, attachment);
    const before = fake.calls().length;
    for (const work of [
      cni.addCapability(list, attachment, "portMappings"),
      cni.delCapability(list, attachment, "portMappings"),
    ]) {
      expect(await failure(work)).toMatchObject({ kind: "invalid" });
    }
    await cni.checkNetworkList(list, attachment, { without: "portMappings" });
    expect(fake.calls().length).toBe(2 * before);
  });

  test("is not added where no result is cached", async () => {
    const fake = fakePlugins("bridge", "portmap");
    const error = await failure(
      fake.cni().addCapability(networkList(CHAIN), asking(1), "portMappings"),
    );
    expect(error).toMatchObject({ kind: "cache", network: "lan" });
    expect(fake.calls()).toEqual([]);
  });
});
