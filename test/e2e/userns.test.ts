import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { privateFolder } from "./harness/daemon.ts";
import { hostLocal, REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, waitFor } from "./harness/shell.ts";
import { daemonPid } from "./harness/takedown.ts";
import { inHostNetns, leases } from "./harness/traces.ts";

/** A daemon whose containers have root of a range of their own, which only this daemon's /etc knows. */
const test = dockerTest({
  iptables: true,
  privateFolders: ["/etc"],
  networks: (place) => ({
    "20-back.conflist": {
      cniVersion: "1.0.0",
      name: "back",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}back`,
          isGateway: true,
          ipam: Object.assign(hostLocal(place), {
            ranges: [[{ subnet: `10.205.${place.index}.0/24` }]],
          }),
        },
      ],
    },
  }),
  runtimes: (place) => {
    mkdirSync(privateFolder(place, "/etc"), { recursive: true });
    writeFileSync(join(privateFolder(place, "/etc"), "subuid"), "nobody:500000:65536\n");
    writeFileSync(join(privateFolder(place, "/etc"), "subgid"), "nobody:500000:65536\n");
    // The remapped root has to reach its containers' files.
    for (const folder of [".", "data"]) chmodSync(join(place.dir, folder), 0o711);
    return {};
  },
  daemonJson: { "userns-remap": "nobody:nogroup" },
});

const RUN = ["run", "--rm", "--runtime", "cni", "--net", "none"];

async function inside(host: DockerHost, id: string): Promise<string> {
  return host.ok(
    "exec",
    id,
    "sh",
    "-c",
    "ip -4 -o address show eth0; ip route; cat /sys/class/net/eth0/address",
  );
}

/** What a verb prints in the mount namespace of this daemon, which has the names of its containers' namespaces. */
async function besideDaemon({ place }: DockerHost, ...args: string[]): Promise<unknown> {
  const enter = ["nsenter", "--mount", "--net", `--target=${String(daemonPid(place))}`];
  const launcher = join(REPOSITORY, "bin/docker-cni");
  return JSON.parse(
    await must([...enter, launcher, "--config", join(place.dir, "cni.yaml"), ...args]),
  );
}

function expectNothingLeft({ place }: DockerHost): Promise<true> {
  return waitFor("everything is undone", () => {
    const left = [...leases(place), ...readdirSync(join(place.dir, "state/sandboxes"))];
    return left.length === 0 ? true : undefined;
  });
}

describe("a container with a user namespace of its own", () => {
  test("has its network, sysfs and its own root", async ({ host }) => {
    const script = "cat /proc/self/uid_map; ls /sys/class/net; ip route; ping -c 1 -W 2 $0";
    const out = await host.ok(...RUN, "busybox", "sh", "-c", script, `${host.place.prefix}.1`);
    expect(out).toMatch(/0\s+500000\s+65536/);
    expect(out).toContain("eth0");
    expect(out).toContain(`default via ${host.place.prefix}.1 dev eth0`);
    expect(out).toContain("1 packets received");
    await expectNothingLeft(host);
  });

  test("keeps address and MAC over a restart, and publishes its port", async ({ host }) => {
    const serve = "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
    const options = ["--runtime", "cni", "--net", "none", "--stop-signal", "KILL", "-p", "8080:80"];
    const id = (await host.ok("run", "-d", ...options, "busybox", "sh", "-c", serve)).trim();
    const get = [
      ...inHostNetns(host.place),
      "busybox",
      "wget",
      "-q",
      "-O",
      "-",
      "http://127.0.0.1:8080/",
    ];
    expect(await must(get)).toBe("hello");
    const before = await inside(host, id);
    await host.ok("restart", id);
    expect(await inside(host, id)).toBe(before);
    expect(await must(get)).toBe("hello");
    for (const verb of ["check", "heal"]) {
      expect(await besideDaemon(host, verb, id, "--json")).toMatchObject([{ health: "ok" }]);
    }
    expect(await inside(host, id)).toBe(before);
    await host.ok("rm", "-f", id);
    await expectNothingLeft(host);
  });

  test("is connected and publishes while it runs and while it is stopped", async ({ host }) => {
    const id = await host.sleeper("--name", "web");
    const enter = ["nsenter", "--mount", "--net", `--target=${String(daemonPid(host.place))}`];
    const launcher = join(REPOSITORY, "bin/docker-cni");
    const verb = (...words: string[]): Promise<string> =>
      must([...enter, launcher, "--config", join(host.place.dir, "cni.yaml"), ...words]);
    const links = (): Promise<string> => host.ok("exec", id, "ls", "/sys/class/net");
    await verb("connect", "web", "back");
    await verb("publish", "web", "18120:80");
    expect(await links()).toBe("eth0\neth1\nlo");
    expect(await besideDaemon(host, "check", id, "--json")).toMatchObject([{ health: "ok" }]);
    await host.ok("restart", id);
    expect(await links()).toBe("eth0\neth1\nlo");
    await host.ok("stop", id);
    await verb("disconnect", "web", "back");
    await verb("unpublish", "web", "18120");
    await host.ok("start", id);
    expect(await links()).toBe("eth0\nlo");
    await host.ok("stop", id);
    await verb("connect", "web", "back");
    await host.ok("start", id);
    expect(await links()).toBe("eth0\neth1\nlo");
    expect(await besideDaemon(host, "check", id, "--json")).toMatchObject([{ health: "ok" }]);
    await host.ok("rm", "-f", id);
    await expectNothingLeft(host);
  });

  test("that cannot be attached says so and leaves nothing", async ({ host }) => {
    const bad = await host.docker(...RUN, "--label", `cni.ip=10.9.9.9`, "busybox", "true");
    expect(bad.exitCode).not.toBe(0);
    expect(bad.stderr).toMatch(/createRuntime hook|running hook/);
    expect(bad.stderr).toContain("10.9.9.9");
    await expectNothingLeft(host);
  });

  test("is none with --userns=host", async ({ host }) => {
    const id = (
      await host.ok(
        "run",
        "-d",
        "--runtime=cni",
        "--net=none",
        "--userns=host",
        "--stop-signal",
        "KILL",
        "busybox",
        "sleep",
        "3600",
      )
    ).trim();
    expect(await host.ok("exec", id, "cat", "/proc/self/uid_map")).toMatch(/0\s+0\s+4294967295/);
    const record = join(host.place.dir, "state/sandboxes", id, "record.json");
    expect(JSON.parse(readFileSync(record, "utf8"))).not.toHaveProperty("userns");
    expect(await inside(host, id)).toContain(`inet ${host.place.prefix}.`);
    await host.ok("rm", "-f", id);
    await waitFor("it is gone", () => (existsSync(record) ? undefined : true));
  });
});

test("a port is given back by a stop, and taken again with the namespace that the next start makes", async ({
  host,
}) => {
  const serve = [
    "busybox",
    "sh",
    "-c",
    "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp",
  ];
  const flags = ["--runtime", "cni", "--net", "none", "--stop-signal", "KILL", "-p", "8080:80"];
  const id = await host.ok("run", "-d", ...flags, ...serve);
  const record = join(host.place.dir, "state/sandboxes", id, "record.json");
  const client = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"];
  const get = () => must([...inHostNetns(host.place), ...client]).catch(() => "no answer");
  await expect.poll(() => get(), { timeout: 15_000 }).toBe("hello");
  await host.ok("stop", id);
  await waitFor("the port is given back", () => {
    return readFileSync(record, "utf8").includes('"ports":"released"') || undefined;
  });
  await host.ok("start", id);
  await expect.poll(() => get(), { timeout: 15_000 }).toBe("hello");
  expect(readFileSync(record, "utf8")).not.toContain('"ports":"');
  await host.ok("rm", "-f", id);
  await expectNothingLeft(host);
});
