import { closeSync, copyFileSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

describe("a plugin is called again", () => {
  test("when it says so (code 11), a few times, with every call reported", async () => {
    const fake = fakePlugins("one");
    fake.answer(
      "one",
      "ADD",
      `if [ $n -lt 2 ]; then ${print({ code: 11, msg: "later" })} exit 1; fi; echo '{}'`,
    );
    await fake.cni().addNetworkList(networkList(["one"]), attachment);
    expect(fake.verbs()).toEqual(["ADD one", "ADD one", "ADD one"]);
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
    expect(fake.calls()).toHaveLength(1);
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
