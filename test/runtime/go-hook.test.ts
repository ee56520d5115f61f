import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Cni } from "../../src/cni/index.ts";
import { runGoHook } from "../../src/runtime/go-hook.ts";
import { keptRecord, useBench } from "../sandbox/context.ts";

const bench = useBench();

/** Runs the hook with a recording CNI, and gives what it called. */
async function hook(command: string | undefined, state: string): Promise<unknown[]> {
  const { context, dir } = bench.current;
  const calls: unknown[] = [];
  const cni: Partial<Cni> = {
    addNetworkList: async ({ name }, conf) => {
      calls.push(["ADD", name, conf]);
      return { cniVersion: "1.0.0" };
    },
    delNetworkList: async ({ name }, conf) => void calls.push(["DEL", name, conf]),
  };
  const confDir = join(dir, "net.d");
  mkdirSync(confDir, { recursive: true });
  for (const [file, name] of [
    ["10-b.conflist", "b"],
    ["05-a.conflist", "a"],
  ] as const) {
    const list = { cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }] };
    writeFileSync(join(confDir, file), JSON.stringify(list));
  }
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the calls that the hook makes
  const made = { ...context, cni: cni as Cni };
  await runGoHook(made, { cniConfDir: confDir, ifName: "net0" }, command, () => state);
  return calls;
}

describe("a hook that the Go docker-cni wrote", () => {
  test.each([
    {
      title: "del of a container that ended deletes the default network",
      command: "del",
      state: { ociVersion: "1.0.2", id: "c9", pid: 0, status: "stopped" },
      calls: [["DEL", "a", { containerId: "c9", netns: "", ifName: "net0" }]],
    },
    {
      title: "add adds it to the namespace of the container's process",
      command: "add",
      state: { id: "c9", pid: 42, status: "creating" },
      calls: [["ADD", "a", { containerId: "c9", netns: "/proc/42/ns/net", ifName: "net0" }]],
    },
    {
      title: "leaves a container alone whose network is ours by now",
      command: "del",
      state: { id: "c1" },
      calls: [],
    },
  ])("$title", async ({ command, state, calls }) => {
    const { store } = bench.current.context;
    store.prepare("c1");
    store.write(keptRecord(bench.current));
    expect(await hook(command, JSON.stringify(state))).toEqual(calls);
  });

  test.each([
    { title: "another command", command: "check", state: "{}", fault: /add or del, not check/ },
    { title: "no command", command: undefined, state: "{}", fault: /add or del, not undefined/ },
    { title: "no state", command: "del", state: "", fault: /no container's state/ },
    {
      title: "a state without an id",
      command: "del",
      state: "null",
      fault: /no container's state/,
    },
  ])("is refused with $title", async ({ command, state, fault }) => {
    await expect(hook(command, state)).rejects.toThrow(fault);
  });
});
