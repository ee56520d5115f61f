import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { waitFor } from "./harness/shell.ts";
import { reboot } from "./life/power.ts";
import { program, programJson } from "./life/program.ts";

const test = dockerTest({ iptables: true });

const RESERVE = ["--label", "cni.reserve=true"];

async function cni(host: DockerHost, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await program(host, ...args);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout.trim();
}

interface Listed {
  name: string;
  state: string;
  addresses: string[];
  container: string;
}

/** The names of what is reserved. */
async function reserved(host: DockerHost): Promise<string[]> {
  const all = await programJson<Listed[]>(host, "reservations", "ls");
  return all.map(({ name }) => name);
}

/** The ids of all sandboxes. */
function sandboxes({ place }: DockerHost): string[] {
  return readdirSync(join(place.dir, "state/sandboxes"));
}

/** Releases everything, so that the host's leak check sees what is left. */
async function releaseAll(host: DockerHost): Promise<void> {
  await cni(host, "gc");
  const names = await reserved(host);
  if (names.length > 0) await cni(host, "release", ...names);
  expect(await reserved(host)).toEqual([]);
}

describe("the next container of a name has the network of the one before", () => {
  test.for([
    ["docker rm -f", async (host: DockerHost, id: string) => host.ok("rm", "-f", id)],
    [
      "docker stop and docker rm",
      async (host: DockerHost, id: string) => {
        await host.ok("stop", "-t", "0", id);
        return host.ok("rm", id);
      },
    ],
  ] as const)("after %s", async ([, remove], { host }) => {
    const publish = ["-p", "127.0.0.1:18080:80"];
    const first = await host.sleeper("--name", "web", ...RESERVE, ...publish);
    const before = await host.interface(first);
    await remove(host, first);
    // Others are given other addresses meanwhile, whatever looks for what is left behind.
    await cni(host, "gc");
    await cni(host, "heal");
    const other = await host.sleeper();
    expect((await host.interface(other)).address).not.toBe(before.address);
    expect(await reserved(host)).toEqual(["web"]);
    const second = await host.sleeper("--name", "web", ...RESERVE, ...publish);
    expect(await host.interface(second)).toEqual(before);
    expect(await reserved(host)).toEqual([]);
    expect(sandboxes(host).toSorted()).toEqual([other, second].toSorted());
    const [listed] = await programJson<{ id: string; networks: { ports: unknown[] }[] }[]>(
      host,
      "ls",
      "--filter",
      "name=web",
    );
    expect(listed?.id).toBe(second);
    expect(listed?.networks[0]?.ports).toHaveLength(1);
    expect(await cni(host, "check", "web")).toContain("ok");
    // Its own restart is one as ever.
    await host.ok("restart", "-t", "0", second);
    expect(await host.interface(second)).toEqual(before);
    await host.ok("rm", "-f", second, other);
    await releaseAll(host);
    expect(sandboxes(host)).toEqual([]);
  });

  test("though it was started with --rm, at once, and three times", async ({ host }) => {
    let before: unknown;
    for (let turn = 0; turn < 3; turn++) {
      const id = await host.sleeper("--rm", "--name", "job", ...RESERVE);
      before ??= await host.interface(id);
      expect(await host.interface(id)).toEqual(before);
      await host.ok("rm", "-f", id);
    }
    await releaseAll(host);
    expect(sandboxes(host)).toEqual([]);
  });

  test("by docker compose's project, service and number, whatever it is called", async ({
    host,
  }) => {
    const labels = ["project=shop", "service=web", "container-number=1"].flatMap((label) => [
      "--label",
      `com.docker.compose.${label}`,
    ]);
    const first = await host.sleeper("--name", "shop-web-1", ...labels, ...RESERVE);
    const before = await host.interface(first);
    await host.ok(
      "create",
      "--name",
      "tmp_shop-web-1",
      "--runtime",
      "cni",
      "--net",
      "none",
      ...labels,
      ...RESERVE,
      "busybox",
      "sleep",
      "3600",
    );
    await host.ok("stop", "-t", "0", first);
    await host.ok("rm", first);
    await host.ok("start", "tmp_shop-web-1");
    expect(await host.interface("tmp_shop-web-1")).toEqual(before);
    await host.ok("rm", "-f", "tmp_shop-web-1");
    await releaseAll(host);
  });

  test("with CAP_NET_ADMIN, in a namespace of its own", async ({ host }) => {
    const flags = ["--name", "vpn", "--cap-add", "NET_ADMIN", ...RESERVE];
    const first = await host.sleeper(...flags);
    const before = await host.interface(first);
    await host.ok("exec", first, "ip", "link", "add", "wg0", "type", "veth", "peer", "name", "wg1");
    await host.ok("rm", "-f", first);
    const second = await host.sleeper(...flags);
    expect(await host.interface(second)).toEqual(before);
    expect(await host.ok("exec", second, "ip", "link")).not.toContain("wg0");
    await host.ok("rm", "-f", second);
    await releaseAll(host);
    expect(sandboxes(host)).toEqual([]);
  });

  test("after a reboot, when nobody else was given its address", async ({ host }) => {
    const first = await host.sleeper("--name", "web", ...RESERVE);
    const before = await host.interface(first);
    await host.ok("rm", "-f", first);
    await cni(host, "gc");
    await reboot(host);
    await host.start();
    const other = await host.sleeper();
    expect((await host.interface(other)).address).not.toBe(before.address);
    expect(await reserved(host)).toEqual(["web"]);
    const second = await host.sleeper("--name", "web", ...RESERVE);
    expect(await host.interface(second)).toEqual(before);
    await host.ok("rm", "-f", second, other);
    await releaseAll(host);
  });
});

describe("what is asked for otherwise", () => {
  test("as a MAC gets a network of its own, with the address of before", async ({ host }) => {
    const first = await host.sleeper("--name", "web", ...RESERVE);
    const before = await host.interface(first);
    await host.ok("rm", "-f", first);
    const mac = ["--label", "cni.mac=02:00:00:00:be:ef"];
    const second = await host.sleeper("--name", "web", ...RESERVE, ...mac);
    const now = await host.interface(second);
    expect(now.mac).toBe("02:00:00:00:be:ef");
    expect(sandboxes(host)).toEqual([second]);
    expect(now.address).toBe(before.address);
    await host.ok("rm", "-f", second);
    await releaseAll(host);
  });

  test("as ports are published at the address of before", async ({ host }) => {
    const first = await host.sleeper("--name", "web", ...RESERVE, "-p", "127.0.0.1:18081:80");
    const before = await host.interface(first);
    await host.ok("rm", "-f", first);
    const second = await host.sleeper("--name", "web", ...RESERVE, "-p", "127.0.0.1:18082:80");
    expect(await host.interface(second)).toEqual(before);
    const { stdout } = await program(host, "ls", "--no-trunc");
    expect(stdout).toContain("18082");
    expect(stdout).not.toContain("18081");
    await host.ok("rm", "-f", second);
    await releaseAll(host);
  });
});

describe("a name that a container has", () => {
  test.for([["runs"], ["stopped"]] as const)(
    "is refused to another one while it %s",
    async ([how], { host }) => {
      const first = await host.sleeper("--name", "one", "--label", "cni.reserve=shared");
      const before = await host.interface(first);
      if (how === "stopped") await host.ok("stop", "-t", "0", first);
      const second = await host.docker(
        "run",
        "-d",
        "--name",
        "two",
        "--runtime",
        "cni",
        "--net",
        "none",
        "--label",
        "cni.reserve=shared",
        "busybox",
        "sleep",
        "3600",
      );
      expect(second.exitCode).not.toBe(0);
      expect(second.stderr).toContain("the name shared is reserved by container one");
      expect(second.stderr).toContain(first.slice(0, 12));
      expect((await program(host, "release", "shared")).stderr).toContain("container one has");
      if (how === "stopped") await host.ok("start", first);
      expect(await host.interface(first)).toEqual(before);
      await host.ok("rm", "-f", first);
      await host.ok("start", "two");
      expect(await host.interface("two")).toEqual(before);
      await host.ok("rm", "-f", "two");
      await releaseAll(host);
    },
  );
});

describe("a reservation ends", () => {
  test("when it is released, with everything of it", async ({ host }) => {
    const id = await host.sleeper("--name", "web", ...RESERVE);
    await host.ok("rm", "-f", id);
    await waitFor("it is reserved", async () => (await reserved(host)).length > 0 || undefined);
    expect(await cni(host, "release", "web")).toBe("web");
    expect(sandboxes(host)).toEqual([]);
    expect(await program(host, "release", "web")).toMatchObject({ exitCode: 2 });
  });

  test("after reserve_for", async ({ host }) => {
    host.writeConfig({ reserve_for: "1h" });
    const id = await host.sleeper("--name", "web", ...RESERVE);
    await host.ok("rm", "-f", id);
    await cni(host, "gc");
    expect(await reserved(host)).toEqual(["web"]);
    const mark = join(host.place.dir, "state/sandboxes", id, "reserved");
    expect(existsSync(mark)).toBe(true);
    utimesSync(mark, new Date(), new Date(Date.now() - 3_601_000));
    await cni(host, "gc");
    expect(sandboxes(host)).toEqual([]);
  });
});
