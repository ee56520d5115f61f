import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { hostLocal, type Json } from "../harness/config.ts";
import { dockerTest } from "../harness/fixture.ts";
import { must, waitFor } from "../harness/shell.ts";
import { program, recordPath } from "./program.ts";

const test = dockerTest();

const RUN = ["run", "--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];

/** A line of /proc/net/tcp in the state TIME_WAIT. */
const TIME_WAIT = /: [0-9A-F]{8}:[0-9A-F]{4} [0-9A-F]{8}:[0-9A-F]{4} 06 /;

describe("a stopped container comes back with its address and MAC when its record", () => {
  test.for([
    ["is empty", (file: string) => truncateSync(file, 0)],
    [
      "is cut in half",
      (file: string) => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
    ],
    [
      "is a newer program's",
      (file: string) => {
        const record: Json = JSON.parse(readFileSync(file, "utf8"));
        writeFileSync(file, JSON.stringify({ ...record, version: 2, netns: { path: "/x" } }));
      },
    ],
  ] as const)("%s", async ([, spoil], { host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    spoil(recordPath(host, id));
    expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
    const other = await host.interface(await host.sleeper());
    expect(other.address).not.toBe(before.address);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
  });

  test("is lost, the folder with it", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    await must(["rm", "-r", join(recordPath(host, id), "..")]);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
  });
});

describe("a restart is a clean start:", () => {
  test("what a container with NET_ADMIN made of its namespace is gone", async ({ host }) => {
    const script = `set -e
      ip link add wg0 type veth peer name wg1
      ip link set wg0 up
      ip route add 192.0.2.0/24 dev wg0
      ip rule add from 192.0.2.1 table 77
      ip link set eth0 down && ip link set eth0 name lan0 && ip link set lan0 up
      echo ready; exec sleep 3600`;
    const options = [...RUN, "-d", "--cap-add", "NET_ADMIN", "busybox", "sh", "-c"];
    const show = "ip -4 address show dev lan0; ip -o link; ip rule";
    const id = (await host.ok(...options, script)).trim();
    const isReady = (times: number) => async () =>
      (await host.ok("logs", id)).split("ready").length > times ? true : undefined;
    await waitFor("it is ready", isReady(1));
    const before = await host.ok("exec", id, "sh", "-c", "ip -o -4 address show lan0");
    const mac = await host.ok("exec", id, "cat", "/sys/class/net/lan0/address");
    await host.ok("restart", id);
    await waitFor("it is ready again", isReady(2));
    const after = await host.ok("exec", id, "sh", "-c", show);
    expect(after).toContain(/inet \S+/.exec(before)?.[0]);
    expect(await host.ok("exec", id, "cat", "/sys/class/net/lan0/address")).toBe(mac);
    expect(after).not.toMatch(/^\d+: eth0/m);
    expect(after.match(/table 77|lookup 77/g)).toHaveLength(1);
  });

  test("connections of the life before are ended before the next one begins", async ({ host }) => {
    const script = "cat /proc/net/tcp; exec sleep 3600";
    const id = (await host.ok(...RUN, "-d", "busybox", "sh", "-c", script)).trim();
    const leave = `nc -l -p 81 -e cat &
      sleep 0.3; (echo hello; sleep 0.3) | nc 127.0.0.1 81; sleep 0.3; cat /proc/net/tcp`;
    expect(await host.ok("exec", id, "sh", "-c", leave)).toMatch(TIME_WAIT);
    await host.ok("restart", id);
    const tables = await host.ok("logs", id);
    expect(tables.match(/local_address/g)).toHaveLength(2);
    expect(tables).not.toMatch(TIME_WAIT);
  });
});

describe("a removed container whose record cannot be read leaves nothing", () => {
  test.for([
    ["while its results are there", false],
    ["without its results", true],
  ] as const)("%s", async ([, withoutResults], { host, noLeaks }) => {
    // No plugin could tell the rules of a firewall without a result.
    host.writeNetwork("20-plain.conflist", {
      cniVersion: "1.0.0",
      name: `plain${host.place.index}`,
      plugins: [
        { type: "bridge", bridge: host.place.bridge, ipMasq: true, ipam: hostLocal(host.place) },
      ],
    });
    const id = await host.sleeper("--label", `cni.networks=plain${host.place.index}`);
    await host.ok("stop", id);
    truncateSync(recordPath(host, id), 0);
    if (withoutResults) await must(["rm", "-r", join(host.place.dir, "state/cni/results")]);
    await host.ok("rm", id);
    expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
    await noLeaks();
  });
});

test("a running container whose results are lost leaves nothing when it is removed", async ({
  host,
  noLeaks,
}) => {
  const id = await host.sleeper("-p", "18086:80");
  await must(["rm", "-r", join(host.place.dir, "state/cni/results")]);
  await host.ok("rm", "-f", id);
  await noLeaks();
});

describe("a container keeps its address and MAC over", () => {
  test("a network namespace that lost its name, and no rule stays behind", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await must(["umount", host.netns(id)]);
    await host.ok("restart", id);
    expect(await host.interface(id)).toEqual(before);
  });

  test("the bridge deleted while it was stopped", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    await must(["ip", "link", "delete", host.place.bridge]);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
    const gateway = `${host.place.prefix}.1`;
    expect(await host.docker("exec", id, "ping", "-c", "1", "-W", "2", gateway)).toMatchObject({
      exitCode: 0,
    });
  });

  test("its interface deleted while it was stopped", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    await must(["nsenter", `--net=${host.netns(id)}`, "ip", "link", "delete", "eth0"]);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
  });

  test("a start that failed for its network", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    await must(["ip", "link", "delete", host.place.bridge]);
    host.writePlugin("bridge", "#!/bin/sh\ncat >/dev/null; echo broken >&2; exit 1\n");
    expect(await host.docker("start", id)).toMatchObject({ exitCode: 1 });
    expect(await host.docker("start", id)).toMatchObject({ exitCode: 1 });
    await must(["rm", join(host.place.dir, "plugins/bridge")]);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
  });
});

describe("when the addresses have run out", () => {
  test("those of containers that are gone are taken back at once", async ({ host }) => {
    const ipam = hostLocal(host.place);
    const [first, last] = [`${host.place.prefix}.100`, `${host.place.prefix}.102`];
    host.writeNetwork("20-small.conflist", {
      cniVersion: "1.0.0",
      name: `small${host.place.index}`,
      plugins: [
        {
          type: "bridge",
          bridge: host.place.bridge,
          ipam: {
            ...ipam,
            ranges: [[{ subnet: host.place.subnet, rangeStart: first, rangeEnd: last }]],
          },
        },
      ],
    });
    const onSmall = ["--label", `cni.networks=small${host.place.index}`];
    const ids = [];
    for (let count = 0; count < 3; count++) ids.push(await host.sleeper(...onSmall));
    const always = ["run", "-d", "--runtime", "cni", "--net", "none", ...onSmall];
    const failed = await host.docker(...always, "busybox", "true");
    expect(failed.stderr).toContain("no IP addresses available");
    await host.ok("stop", ...ids);
    await host.ok("rm", ids[1] ?? "");
    const other = await host.sleeper(...onSmall);
    expect((await host.interface(other)).address).toMatch(/\.10[0-2]$/);
    await host.ok("start", ids[0] ?? "");
  });
});

describe("what is kept of a stopped container", () => {
  test.for([
    ["nothing, by keep: never", { keep: "never" }, [], false],
    ["nothing, by keep: label and no label", { keep: "label" }, [], false],
    ["its network, by keep: label", { keep: "label" }, ["--label", "cni.keep=true"], true],
    ["nothing, by cni.keep=false", {}, ["--label", "cni.keep=false"], false],
  ] as const)("is %s", async ([, config, options, kept], { host }) => {
    host.writeConfig(config);
    try {
      const id = await host.sleeper(...options);
      await host.ok("stop", id);
      if (kept) await new Promise((resolve) => setTimeout(resolve, 1000));
      else await waitFor("it is released", () => !existsSync(recordPath(host, id)) || undefined);
      expect(existsSync(recordPath(host, id))).toBe(kept);
      await host.ok("start", id);
      await host.interface(id);
    } finally {
      host.writeConfig();
    }
  });

  test("is released a while after the stop, by keep_for", async ({ host }) => {
    host.writeConfig({ keep_for: "1s" });
    try {
      const [id, running] = [await host.sleeper(), await host.sleeper()];
      await host.ok("stop", id);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      await program(host, "gc");
      expect(existsSync(recordPath(host, id))).toBe(false);
      expect(existsSync(recordPath(host, running))).toBe(true);
      await host.ok("start", id);
      await host.interface(id);
    } finally {
      host.writeConfig();
    }
  });
});
