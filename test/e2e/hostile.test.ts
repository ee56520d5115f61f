import { describe, expect } from "vitest";
import { withOwnLines } from "../../src/names/own-lines-text.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { netnsName } from "./harness/traces.ts";

const test = dockerTest({
  networks: (place) => ({
    "20-calm.conflist": {
      cniVersion: "1.0.0",
      name: "calm",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}calm`,
          ipam: {
            type: "host-local",
            ranges: [[{ subnet: `10.204.${place.index}.0/25` }]],
            dataDir: `${place.dir}/leases`,
          },
        },
      ],
    },
    "21-hostile.conflist": {
      cniVersion: "1.0.0",
      name: "hostile",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}host`,
          ipam: {
            type: "host-local",
            ranges: [[{ subnet: `10.204.${place.index}.128/25` }]],
            dataDir: `${place.dir}/leases`,
          },
        },
      ],
    },
  }),
});

const [BEGIN = ""] = withOwnLines("", "10.0.0.1\tx\n").split("\n");

/** Makes its hosts file what takes long to read, and carries the mark of what works on a victim's namespace. */
const HOSTILE = `
i=0
while [ $i -lt 3000 ]; do echo '${BEGIN}'; i=$((i + 1)); done >>/etc/hosts
head -c 900000 /dev/zero | tr '\\0' '\\n' >>/etc/hosts
echo ready
exec sleep 3600`;

const on = (network: string): string[] => {
  const runtime = ["--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];
  return [...runtime, "--label", `cni.networks=${network}`];
};

async function hostile(host: DockerHost, ...options: string[]): Promise<void> {
  const argv = [...on("hostile"), ...options, "busybox", "sh", "-c", HOSTILE];
  const id = (await host.ok("run", "-d", ...argv)).trim();
  await expect.poll(() => host.ok("logs", id), { timeout: 20_000 }).toContain("ready");
}

async function calm(host: DockerHost): Promise<void> {
  await host.ok("run", "-d", ...on("calm"), "busybox", "sleep", "3600");
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** How much longer `one` takes than `other`: the medians of nine turns each, taken by turns. */
async function ratio(one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<number> {
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < 9; turn++) {
    for (const [place, work] of [one, other].entries()) {
      const begin = performance.now();
      await work();
      times[place === 0 ? 0 : 1].push(performance.now() - begin);
    }
  }
  return median(times[0]) / median(times[1]);
}

/** The least of a few ratios: what else the machine does makes one larger now and then, and never all. */
async function bestRatio(...both: Parameters<typeof ratio>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && best > 1.2; round++) best = Math.min(best, await ratio(...both));
  return best;
}

describe("beside a container that writes 3,000 markers and 900 kB into its hosts file", () => {
  test("a start takes no longer", async ({ host }) => {
    await calm(host);
    await hostile(host);
    const start = (network: string) => () =>
      host.ok("run", "--rm", ...on(network), "busybox", "true");
    expect(await bestRatio(start("hostile"), start("calm"))).toBeLessThan(1.2);
  });
});

describe("beside a container that carries CNI_NETNS of a victim in its environment", () => {
  test("a restart of the victim takes no longer, and the container lives on", async ({ host }) => {
    const [victim, other] = [await host.sleeper("--name", "victim"), await host.sleeper()];
    await hostile(host, "--name", "villain", "-e", `CNI_NETNS=/run/netns/${netnsName(victim)}`);
    const restart = (id: string) => () => host.ok("restart", id);
    expect(await bestRatio(restart(victim), restart(other))).toBeLessThan(1.2);
    expect((await host.inspect("villain")).State.Status).toBe("running");
  });
});
