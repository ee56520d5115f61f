import { closeSync, copyFileSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const later = `${print({ code: 11, msg: "later" })} exit 1`;
const result = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] };

describe("an ADD of which a plugin says to try again (code 11)", () => {
  const list = networkList(["one", "two", "three"]);
  const undone = ["DEL three", "DEL two", "DEL one"];

  test("is undone and done anew, with every call reported", async () => {
    const fake = fakePlugins("one", "two", "three");
    fake.answer("one", "ADD", print(result));
    const tries = `echo >>${fake.dir}/tries; test $(wc -l <${fake.dir}/tries) -gt 2`;
    fake.answer("two", "ADD", `if ${tries}; then ${print(result)} else ${later}; fi`);
    fake.answer("three", "ADD", print(result));
    const added = await fake.cni().addNetworkList(list, { ...attachment, cniArgs: [["A", "1"]] });

    const failed = ["ADD one", "ADD two", ...undone];
    expect(fake.verbs()).toEqual([...failed, ...failed, "ADD one", "ADD two", "ADD three"]);
    expect(fake.steps.filter(({ ok }) => !ok)).toHaveLength(2);
    expect(added).toEqual(result);
    for (const { env, stdin } of fake.calls().slice(2, 5)) {
      expect(env["CNI_ARGS"]).toBe("A=1");
      expect(stdin["prevResult"]).toEqual(result);
    }
    expect(fake.cni().cachedAttachments()).toHaveLength(1);
  });

  test("is not done for ever, and the last is left to the caller's DEL", async () => {
    const fake = fakePlugins("one", "two", "three");
    fake.answer("two", "ADD", later);
    const error = await failure(fake.cni().addNetworkList(list, attachment));
    expect(error).toMatchObject({ code: 11, kind: "plugin", plugin: "two" });
    const failed = ["ADD one", "ADD two"];
    expect(fake.verbs()).toEqual([...failed, ...undone, ...failed, ...undone, ...failed]);
    expect(fake.cni().cachedAttachments("c1", { incomplete: true })).toHaveLength(1);
  });

  test("is not done anew where it cannot be undone, though every plugin is asked to", async () => {
    const fake = fakePlugins("one", "two", "three");
    fake.answer("two", "ADD", later);
    fake.answer("three", "DEL", "exit 1");
    const error = await failure(fake.cni().addNetworkList(list, attachment));
    expect(error).toMatchObject({ code: 11, command: "ADD", plugin: "two" });
    expect(fake.verbs()).toEqual(["ADD one", "ADD two", ...undone]);
    expect(fake.cni().cachedAttachments("c1", { incomplete: true })).toHaveLength(1);
  });

  test("is undone with its own configuration, not with an earlier one's", async () => {
    const fake = fakePlugins("old", "one");
    await fake.cni().addNetworkList(networkList(["old"]), attachment);
    fake.answer("one", "ADD", later);
    await failure(
      fake
        .cni({ retry: { attempts: 2, pauseMs: 1 } })
        .addNetworkList(networkList(["one"]), attachment),
    );
    expect(fake.verbs()).toEqual(["ADD old", "ADD one", "DEL one", "ADD one"]);
  });
});

describe("a plugin is called again", () => {
  test("when it says so (code 11) of anything but an ADD", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "DEL", `if [ $n -lt 2 ]; then ${later}; fi`);
    await fake.cni().delNetworkList(networkList(["one"]), attachment);
    expect(fake.verbs()).toEqual(["DEL one", "DEL one", "DEL one"]);
    expect(fake.steps.map(({ ok }) => ok)).toEqual([false, false, true]);
  });

  test("but not for ever", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "DEL", `${print({ code: 11, msg: "later" })} exit 1`);
    const error = await failure(fake.cni().delNetworkList(networkList(["one"]), attachment));
    expect(error).toMatchObject({ code: 11, kind: "plugin" });
    expect(fake.calls()).toHaveLength(3);
  });

  test("not for another code", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", `${print({ code: 12, msg: "no" })} exit 1`);
    await failure(fake.cni().addNetworkList(networkList(["one"]), attachment));
    expect(fake.calls()).toHaveLength(1);
  });

  test("not after the caller's signal", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", `${print({ code: 11, msg: "later" })} exit 1`);
    const cni = fake.cni({
      signal: AbortSignal.timeout(400),
      retry: { attempts: 3, pauseMs: 60_000 },
    });
    const error = await failure(cni.addNetworkList(networkList(["one"]), attachment));
    expect(error).toMatchObject({ kind: "aborted", command: "ADD" });
    expect(fake.verbs()).toEqual(["ADD one", "DEL one"]);
  });

  test("while its binary is still being written (text file busy)", async () => {
    const fake = fakePlugins();
    const path = join(fake.binDir, "one");
    copyFileSync("/bin/true", path);
    const writer = openSync(path, "r+");
    const removal = fake.cni().delNetworkList(networkList(["one"]), attachment);
    await sleep(150);
    expect(fake.steps).toEqual([]);
    closeSync(writer);
    await removal;
    expect(fake.steps).toMatchObject([{ ok: true }]);
  });
});

test("a signal that has fired lets nothing start", async () => {
  const fake = fakePlugins("one");
  const error = await failure(
    fake.cni({ signal: AbortSignal.abort() }).addNetworkList(networkList(["one"]), attachment),
  );
  expect(error.message).toBe(
    'plugin type="one" name="lan" failed (add): it was aborted before it started',
  );
  expect(fake.calls()).toEqual([]);
});
