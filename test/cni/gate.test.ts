import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList } from "./harness.ts";

describe("in one process", () => {
  test("operations for one container run one after another, those for two side by side, and GC alone", async () => {
    const fake = fakePlugins("one");
    const log = `${fake.dir}/log`;
    const slow = (ms: number, out: string): string =>
      `echo "begin $CNI_COMMAND $CNI_CONTAINERID" >>${log}; sleep ${ms / 1000}; echo "end $CNI_COMMAND $CNI_CONTAINERID" >>${log}; ${out}`;
    fake.answer("one", "ADD", slow(150, "echo {}"));
    fake.answer("one", "DEL", slow(10, ""));
    fake.answer("one", "GC", slow(10, ""));
    const list = networkList(["one"], { cniVersion: "1.1.0" });
    const cni = fake.cni();
    const other = { ...attachment, containerId: "c2" };

    await Promise.all([
      cni.addNetworkList(list, attachment),
      cni.addNetworkList(list, other),
      cni.delNetworkList(list, attachment),
      cni.gcNetworkList(list, { validAttachments: [{ containerId: "c2", ifName: "eth0" }] }),
      cni.delNetworkList(list, other),
    ]);

    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect(lines.slice(0, 2).toSorted()).toEqual(["begin ADD c1", "begin ADD c2"]);
    expect(lines.indexOf("begin DEL c1")).toBeGreaterThan(lines.indexOf("end ADD c1"));
    expect(lines.slice(-4)).toEqual(["begin GC ", "end GC ", "begin DEL c2", "end DEL c2"]);
  });

  test("a failed operation does not stop the next one", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", "exit 1");
    const cni = fake.cni();
    const add = failure(cni.addNetworkList(networkList(["one"]), attachment));
    await cni.delNetworkList(networkList(["one"]), attachment);
    await add;
    expect(fake.verbs()).toEqual(["ADD one", "DEL one"]);
  });
});
