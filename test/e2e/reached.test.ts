import { describe, expect } from "vitest";
import type { NetworkList } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import type { Place } from "./harness/place.ts";
import { run } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-front.conflist": network(place, "front", "bridge", 0),
    "21-own.conflist": network(place, "own", "own-bridge", 64),
  }),
});

type Name = "front" | "own";

/** A dual-stack network. */
function network(place: Place, name: Name, type: string, offset: number): NetworkList {
  const ranges = [
    [{ subnet: `10.204.${place.index}.${offset}/26` }],
    [{ subnet: `fd00:204:${place.index}:${offset}::/64` }],
  ];
  const ipam = { type: "host-local", ranges, dataDir: `${place.dir}/leases` };
  const bridge = `rc${place.index}${name}`;
  return { cniVersion: "1.0.0", name, plugins: [{ type, bridge, isGateway: true, ipam }] };
}

/** A plugin that takes no MAC, says nothing of it, and announces nothing: an interface of a random one. */
const OWN_BRIDGE = `#!/bin/sh
CNI_ARGS=$(printf %s "$CNI_ARGS" | sed 's/;MAC=[^;]*//') exec /usr/lib/cni/bridge
`;

/** Whether the address answers within a second, from a container and from the host. */
async function reached(host: DockerHost, neighbour: string, address: string): Promise<boolean[]> {
  const ping = ["ping", "-c1", "-w1", address];
  const inside = await host.docker("exec", neighbour, ...ping);
  const outside = await run([...inHostNetns(host.place), "busybox", ...ping]);
  return [inside, outside].map(({ exitCode }) => exitCode === 0);
}

describe("a new container with the address of a former one", () => {
  test.for(["front", "own"] as const)(
    "is reached within a second by host and neighbours, in both families: network %s",
    async (name, { host }) => {
      host.writePlugin("own-bridge", OWN_BRIDGE);
      const { index } = host.place;
      const offset = name === "front" ? 0 : 64;
      const addresses = [`10.204.${index}.${offset + 9}`, `fd00:204:${index}:${offset}::9`];
      const on = ["--label", `cni.networks=${name}`];
      const fixed = [...on, "--label", `cni.ip=${addresses.join(",")}`];
      const neighbour = await host.sleeper(...on);
      const old = await host.sleeper(...fixed);
      for (const address of addresses) {
        // A duplicate of an IPv6 address is looked for first.
        await expect
          .poll(() => reached(host, neighbour, address), { timeout: 5000 })
          .toEqual([true, true]);
      }
      const { mac } = await host.interface(old);
      await host.ok("rm", "-f", old);
      const fresh = await host.sleeper(...fixed);
      const seen = [];
      for (const address of addresses) seen.push(await reached(host, neighbour, address));
      expect(seen).toEqual([
        [true, true],
        [true, true],
      ]);
      if (name === "front") expect((await host.interface(fresh)).mac).toBe(mac);
      else expect((await host.interface(fresh)).mac).not.toBe(mac);
    },
  );
});

describe("an address that a stopped container keeps", () => {
  const on = ["--label", "cni.networks=front"];
  const asking = (address: string) => [...on, "--label", `cni.ip=${address}`];

  test("goes to the one that replaces it: stop, rename, run with the same address, remove", async ({
    host,
  }) => {
    const address = `10.204.${host.place.index}.20`;
    const neighbour = await host.sleeper(...on);
    const old = await host.sleeper("--name", "web", ...asking(address));
    expect(await reached(host, neighbour, address)).toEqual([true, true]);
    await host.ok("stop", old);
    await host.ok("rename", "web", "web-old");
    const fresh = await host.sleeper("--name", "web", ...asking(address));
    expect((await host.interface(fresh)).address).toBe(address);
    expect(await reached(host, neighbour, address)).toEqual([true, true]);
    const { stderr } = await host.docker("start", old);
    expect(stderr).toContain(`network front: the address ${address} is container web's`);
    await host.ok("rm", old);
    expect(await reached(host, neighbour, address)).toEqual([true, true]);
    await host.ok("restart", fresh);
    expect((await host.interface(fresh)).address).toBe(address);
  });

  test("leaves one that never asked for it, which has another at its next start", async ({
    host,
  }) => {
    const old = await host.sleeper(...on);
    const { address } = await host.interface(old);
    await host.ok("stop", old);
    const fresh = await host.sleeper(...asking(address));
    expect((await host.interface(fresh)).address).toBe(address);
    await host.ok("start", old);
    const second = (await host.interface(old)).address;
    expect(second).not.toBe(address);
    await host.ok("restart", old);
    expect((await host.interface(old)).address).toBe(second);
  });
});
