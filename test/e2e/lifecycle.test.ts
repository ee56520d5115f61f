import { describe, expect } from "vitest";
import { dockerArgv, dockerEnv } from "./harness/cli.ts";
import { dockerTest } from "./harness/fixture.ts";
import { must, waitFor } from "./harness/shell.ts";

const test = dockerTest();
const RUN = ["run", "--rm", "--runtime", "cni", "--net", "none"];
const SHOW = ["ip", "-4", "-o", "address", "show", "eth0"];

test("a limit without an end reaches the runtime to the digit", async ({ host }) => {
  const options = ["--rm", "--runtime", "cni", "--net", "none", "--ulimit", "core=-1"];
  expect(await host.ok("run", ...options, "busybox", "sh", "-c", "ulimit -c")).toBe("unlimited");
});

describe("a container", () => {
  test("has eth0 with an address of the network, a default route, and lo up", async ({ host }) => {
    const { stdout, stderr } = await host.docker(
      ...RUN,
      "busybox",
      "sh",
      "-c",
      "ip address; ip route",
    );
    expect(stderr).toBe("");
    expect(stdout).toContain(`inet ${host.place.prefix}.`);
    expect(stdout).toMatch(/lo: <LOOPBACK,UP,LOWER_UP>/);
    expect(stdout).toContain(`default via ${host.place.prefix}.1 dev eth0`);
  });

  test("has its exit status, stdin, stdout and stderr passed on", async ({ host }) => {
    const script = "cat; echo out; echo err >&2; exit 42";
    const result = await host.docker(...RUN, "-i", "busybox", "sh", "-c", script);
    expect(result).toEqual({ stdout: "out", stderr: "err", exitCode: 42 });
  });

  test("is in the netns that has its short id for a name", async ({ host }) => {
    const id = await host.sleeper();
    const { address } = await host.interface(id);
    const seen = await must(["nsenter", `--net=${host.netns(id)}`, ...SHOW]);
    expect(seen).toContain(`inet ${address}/`);
  });

  test("reaches another one, and the bridge", async ({ host }) => {
    const { address } = await host.interface(await host.sleeper());
    for (const target of [address, `${host.place.prefix}.1`]) {
      const pinged = await host.docker(...RUN, "busybox", "ping", "-c", "1", "-W", "2", target);
      expect(pinged).toMatchObject({ exitCode: 0, stderr: "" });
    }
  });

  test("that runs gives `docker exec` its network", async ({ host }) => {
    const id = await host.sleeper();
    const { address } = await host.interface(id);
    expect(await host.ok("exec", id, ...SHOW)).toContain(`inet ${address}/`);
    expect(await host.docker("exec", id, "sh", "-c", "exit 7")).toMatchObject({ exitCode: 7 });
  });

  test("that is removed by force leaves nothing", async ({ host, noLeaks }) => {
    const id = await host.sleeper();
    await host.ok("rm", "-f", id);
    await noLeaks();
  });

  test("that is created and never started leaves nothing", async ({ host, noLeaks }) => {
    const id = await host.ok("create", "--runtime", "cni", "--net", "none", "busybox");
    await noLeaks();
    await host.ok("rm", id);
    await noLeaks();
  });
});

describe("a container keeps address, MAC and routes over", () => {
  test("docker restart", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("restart", id);
    expect(await host.interface(id)).toEqual(before);
  });

  test("docker stop and start, and nobody gets the address in between", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    const other = await host.interface(await host.sleeper());
    expect(other.address).not.toBe(before.address);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
    expect(await host.ok("exec", id, "ping", "-c", "1", "-W", "2", other.address)).toContain(
      "1 packets received",
    );
  });

  test("docker pause and unpause", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("pause", id);
    await host.ok("unpause", id);
    expect(await host.interface(id)).toEqual(before);
    const gateway = `${host.place.prefix}.1`;
    expect(await host.docker("exec", id, "ping", "-c", "1", "-W", "2", gateway)).toMatchObject({
      exitCode: 0,
    });
  });

  test("kill -9 of its process with --restart=always", async ({ host }) => {
    const id = await host.sleeper("--restart=always");
    const before = await host.interface(id);
    process.kill((await host.inspect(id)).State.Pid, "SIGKILL");
    await waitFor("the container is restarted", async () => {
      const { RestartCount, State } = await host.inspect(id);
      return RestartCount === 1 && State.Status === "running" ? true : undefined;
    });
    expect(await host.interface(id)).toEqual(before);
  });

  test("a crash with --restart=on-failure", async ({ host }) => {
    const script = "ip -4 -o address show eth0; cat /sys/class/net/eth0/address; exit 1";
    const always = ["--runtime", "cni", "--net", "none", "--restart=on-failure:2"];
    const id = await host.ok("run", "-d", ...always, "busybox", "sh", "-c", script);
    await waitFor("Docker gives up", async () => {
      const { RestartCount, State } = await host.inspect(id);
      return RestartCount === 2 && State.Status === "exited" ? true : undefined;
    });
    const lines = (await host.ok("logs", id)).split("\n").map((line) => line.replace(/^\d+: /, ""));
    expect(lines).toHaveLength(6);
    expect(new Set(lines).size).toBe(2);
  });
});

describe("a stopped container", () => {
  test("that is removed leaves nothing once docker-cni has collected", async ({
    host,
    noLeaks,
  }) => {
    const id = await host.sleeper();
    await host.ok("stop", id);
    await host.ok("rm", id);
    await host.ok(...RUN, "busybox", "true");
    await noLeaks();
  });

  test("keeps its netns until it is removed", async ({ host }) => {
    const id = await host.sleeper();
    await host.ok("stop", id);
    expect(await must(["nsenter", `--net=${host.netns(id)}`, ...SHOW])).toContain("inet ");
  });
});

describe("a container has its network with", () => {
  test.for([
    ["--init", ["--init"], "cat /proc/1/comm", "docker-init"],
    ["--read-only", ["--read-only"], "touch /x 2>/dev/null || echo read-only", "read-only"],
    ["--user", ["--user", "1000:1000"], "id -u", "1000"],
    ["--hostname", ["--hostname", "box"], "hostname", "box"],
    ["--cap-drop ALL", ["--cap-drop", "ALL"], "echo fine", "fine"],
    ["a tmpfs and a limit", ["--tmpfs", "/t", "--memory", "64m"], "mount | grep -c ' /t '", "1"],
  ] as const)("%s", async ([, options, script, printed], { host }) => {
    const lines = await host.ok(
      ...RUN,
      ...options,
      "busybox",
      "sh",
      "-c",
      `${script}; ${SHOW.join(" ")}`,
    );
    expect(lines.split("\n")).toEqual([
      printed,
      expect.stringContaining(`inet ${host.place.prefix}.`),
    ]);
  });

  test("a terminal (-it)", async ({ host }) => {
    const inside = `sh -c 'tty; ${SHOW.join(" ")}'`;
    const command = [...dockerArgv(host.place), ...RUN, "-it", "busybox", inside].join(" ");
    const printed = await must(["script", "-qec", command, "/dev/null"], {
      env: dockerEnv(host.place),
    });
    expect(printed).toContain("/dev/pts/0");
    expect(printed).toContain(`inet ${host.place.prefix}.`);
  });

  test("a health check that uses it", async ({ host }) => {
    const check = `ping -c 1 -W 1 ${host.place.prefix}.1`;
    const id = await host.sleeper("--health-cmd", check, "--health-interval", "300ms");
    await waitFor("the container is healthy", async () =>
      (await host.inspect(id)).State.Health?.Status === "healthy" ? true : undefined,
    );
  });
});
