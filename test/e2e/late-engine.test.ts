import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerCniRuntime, hostLocal } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { Place } from "./harness/place.ts";

/**
 * Docker 26.0.0 and 28 have no hook in the bundle: when the runtime's create is done dockerd notes the namespace,
 * switches IPv6 off in it and writes the hosts file anew. This runtime does the same to a bundle of the dockerd at hand.
 */
const test = dockerTest({
  iptables: true,
  runtimes: (place) => {
    const script = join(place.dir, "late-engine");
    writeFileSync(script, lateEngine(place));
    chmodSync(script, 0o755);
    return { late: { path: script } };
  },
  networks: (place) => ({
    "20-dual.conflist": {
      cniVersion: "1.0.0",
      name: "dual",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}dual`,
          isGateway: true,
          ipam: Object.assign(hostLocal(place), {
            ranges: [
              [{ subnet: `10.204.${place.index}.0/24` }],
              [{ subnet: `fd00:204:${place.index}::/64` }],
            ],
            routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
          }),
        },
      ],
    },
  }),
});

function lateEngine(place: Place): string {
  const { path, runtimeArgs = [] } = dockerCniRuntime(place, "/usr/sbin/runc");
  const strip = `const fs = require("node:fs");
    const spec = JSON.parse(fs.readFileSync("config.json", "utf8"));
    delete spec.hooks.prestart;
    fs.writeFileSync("config.json", JSON.stringify(spec));`;
  return `#!/bin/sh
case " $* " in
*" create "*) ;;
*) exec ${path} ${runtimeArgs.join(" ")} "$@" ;;
esac
'${process.execPath}' -e '${strip}'
for id; do :; done
${path} ${runtimeArgs.join(" ")} "$@" || exit
printf '127.0.0.1\\tlocalhost\\n' >"${place.dir}/data/containers/$id/hosts"
ip netns exec "$(printf %.12s "$id")" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
`;
}

describe("an engine that changes the network after the runtime's create", () => {
  const run = ["--runtime", "late", "--net", "none", "--label", "cni.networks=dual"];

  test("does not take names and IPv6 from the container before it starts", async ({ host }) => {
    const script = "cat /etc/hosts; ip -6 route; ip -6 -o address; ping -6 -w 8 -c 1 $0";
    const gateway = `fd00:204:${host.place.index}::1`;
    const out = await host.ok(
      "run",
      "--rm",
      "--name",
      "web",
      ...run,
      "busybox",
      "sh",
      "-c",
      script,
      gateway,
    );
    expect(out).toMatch(/^127\.0\.0\.1\tlocalhost$/m);
    expect(out).toMatch(/^10\.204\.\d+\.\d+\t\w+ web$/m);
    expect(out).toMatch(/^fd00:204:\S+\t\w+ web$/m);
    expect(out).toContain(`default via ${gateway} dev eth0`);
    expect(out).toContain("1 packets received");
  });

  test("does not do so at a restart", async ({ host }) => {
    const options = ["-d", "--stop-signal", "KILL", "--name", "web", ...run];
    const id = (await host.ok("run", ...options, "busybox", "sleep", "3600")).trim();
    const look = ["exec", id, "sh", "-c", "cat /etc/hosts; ip -6 route; ip -o address show eth0"];
    const before = await host.ok(...look);
    await host.ok("restart", id);
    expect((await host.ok(...look)).replaceAll("flags 02 ", "")).toBe(
      before.replaceAll("flags 02 ", ""),
    );
  });
});
