import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { CallOptions, Cni, RuntimeConf } from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList, type FakePlugins } from "./harness.ts";

const list = networkList(["one"]);

describe.each<[string, (cni: Cni, options: CallOptions) => Promise<unknown>]>([
  ["ADD", (cni, options) => cni.addNetworkList(list, attachment, options)],
  ["CHECK", (cni, options) => cni.checkNetworkList(list, attachment, options)],
  ["DEL", (cni, options) => cni.delNetworkList(list, attachment, options)],
])("%s", (command, run) => {
  /** One that can be checked and deleted too. */
  async function attached(answer?: string): Promise<FakePlugins> {
    const fake = fakePlugins("one");
    if (command !== "ADD") await fake.cni().addNetworkList(list, attachment);
    if (answer !== undefined) fake.answer("one", command, answer.replaceAll("DIR", fake.dir));
    return fake;
  }

  test("gives its plugins the environment of the call", async () => {
    const fake = await attached();
    const env = { PATH: process.env["PATH"], FAKE_DIR: fake.dir, OWN: "of this call" };
    await run(fake.cni(), { env });
    expect(fake.calls().at(-1)?.env).toMatchObject({ OWN: "of this call", CNI_COMMAND: command });
  });

  test("keeps to the time-out of the call", async () => {
    const fake = await attached("sleep 9");
    const error = await failure(run(fake.cni(), { timeoutMs: 200 }));
    expect(error).toMatchObject({ kind: "timeout", command, plugin: "one" });
    expect(error.message).toContain("within 0.2 s");
  });

  test("is aborted with the plugin's whole process group", async () => {
    const fake = await attached("sleep 99 & echo $! >DIR/child; wait");
    const controller = new AbortController();
    const failed = failure(run(fake.cni(), { signal: controller.signal }));
    const path = join(fake.dir, "child");
    await vi.waitFor(() => expect(readFileSync(path, "utf8")).toMatch(/^\d+\n$/));
    const child = Number(readFileSync(path, "utf8"));
    expect(isRunning(child)).toBe(true);
    controller.abort();
    expect(await failed).toMatchObject({ kind: "aborted", command, plugin: "one" });
    await vi.waitFor(() => expect(isRunning(child)).toBe(false));
  });

  test("leaves the queue when it is aborted, and those behind it keep their places", async () => {
    const fake = await attached();
    fake.answer("one", "ADD", "sleep 0.4; echo '{}'");
    const cni = fake.cni();
    const before = fake.calls().length;
    const first = cni.addNetworkList(list, attachment);
    const start = performance.now();
    const error = await failure(run(cni, { signal: AbortSignal.timeout(50) }));
    expect(error).toMatchObject({ kind: "aborted", plugin: undefined });
    expect(performance.now() - start).toBeLessThan(350);
    const last = cni.delNetworkList(list, attachment);
    await sleep(50);
    expect(fake.calls()).toHaveLength(before + 1);
    await Promise.all([first, last]);
    expect(fake.verbs().slice(before)).toEqual(["ADD one", "DEL one"]);
  });

  test("heeds the signal of the whole runtime beside its own", async () => {
    const fake = await attached();
    const cni = fake.cni({ signal: AbortSignal.abort() });
    const error = await failure(run(cni, { signal: new AbortController().signal }));
    expect(error).toMatchObject({ kind: "aborted", command });
  });
});

test("DEL overtakes a hung ADD whose caller aborts it, and has what that ADD was given", async () => {
  const fake = fakePlugins("one", "two");
  fake.answer("two", "ADD", "sleep 99");
  const chain = networkList(["one", "two"]);
  const cni = fake.cni();
  const controller = new AbortController();
  const rt = { ...attachment, cniArgs: [["A", "1"]] as const };
  const add = failure(cni.addNetworkList(chain, rt, { signal: controller.signal }));
  await vi.waitFor(() => expect(fake.verbs()).toEqual(["ADD one", "ADD two"]));
  const del = cni.delNetworkList(chain, attachment);
  controller.abort();
  expect(await add).toMatchObject({ kind: "aborted", plugin: "two" });
  await del;
  expect(fake.verbs().slice(2)).toEqual(["DEL two", "DEL one"]);
  expect(fake.calls().at(-1)?.env["CNI_ARGS"]).toBe("A=1");
});

test("an operation that a fired signal is given does nothing", async () => {
  const fake = fakePlugins("one");
  const error = await failure(
    fake.cni().addNetworkList(list, attachment, { signal: AbortSignal.abort() }),
  );
  expect(error.kind).toBe("aborted");
  expect(fake.calls()).toEqual([]);
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Time for what is given ports. */
function timeoutFor({ containerId, capabilityArgs = {} }: RuntimeConf): number {
  return containerId === "c1" && "portMappings" in capabilityArgs ? 9000 : 100;
}

test("the time-out of an attachment can go by what it is given", async () => {
  const fake = fakePlugins("one");
  for (const command of ["ADD", "DEL"])
    fake.answer("one", command, 'sleep 0.4; echo \'{"cniVersion":"1.0.0"}\'');
  const cni = fake.cni({ timeoutFor });
  const many = { ...attachment, capabilityArgs: { portMappings: [] } };
  await cni.addNetworkList(list, many);
  await cni.delNetworkList(list, many);
  expect(await failure(cni.addNetworkList(list, attachment))).toMatchObject({ kind: "timeout" });
  expect(await failure(cni.delNetworkList(list, many, { timeoutMs: 100 }))).toMatchObject({
    kind: "timeout",
  });
});
