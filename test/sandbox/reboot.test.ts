import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { createCni } from "../../src/cni/index.ts";
import type { SandboxContext } from "../../src/sandbox/context.ts";
import { attachNew, lockSandbox } from "../../src/sandbox/life.ts";
import { reattach, replaceNetns } from "../../src/sandbox/rebuild.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { keptRecord, useBench } from "./context.ts";
import { inFlow } from "./lock-order.ts";

/**
 * A plugin with an IPAM of its own: one file an address in the folder `leases`, which holds the container's id. Who asks for none
 * is given the first that is free.
 */
const PLUGIN = `#!/bin/sh
dir=\${0%/*}/..
cat >/dev/null
case $CNI_COMMAND in
ADD)
  sleep 0.05
  ip=$(expr ";$CNI_ARGS" : '.*;IP=\\([0-9.]*\\)')
  set -C
  if [ "$ip" ]; then
    { echo "$CNI_CONTAINERID" >"$dir/leases/$ip"; } 2>/dev/null || ip=
  else
    for last in $(seq 2 250); do
      ip=10.9.0.$last
      { echo "$CNI_CONTAINERID" >"$dir/leases/$ip"; } 2>/dev/null && break
    done
  fi
  [ "$ip" ] || { echo '{"code":100,"msg":"requested IP address is not available"}'; exit 1; }
  echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"'"$CNI_NETNS"'"}],"ips":[{"address":"'"$ip"'/24","interface":0}]}'
  ;;
DEL)
  ip=$(cd "$dir/leases" && grep -slx "$CNI_CONTAINERID" *)
  [ -z "$ip" ] || rm "$dir/leases/$ip"
  ;;
esac
`;

const bench = useBench();
let context: SandboxContext;

beforeEach(() => {
  const { dir } = bench.current;
  for (const folder of ["leases", "plugins"]) mkdirSync(join(dir, folder));
  writeFileSync(join(dir, "plugins/leasing"), PLUGIN, { mode: 0o755 });
  const cni = createCni({ pluginDirs: [join(dir, "plugins")], cacheDir: join(dir, "cache") });
  context = { ...bench.current.context, cni, lockTimeoutMs: 10_000 };
});

/** A kept container of an earlier boot. */
function kept(id: string, address: string): SandboxRecord {
  const containerDir = join(bench.current.dir, "containers", id);
  mkdirSync(containerDir, { recursive: true });
  const list = JSON.stringify({
    cniVersion: "1.0.0",
    name: "lan",
    plugins: [{ type: "leasing" }],
  });
  const attachments = [
    {
      network: "lan",
      ifName: "eth0",
      list,
      cniArgs: [],
      capabilityArgs: {},
      addresses: [`${address}/24`],
    },
  ];
  const more = { id, netns: id, containerDir, bootId: "boot-0", attachments };
  const record = keptRecord(bench.current, more);
  context.store.prepare(id);
  context.store.write(record);
  return record;
}

/** From now on an IPAM that gives the addresses in turn, as host-local does. */
function rotate(): void {
  const plugin = PLUGIN.replace("seq 2 250", `seq $(($(cat "$dir/last" || echo 1) + 1)) 250`);
  const noted = plugin.replace('echo \'{"cniVersion"', `echo "\${ip##*.}" >"$dir/last"; $&`);
  writeFileSync(join(bench.current.dir, "plugins/leasing"), noted.replace("set -C", ""), {
    mode: 0o755,
  });
}

function lease(id: string, address: string): void {
  writeFileSync(join(bench.current.dir, "leases", address), `${id}\n`);
}

/** What a start does for a container whose namespace is lost. */
async function start(before: SandboxRecord): Promise<SandboxRecord> {
  const lock = await lockSandbox(context, before.id);
  try {
    const record = { ...before, bootId: context.bootId };
    await replaceNetns(context, record);
    await reattach(context, record);
    return record;
  } finally {
    lock.release();
  }
}

async function startNew(id: string): Promise<string[]> {
  const containerDir = join(bench.current.dir, "containers", id);
  mkdirSync(containerDir, { recursive: true });
  const [attachment] = kept(id, "10.9.0.0").attachments;
  if (attachment === undefined) throw new Error("no attachment");
  const attachments = [{ ...attachment, addresses: [] }];
  const more = { id, netns: id, containerDir, state: "creating" as const, attachments };
  const record = keptRecord(bench.current, more);
  context.store.write(record);
  await attachNew(context, record);
  return record.attachments.flatMap(({ addresses }) => addresses);
}

describe("after a reboot", () => {
  test("200 kept containers that start at once come back with their addresses, however long the queue", async () => {
    const addresses = Array.from({ length: 200 }, (_, place) => `10.9.0.${place + 2}`);
    const records = addresses.map((address, place) => kept(`c${place}`, address));
    for (const [place, address] of addresses.entries()) lease(`c${place}`, address);
    const started = await Promise.all(records.map((record) => inFlow(() => start(record))));
    const got = started.map(({ attachments }) => attachments[0]?.addresses[0]);
    expect(got).toEqual(addresses.map((address) => `${address}/24`));
    expect(context.store.listUnreserved()).toEqual([]);
  }, 180_000);

  test("new containers that start beside kept ones take nothing of theirs", async () => {
    const addresses = Array.from({ length: 12 }, (_, place) => `10.9.0.${place + 2}`);
    const records = addresses.map((address, place) => kept(`c${place}`, address));
    for (const [place, address] of addresses.entries()) lease(`c${place}`, address);
    const [started] = await Promise.all([
      Promise.all(records.map((record) => inFlow(() => start(record)))),
      ...Array.from({ length: 4 }, (_, place) => inFlow(() => startNew(`new${place}`))),
    ]);
    const got = started.map(({ attachments }) => attachments[0]?.addresses[0]);
    expect(got).toEqual(addresses.map((address) => `${address}/24`));
  });

  test("the leases of stopped containers are lost, and a new one is not given their addresses all the same", async () => {
    const stopped = Array.from({ length: 6 }, (_, place) =>
      kept(`c${place}`, `10.9.0.${place + 2}`),
    );
    rotate();
    expect(await startNew("new")).toEqual(["10.9.0.8/24"]);
    const started = await start(stopped[0] ?? kept("none", "10.9.0.9"));
    expect(started.attachments[0]?.addresses).toEqual(["10.9.0.2/24"]);
    expect(context.store.listUnreserved().toSorted()).toEqual(["c1", "c2", "c3", "c4", "c5"]);
  });

  test("a network that gives nothing but the address of a stopped one is told so", async () => {
    kept("c0", "10.9.0.2");
    await expect(startNew("new")).rejects.toThrow(
      "the network gave 10.9.0.2/24, which is kept for container c0",
    );
  });

  test.each([
    { title: "its container is gone", more: {}, isGone: true },
    { title: "it is not kept", more: { keep: false }, isGone: false },
    { title: "it is being removed", more: { state: "removing" as const }, isGone: false },
  ])("an address is free where $title", async ({ more, isGone }) => {
    context.store.write({ ...kept("c0", "10.9.0.2"), ...more });
    mkdirSync(join(bench.current.dir, "containers/other"));
    if (isGone) rmSync(join(bench.current.dir, "containers/c0"), { recursive: true });
    expect(await startNew("new")).toEqual(["10.9.0.2/24"]);
  });
});
