import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { collectEach, sweep } from "../../src/sandbox/gc.ts";
import { refreshHosts } from "../../src/sandbox/hosts.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();

beforeEach(() => {
  bench.current.context.names = "hosts";
});

/** A container that runs, at `address` on `network`. */
function running(id: string, address: string, network = "net"): SandboxRecord {
  const { dir, context } = bench.current;
  const runtimeDir = join(dir, "runc", id);
  for (const folder of [join(dir, "containers", id), runtimeDir]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(hostsFile(id), "127.0.0.1\tlocalhost\n");
  const record = keptRecord(bench.current, {
    id,
    names: [id],
    runtimeDir,
    containerDir: join(dir, "containers", id),
    files: { hosts: hostsFile(id) },
    attachments: [{ ...attachment, network, addresses: [`${address}/24`] }],
  });
  context.store.prepare(id);
  context.store.write(record);
  return record;
}

function engineCalls(id: string, config: object): void {
  writeFileSync(
    join(bench.current.dir, "containers", id, "config.v2.json"),
    JSON.stringify(config),
  );
}

function hostsFile(id: string): string {
  return join(bench.current.dir, "containers", id, "hosts");
}

/** The names in a container's hosts file, but for localhost. */
function names(id: string): string[] {
  return [...readFileSync(hostsFile(id), "utf8").matchAll(/^10\S+\t(.*)$/gm)].map(
    ([, name = ""]) => name,
  );
}

describe("the hosts files", () => {
  test("have the names of those on the same network", async () => {
    running("a", "10.1.0.2");
    running("c", "10.2.0.2", "other");
    await refreshHosts(bench.current.context, running("b", "10.1.0.3"));
    expect(names("a").toSorted()).toEqual(["a", "b"]);
    expect(names("b").toSorted()).toEqual(["a", "b"]);
    expect(names("c")).toEqual([]);
  });

  test("are left to the one who is at them, who finds a note", async () => {
    const { context } = bench.current;
    const { store } = context;
    const lock = await context.locker.lock(store.sharedDir("hosts"), "exclusive", 0);
    const waiting = refreshHosts(context, running("a", "10.1.0.2"));
    await expect
      .poll(() => store.hostsNotes().map((note) => note.networks.at(-1)))
      .toEqual(["net"]);
    expect(names("a")).toEqual([]);
    for (const { name } of store.hostsNotes()) store.dropHostsNote(name);
    await waiting;
    lock?.release();
    expect(names("a")).toEqual([]);
  });

  test("are rewritten once for all who wait", async () => {
    const { context } = bench.current;
    const lock = await context.locker.lock(context.store.sharedDir("hosts"), "exclusive", 0);
    const both = [running("a", "10.1.0.2"), running("c", "10.2.0.2", "other")];
    const waiting = Promise.all(both.map((record) => refreshHosts(context, record)));
    await expect.poll(() => context.store.hostsNotes().length).toBe(2);
    lock?.release();
    await waiting;
    expect([names("a"), names("c")]).toEqual([["a"], ["c"]]);
    expect(context.store.hostsNotes()).toEqual([]);
  });

  test("of one who was killed before are rewritten by gc", async () => {
    const { context } = bench.current;
    const { id } = running("a", "10.1.0.2");
    const note = context.store.noteHosts(id, ["net"]);
    expect(readlinkSync(join(context.store.sharedDir("hosts"), note))).toBe("/net");
    await sweep(context, { dryRun: true });
    expect(names("a")).toEqual([]);
    await sweep(context);
    expect(names("a")).toEqual(["a"]);
    expect(context.store.hostsNotes()).toEqual([]);
  });

  test("have the names that the engine has for containers now", async () => {
    const { context } = bench.current;
    for (const [place, id] of ["a", "b", "c"].entries()) {
      const record = running(id, `10.1.0.${place + 2}`);
      context.store.write({ ...record, name: id, names: ["host", id] });
      engineCalls(id, { Name: `/${id}` });
    }
    await refreshHosts(context, running("d", "10.1.0.9"));
    expect(names("a").toSorted()).toEqual(["d", "host a", "host b", "host c"]);
    engineCalls("a", { Name: "/b-old", Config: { Hostname: "host" } });
    // A label that looks like the name is not the name.
    engineCalls("b", { Config: { Hostname: "host", Labels: { Name: "/evil" } }, Name: "/a" });
    await refreshHosts(context, running("d", "10.1.0.9"));
    expect(readFileSync(hostsFile("c"), "utf8")).toContain("10.1.0.2\thost b-old\n");
    expect(readFileSync(hostsFile("c"), "utf8")).toContain("10.1.0.3\thost a\n");
    expect(readFileSync(hostsFile("c"), "utf8")).not.toContain("evil");
    expect(readFileSync(hostsFile("a"), "utf8")).toContain("10.1.0.2\thost b-old\n");
  });

  test("lose the names of those who are released, once for all of them", async () => {
    const { context, dir } = bench.current;
    for (const [place, id] of ["a", "b", "c"].entries()) running(id, `10.1.0.${place + 2}`);
    await sweep(context);
    await refreshHosts(context, running("d", "10.1.0.9"));
    expect(names("a").toSorted()).toEqual(["a", "b", "c", "d"]);
    for (const id of ["b", "c"]) {
      for (const folder of ["containers", "runc"])
        rmSync(join(dir, folder, id), { recursive: true });
    }
    let passes = 0;
    const { store } = context;
    context.store = {
      ...store,
      sharedDir(what) {
        if (what === "hosts") passes++;
        return store.sharedDir(what);
      },
    };
    const outcomes = await collectEach(context, ["b", "c"], { waitMs: 0 });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["released", "released"]);
    expect(names("a").toSorted()).toEqual(["a", "d"]);
    expect(passes).toBe(1);
    expect(context.store.hostsNotes()).toEqual([]);
  });
});

/** As many as are noted in an index, whose records have not just been written. */
async function many(): Promise<void> {
  for (let place = 0; place < 40; place++) running(`m${place}`, `10.1.0.${place + 10}`);
  await pause(150);
  await refreshHosts(bench.current.context, running("first", "10.1.0.2"));
}

function indexFile(): string {
  return join(bench.current.dir, "state", "members.json");
}

describe("the hosts files of many", () => {
  test("have all names, of which only those that changed are read again", async () => {
    await many();
    // What is noted of a record that is still the same is what others see.
    const text = readFileSync(indexFile(), "utf8");
    writeFileSync(indexFile(), text.replace(`"names":["m7"]`, `"names":["noted"]`));
    await refreshHosts(bench.current.context, running("second", "10.1.0.3"));
    const expected = Array.from({ length: 40 }, (_, place) =>
      place === 7 ? "noted" : `m${place}`,
    );
    expect(names("m0").toSorted()).toEqual([...expected, "first", "second"].toSorted());
    expect(names("second").toSorted()).toEqual([...expected, "first", "second"].toSorted());
  });

  test("follow a record that is written again, a rename, a stop and a removal", async () => {
    await many();
    const { context } = bench.current;
    running("m1", "10.1.0.99");
    engineCalls("m2", { Name: "/renamed", Config: { Hostname: "m2" } });
    context.store.markStopped("m3");
    context.store.remove("m4");
    await refreshHosts(context, running("second", "10.1.0.3"));
    const seen = readFileSync(hostsFile("m0"), "utf8");
    expect(seen).toContain("10.1.0.99\tm1\n");
    expect(seen).not.toContain("10.1.0.11\t");
    expect(seen).toMatch(/^10\.1\.0\.12\tm2 renamed$/m);
    expect(seen).not.toMatch(/\tm[34]$/m);
  });

  test.each(["", "{", '{"version":0,"entries":{}}'])(
    "are written from the records where what is noted is %j",
    async (text) => {
      await many();
      writeFileSync(indexFile(), text);
      await refreshHosts(bench.current.context, running("second", "10.1.0.3"));
      expect(names("m0")).toHaveLength(42);
    },
  );
});
