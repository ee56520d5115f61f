import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerArgv, dockerEnv } from "./harness/cli.ts";
import { dockerCniRuntime } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, run, waitFor } from "./harness/shell.ts";
import { idsFile, inHostNetns, netnsNames } from "./harness/traces.ts";

/** Other callers of a low-level runtime, with the private Docker host's networks and containerd. */
const test = dockerTest({ iptables: true });

const SERVE = "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp";

/** docker-cni as a program without arguments of its own, as other engines call a runtime. */
function program(host: DockerHost): string {
  const { path, runtimeArgs = [] } = dockerCniRuntime(host.place, "/usr/sbin/runc");
  const file = join(host.place.dir, "docker-cni");
  writeFileSync(file, `#!/bin/sh\nexec ${path} ${runtimeArgs.join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Unpacks the image busybox, and gives its folder. */
async function rootfs(host: DockerHost): Promise<string> {
  const folder = join(host.place.dir, "rootfs");
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const id = (await host.ok("create", "busybox")).trim();
  const docker = dockerArgv(host.place).join(" ");
  await must(["sh", "-c", `${docker} export ${id} | tar -C ${folder} -x`], {
    env: dockerEnv(host.place),
  });
  await host.ok("rm", id);
  return folder;
}

/** Has the leak check know the container. */
function known(host: DockerHost, id: string): string {
  appendFileSync(idsFile(host.place), `${id}\n`);
  return id;
}

async function get(host: DockerHost, address: string): Promise<string> {
  const client = ["timeout", "5", "busybox", "wget", "-q", "-O", "-", `http://${address}/`];
  return waitFor(`${address} answers`, async () => {
    const { stdout, exitCode } = await run([...inHostNetns(host.place), ...client]);
    return exitCode === 0 ? stdout : undefined;
  });
}

async function ctr(host: DockerHost, ...args: string[]) {
  const address = join(host.place.dir, "exec/containerd/containerd.sock");
  return run(["ctr", "--address", address, "--namespace", "e2e", ...args]);
}

async function bundle(
  host: DockerHost,
  command: string[],
  annotations: Record<string, string> = {},
): Promise<string> {
  const folder = join(host.place.dir, `bundle-${Date.now()}`);
  mkdirSync(folder);
  await must(["sh", "-c", `cd ${folder} && runc spec`]);
  const file = join(folder, "config.json");
  const spec = JSON.parse(readFileSync(file, "utf8"));
  spec.process.terminal = false;
  spec.process.args = command;
  spec.root = { path: await rootfs(host), readonly: false };
  spec.annotations = annotations;
  writeFileSync(file, JSON.stringify(spec));
  return folder;
}

function podman(host: DockerHost, ...args: string[]) {
  return podmanIn(inHostNetns(host.place), host, args);
}

/** podman behind a command that says in which network namespace. */
async function podmanIn(prefix: string[], host: DockerHost, args: string[]) {
  const dir = join(host.place.dir, "podman");
  const own = [
    "--root",
    `${dir}/root`,
    "--runroot",
    `${dir}/run`,
    "--tmpdir",
    `${dir}/tmp`,
    "--cgroup-manager",
    "cgroupfs",
  ];
  const env = { PATH: process.env["PATH"] ?? "", HOME: dir, CONTAINERS_CONF: "/dev/null" };
  return run([...prefix, "podman", ...own, "--runtime", program(host), ...args], { env });
}

describe("containerd's ctr", () => {
  test("runs a container with network, address and port by annotation, and leaves nothing", async ({
    host,
    noLeaks,
  }) => {
    const root = await rootfs(host);
    const id = known(host, "en-ctr");
    const ip = `${host.place.prefix}.66`;
    const requests = [`cni.ip=${ip}`, "cni.ports=127.0.0.1:8066:80", "cni.name=served"];
    const annotations = requests.flatMap((request) => ["--annotation", request]);
    const start = ["--runc-binary", program(host), ...annotations, "--rootfs", root, id];
    expect(await ctr(host, "run", "--detach", ...start, "/bin/sh", "-c", SERVE)).toMatchObject({
      exitCode: 0,
      stderr: "",
    });
    try {
      expect(await get(host, "127.0.0.1:8066")).toBe("hello");
      expect(await get(host, ip)).toBe("hello");
      expect(netnsNames(host.place)).toContain(id);
    } finally {
      await ctr(host, "task", "kill", "--signal", "KILL", id);
      await ctr(host, "task", "delete", "--force", id);
      await ctr(host, "container", "delete", id);
    }
    await noLeaks();
  });

  test("with --net-host has the host's network", async ({ host }) => {
    const root = await rootfs(host);
    const options = ["--rm", "--net-host", "--runc-binary", program(host), "--rootfs", root];
    const { stdout } = await ctr(
      host,
      "run",
      ...options,
      known(host, "en-ctr2"),
      "/bin/ls",
      "/sys/class/net",
    );
    expect(stdout).toContain(host.place.bridge);
  });
});

describe("by hand, with a bundle", () => {
  test("create, start and delete attach, run and clean up", async ({ host, noLeaks }) => {
    const id = known(host, "en-hand");
    const folder = await bundle(host, ["/bin/sh", "-c", SERVE], { "cni.ports": "8067:80" });
    const root = ["--root", join(host.place.dir, "runc-by-hand")];
    const cli = [...inHostNetns(host.place), program(host), ...root];
    // The container has the caller's streams: whoever waits for their end waits for the container.
    await must([
      "sh",
      "-c",
      '"$@" </dev/null >/dev/null 2>&1',
      "sh",
      ...cli,
      "create",
      "--bundle",
      folder,
      id,
    ]);
    await must([...cli, "start", id]);
    expect(await get(host, "127.0.0.1:8067")).toBe("hello");
    expect(await must([...cli, "state", id])).toContain('"running"');
    await must([...cli, "delete", "--force", id]);
    await noLeaks();
  });

  test("run has its network at once, and leaves nothing", async ({ host, noLeaks }) => {
    const folder = await bundle(host, ["/bin/ip", "-4", "-o", "address"]);
    const cli = [
      ...inHostNetns(host.place),
      program(host),
      "--root",
      join(host.place.dir, "runc-by-hand"),
    ];
    const out = await must([...cli, "run", "--bundle", folder, known(host, "en-run")]);
    expect(out).toMatch(new RegExp(`eth0\\s+inet ${host.place.prefix}\\.`));
    await noLeaks();
  });
});

describe("podman", () => {
  test("does not let an image choose by its annotations", async ({ host, noLeaks, skip }) => {
    skip((await run(["podman", "--version"])).exitCode !== 0, "podman is not installed");
    const context = join(host.place.dir, "hostile");
    mkdirSync(context);
    await must(["cp", "/bin/busybox", context]);
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY busybox /bin/busybox\n");
    const request = ["--annotation", `cni.ip=${host.place.prefix}.99`];
    expect(await podman(host, "build", ...request, "-t", "hostile", context)).toMatchObject({
      exitCode: 0,
    });
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const options = [
      "--rm",
      "--network",
      "none",
      "--cgroup-parent",
      `/${host.place.cgroup}`,
      ...limits,
    ];
    const show = ["/bin/busybox", "ip", "-4", "-o", "address", "show", "eth0"];
    const image = "localhost/hostile";
    const { stdout } = await podman(host, "run", ...options, image, ...show);
    expect(stdout).toContain(`inet ${host.place.prefix}.`);
    expect(stdout).not.toContain(".99/");
    const chosen = ["--annotation", `cni.ip=${host.place.prefix}.77`];
    expect((await podman(host, "run", ...options, ...chosen, image, ...show)).stdout).toContain(
      ".77/",
    );
    await noLeaks();
  });

  test.for([
    ["its own network", [], ["eth0", "lo"]],
    ["none", ["--network", "none"], ["lo"]],
  ] as const)(
    "builds with %s, which is left alone",
    async ([, network, links], { host, noLeaks, skip }) => {
      skip((await run(["podman", "--version"])).exitCode !== 0, "podman is not installed");
      const folder = join(host.place.dir, "build");
      mkdirSync(folder, { recursive: true });
      await must(["cp", "/bin/busybox", folder]);
      const steps = [
        "FROM scratch",
        "COPY busybox /bin/busybox",
        'RUN ["/bin/busybox", "ls", "/sys/class/net"]',
      ];
      writeFileSync(join(folder, "Dockerfile"), steps.join("\n"));
      const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
      const parent = `/${host.place.cgroup}/build`; // It is the container's own cgroup.
      const options = ["--no-cache", "--cgroup-parent", parent, ...limits, ...network];
      const { stdout, stderr, exitCode } = await podmanIn(["unshare", "--net"], host, [
        "build",
        ...options,
        folder,
      ]);
      expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
      const seen = stdout.split("\n").filter((line) => /^(eth\d+|lo)$/.test(line));
      expect(seen.toSorted()).toEqual(links);
      await noLeaks();
    },
  );

  test("runs a container with address and port by annotation, and leaves nothing", async ({
    host,
    noLeaks,
    skip,
  }) => {
    skip((await run(["podman", "--version"])).exitCode !== 0, "podman is not installed");
    const ip = `${host.place.prefix}.68`;
    const requests = [`cni.ip=${ip}`, "cni.ports=8068:80", "cni.aliases=shop"];
    const annotations = requests.flatMap((request) => ["--annotation", request]);
    const options = [
      // podman's own limits are more than root may set on a machine with a lower hard limit.
      "--ulimit",
      "nofile=1024:1024",
      "--ulimit",
      "nproc=1024:1024",
      "--network",
      "none",
      "--cgroup-parent",
      `/${host.place.cgroup}`,
      ...annotations,
      "--rootfs",
      await rootfs(host),
    ];
    const started = await podman(
      host,
      "run",
      "-d",
      "--name",
      "en-podman",
      ...options,
      "/bin/sh",
      "-c",
      SERVE,
    );
    expect(started).toMatchObject({ exitCode: 0, stderr: "" });
    known(host, started.stdout.trim());
    try {
      expect(await get(host, "127.0.0.1:8068")).toBe("hello");
      expect(await get(host, ip)).toBe("hello");
      const hosts = await podman(host, "exec", "en-podman", "cat", "/etc/hosts");
      expect(hosts.stdout).toMatch(new RegExp(`^${ip}\\t.*shop$`, "m"));
    } finally {
      await podman(host, "rm", "--force", "--time", "0", "en-podman");
    }
    await noLeaks();
  });
});
