import { describe, expect } from "vitest";
import type { Json, NetworkList } from "../harness/config.ts";
import { dockerTest } from "../harness/fixture.ts";
import type { DockerHost } from "../harness/host.ts";
import { deleteIptables } from "../harness/iptables.ts";
import type { Place } from "../harness/place.ts";
import { must } from "../harness/shell.ts";
import { inHostNetns, iptablesLines } from "../harness/traces.ts";
import { killDaemon, reboot } from "./power.ts";
import { program } from "./program.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-left.conflist": masquerading(place, "left", 0),
    "21-right.conflist": masquerading(place, "right", 64),
    "22-set.conflist": masquerading(place, "set", 128, {
      type: "static",
      addresses: [{ address: `${prefix(place)}.140/26`, gateway: `${prefix(place)}.129` }],
      routes: [{ dst: "0.0.0.0/0" }],
    }),
  }),
});

describe("a container on two networks that masquerade is removed, and no rule stays, after", () => {
  test.for([
    ["nothing else", async () => {}],
    [
      "a reboot",
      async (host: DockerHost) => {
        await reboot(host);
        await host.start();
      },
    ],
    [
      "its network namespace was removed by hand",
      async (host: DockerHost, id: string) => {
        await host.ok("stop", id);
        await must(["umount", host.netns(id)]);
        await must(["rm", host.netns(id)]);
      },
    ],
    [
      "its rules were removed by hand",
      async (host: DockerHost, id: string) => {
        await host.ok("stop", id);
        await deleteIptables(inHostNetns(host.place), await iptablesLines(host.place));
      },
    ],
    [
      "a DEL of the second network that failed",
      async (host: DockerHost, id: string) => {
        await host.ok("stop", id);
        await killDaemon(host);
        host.writePlugin("bridge", "#!/bin/sh\ncat >/dev/null; echo broken >&2; exit 1\n");
        await program(host, "gc");
        await must(["rm", `${host.place.dir}/plugins/bridge`]);
        await host.start();
      },
    ],
  ] as const)("%s", async ([, happens], { host, noLeaks }) => {
    const id = await host.sleeper("--label", "cni.networks=left,right");
    const rules = (await iptablesLines(host.place)).map(({ text }) => text);
    expect(rules).toContainEqual(expect.stringContaining("MASQUERADE"));
    await happens(host, id);
    await host.ok("rm", "-f", id);
    const { stdout, exitCode } = await program(host, "gc");
    expect({ stdout, exitCode }).toEqual({
      stdout: expect.not.stringContaining("failed"),
      exitCode: 0,
    });
    await noLeaks();
  });
});

describe("a container whose network's IPAM plugin is static has its address again after", () => {
  test.for([
    [
      "a reboot",
      async (host: DockerHost, id: string) => {
        await reboot(host);
        await host.start();
        await host.ok("start", id);
      },
    ],
    [
      "its network namespace lost its name",
      async (host: DockerHost, id: string) => {
        await must(["umount", host.netns(id)]);
        await host.ok("restart", id);
      },
    ],
    [
      "heal found its interface gone",
      async (host: DockerHost, id: string) => {
        await must(["nsenter", `--net=${host.netns(id)}`, "ip", "link", "delete", "eth0"]);
        await program(host, "heal");
      },
    ],
  ] as const)("%s", async ([, happens], { host }) => {
    const id = await host.sleeper("--label", "cni.networks=set");
    const show = ["exec", id, "sh", "-c", "ip -4 -o addr show eth0; ip route"];
    const before = await host.ok(...show);
    expect(before).toContain(`${prefix(host.place)}.140/26`);
    expect(before).toContain("default via");
    await happens(host, id);
    const link = /^\d+: |@if\d+/g;
    expect((await host.ok(...show)).replaceAll(link, "")).toBe(before.replaceAll(link, ""));
  });
});

function masquerading(place: Place, name: string, from: number, ipam?: Json): NetworkList {
  const hostLocal = {
    type: "host-local",
    ranges: [[{ subnet: `${prefix(place)}.${from}/26` }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: `${place.dir}/leases`,
  };
  const bridge = {
    type: "bridge",
    bridge: `en${place.index}${name}`,
    isGateway: true,
    ipMasq: true,
  };
  return { cniVersion: "1.0.0", name, plugins: [{ ...bridge, ipam: ipam ?? hostLocal }] };
}

function prefix(place: Place): string {
  return `10.204.${place.index}`;
}
