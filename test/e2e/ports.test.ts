import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { hostLocal } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, run } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";
import { killDaemon } from "./life/power.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-dual.conflist": {
      cniVersion: "1.0.0",
      name: "dual",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}dual`,
          isGateway: true,
          ipMasq: true,
          ipam: {
            type: "host-local",
            ranges: [
              [{ subnet: `10.204.${place.index}.0/25` }],
              [{ subnet: `fd00:204:${place.index}::/64` }],
            ],
            routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
            dataDir: `${place.dir}/leases`,
          },
        },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
    },
    "21-plain.conflist": {
      cniVersion: "1.0.0",
      name: "plain",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}plain`,
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

const SERVE = "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
/** How long a slow plugin takes for ADD, s. */
const SLOW_S = 5;
const RUN = ["run", "-d", "--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];

/** A container whose port 80 says hello. */
function serve(host: DockerHost, ...options: string[]): Promise<string> {
  return host.ok(...RUN, ...options, "busybox", "sh", "-c", SERVE);
}

/** What a client on the host itself is given under this address and port. */
async function get(host: DockerHost, address: string): Promise<string> {
  const client = ["timeout", "3", "busybox", "wget", "-q", "-O", "-", `http://${address}/`];
  const { stdout, stderr } = await run([...inHostNetns(host.place), ...client]);
  return stdout || stderr || "timed out";
}

/** Waits until the container's server answers, which begins a moment after its start. */
async function answers(host: DockerHost, address: string): Promise<void> {
  await expect.poll(() => get(host, address), { timeout: 15_000 }).toBe("hello");
}

/** Gives `work` the host as another machine sees it: a namespace with a link of its own to it. */
async function fromOutside(
  { place }: DockerHost,
  work: (options: { server: string; server6: string; client: string[] }) => Promise<void>,
): Promise<void> {
  const client = `en-client-${place.index}`;
  const [own, other] = [`en${place.index}o`, `en${place.index}c`];
  const [server, peer] = [`10.204.${place.index}.253`, `10.204.${place.index}.254`];
  const [server6, peer6] = [`fd00:204:${place.index}:c::1`, `fd00:204:${place.index}:c::2`];
  const ip = [...inHostNetns(place), "ip"];
  const inside = ["ip", "-n", client];
  await must(["ip", "netns", "add", client]);
  try {
    await must([...ip, "link", "add", own, "type", "veth", "peer", "name", other]);
    await must([...ip, "link", "set", other, "netns", `/run/netns/${client}`]);
    for (const [command, name, addresses] of [
      [ip, own, [`${server}/30`, `${server6}/64`]],
      [inside, other, [`${peer}/30`, `${peer6}/64`]],
    ] as const) {
      for (const address of addresses) {
        await must([
          ...command,
          "address",
          "add",
          address,
          "dev",
          name,
          ...(address.includes(":") ? ["nodad"] : []),
        ]);
      }
      await must([...command, "link", "set", name, "up"]);
    }
    await must([...inside, "route", "add", "default", "via", server]);
    await work({ server, server6, client: ["ip", "netns", "exec", client] });
  } finally {
    await run([...ip, "link", "del", own]);
    await run(["ip", "netns", "del", client]);
  }
}

describe("a published port", () => {
  test("answers on the host, on every address, and outside", async ({ host }) => {
    await serve(host, "-p", "8080:80");
    await answers(host, "127.0.0.1:8080");
    await answers(host, `${host.place.prefix}.1:8080`);
    await fromOutside(host, async ({ server, client }) => {
      expect(
        await must([...client, "busybox", "wget", "-q", "-O", "-", `http://${server}:8080/`]),
      ).toBe("hello");
    });
  });

  test("of one address answers on that one only", async ({ host }) => {
    await serve(host, "-p", "127.0.0.1:8081:80");
    await answers(host, "127.0.0.1:8081");
    expect(await get(host, `${host.place.prefix}.1:8081`)).toMatch(/refused|timed out/);
  });

  test("of 0.0.0.0 answers everywhere", async ({ host }) => {
    await serve(host, "-p", "0.0.0.0:8082:80");
    await answers(host, `${host.place.prefix}.1:8082`);
  });

  test("answers in IPv6, on all addresses and on one", async ({ host }) => {
    await fromOutside(host, async ({ server6, client }) => {
      await serve(
        host,
        "--label",
        "cni.networks=dual",
        "-p",
        "8083:80",
        "-p",
        `[${server6}]:8084:80`,
      );
      for (const port of [8083, 8084]) {
        const url = `http://[${server6}]:${port}/`;
        expect(await must([...client, "busybox", "wget", "-q", "-O", "-", url])).toBe("hello");
      }
      await answers(host, "127.0.0.1:8083");
      expect(await get(host, "127.0.0.1:8084")).toMatch(/refused/);
    });
  });

  test("in UDP", async ({ host }) => {
    const id = await host.sleeper("-p", "127.0.0.1:5353:53/udp");
    const answer = `const socket = require("node:dgram").createSocket("udp4");
      socket.on("message", (text, { port, address }) => socket.send("pong", port, address));
      socket.bind(53, () => console.log("now"));
      process.stdin.on("end", () => process.exit()).resume();`;
    const server = spawn("nsenter", [`--net=${host.netns(id)}`, process.execPath, "-e", answer]);
    const ask = `const socket = require("node:dgram").createSocket("udp4");
      socket.on("message", (text) => { console.log(String(text)); socket.close(); });
      socket.send("ping", 5353, "127.0.0.1");
      setTimeout(() => process.exit(1), 5000).unref();`;
    try {
      await once(server.stdout, "data");
      expect(await must([...inHostNetns(host.place), process.execPath, "-e", ask])).toBe("pong");
    } finally {
      server.stdin.end();
      await once(server, "exit");
    }
  });

  test("ranges, and -P for the ports that the container exposes", async ({ host }) => {
    const id = await serve(
      host,
      "-p",
      "7000-7001:80-81",
      "-p",
      "7100-7110:80",
      "-P",
      "--expose",
      "82",
    );
    await answers(host, "127.0.0.1:7000");
    await answers(host, "127.0.0.1:7100");
    const ports = mappings(host, id);
    expect(ports.map(({ containerPort }) => containerPort)).toEqual([80, 80, 81, 82]);
    expect(ports.at(-1)?.hostPort).toBeGreaterThanOrEqual(32_768);
  });

  test("of the daemon's choice stays the same over a restart", async ({ host }) => {
    const id = await serve(host, "-p", "80");
    const [{ hostPort } = { hostPort: 0 }] = mappings(host, id);
    await answers(host, `127.0.0.1:${hostPort}`);
    await host.ok("restart", id);
    expect(mappings(host, id)[0]?.hostPort).toBe(hostPort);
    await answers(host, `127.0.0.1:${hostPort}`);
  });

  test("is checked at a restart without a false alarm in the log", async ({ host }) => {
    const id = await serve(host, "-p", "80");
    await host.ok("restart", id);
    const lines = readFileSync(`${host.place.dir}/docker-cni.log`, "utf8").trim().split("\n");
    const checks = lines
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter(({ container, step }) => container === id && step === "CHECK");
    expect(checks.map(({ plugin }) => plugin)).toContain("portmap");
    const alarms = checks.filter(({ level, msg }) => Number(level) > 20 && msg !== "plugin done");
    expect(alarms).toEqual([]);
  });

  test("is the container's again after it was removed while it was stopped", async ({ host }) => {
    const id = await serve(host, "-p", "8085:80");
    await host.ok("stop", id);
    await host.ok("rm", id);
    await serve(host, "-p", "8085:80");
    await answers(host, "127.0.0.1:8085");
  });
});

describe("the port of a container that is stopped", () => {
  test("is another's, whose own start is told who has it, and its own again", async ({ host }) => {
    const blue = await serve(host, "--name", "blue", "-p", "8091:80");
    const before = await host.ok("exec", "blue", "cat", "/sys/class/net/eth0/address");
    await host.ok("stop", "blue");
    const green = await serve(host, "--name", "green", "-p", "8091:80");
    await answers(host, "127.0.0.1:8091");
    const { stderr } = await host.docker("start", "blue");
    expect(stderr).toContain(
      "-p 8091:80/tcp: port 8091/tcp of the host is taken by container green (",
    );
    await host.ok("rename", "green", "emerald");
    expect((await host.docker("start", "blue")).stderr).toContain("container emerald (");
    await answers(host, "127.0.0.1:8091");
    await host.ok("stop", green);
    await host.ok("start", "blue");
    await answers(host, "127.0.0.1:8091");
    expect(await host.ok("exec", "blue", "cat", "/sys/class/net/eth0/address")).toBe(before);
    expect(mappings(host, blue)).toMatchObject([{ hostPort: 8091 }]);
    await host.ok("rm", "-f", "blue", "emerald");
  });

  test("is a process's of the host, which is reached there", async ({ host }) => {
    const id = await serve(host, "--name", "shade", "-p", "8092:80");
    await host.ok("stop", id);
    await expect.poll(() => portsOf(host, id), { timeout: 15_000 }).toBe("released");
    const server = `require("node:http").createServer((_, answer) => answer.end("mine")).listen(8092, () => console.log("now"));
      process.stdin.on("end", () => process.exit()).resume();`;
    const [file, ...args] = [...inHostNetns(host.place), process.execPath, "-e", server];
    const listener = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await once(listener.stdout, "data");
      expect(await get(host, "127.0.0.1:8092")).toBe("mine");
      expect(await get(host, `${host.place.prefix}.1:8092`)).toBe("mine");
      expect((await host.docker("start", id)).stderr).toContain(
        "port 8092/tcp of the host is taken by process",
      );
    } finally {
      listener.stdin.end();
      await once(listener, "exit");
    }
    await host.ok("start", id);
    await answers(host, "127.0.0.1:8092");
    await host.ok("rm", "-f", id);
  });

  test("stays the same where the daemon chose it, and is another where that is taken", async ({
    host,
  }) => {
    const id = await serve(host, "-p", "80");
    const [{ hostPort } = { hostPort: 0 }] = mappings(host, id);
    await host.ok("stop", id);
    await expect.poll(() => portsOf(host, id), { timeout: 15_000 }).toBe("released");
    await host.ok("start", id);
    expect(mappings(host, id)[0]?.hostPort).toBe(hostPort);
    await answers(host, `127.0.0.1:${hostPort}`);
    await host.ok("stop", id);
    const other = await serve(host, "-p", `${hostPort}:80`);
    await host.ok("start", id);
    const [now = { hostPort: 0 }] = mappings(host, id);
    expect(now.hostPort).not.toBe(hostPort);
    await answers(host, `127.0.0.1:${now.hostPort}`);
    await host.ok("rm", "-f", id, other);
  });

  test("is not given to another in a crash loop", async ({ host }) => {
    const id = await host.ok(
      ...RUN,
      "--name",
      "loop",
      "--restart",
      "always",
      "-p",
      "8093:80",
      "busybox",
      "false",
    );
    // The pauses between the starts grow: 0.1 s, 0.2 s …
    await expect
      .poll(() => host.ok("inspect", "-f", "{{.RestartCount}}", id), { timeout: 30_000 })
      .toMatch(/^([6-9]|\d\d+)$/);
    await expect
      .poll(() => host.ok("inspect", "-f", "{{.State.Restarting}}", id), { timeout: 30_000 })
      .toBe("true");
    expect(portsOf(host, id)).toBe("held");
    const { stderr } = await host.docker(...RUN, "-p", "8093:80", "busybox", "true");
    expect(stderr).toContain("taken by container loop");
    await host.ok("rm", "-f", id);
  });

  test("is kept over a restart", async ({ host }) => {
    const id = await serve(host, "-p", "8094:80");
    for (let count = 0; count < 3; count++) {
      await host.ok("restart", id);
      expect(portsOf(host, id)).toBe("held");
      await answers(host, "127.0.0.1:8094");
    }
    await host.ok("rm", "-f", id);
  });

  test("leaves nothing when it is removed afterwards", async ({ host, noLeaks }) => {
    const id = await serve(host, "-p", "8095:80");
    await host.ok("stop", id);
    await expect.poll(() => portsOf(host, id), { timeout: 15_000 }).toBe("released");
    await host.ok("rm", id);
    for (const other of (await host.ok("ps", "-aq")).split("\n").filter(Boolean)) {
      await host.ok("rm", "-f", other);
    }
    await noLeaks();
  });
});

test("ports and networks that are edited while dockerd is down count at the next start", async ({
  host,
}) => {
  const id = await serve(host, "--name", "edited", "-p", "8096:80");
  const before = (await host.interface(id)).address;
  await host.ok("stop", id);
  const edit = async (file: string, change: (text: string) => string): Promise<void> => {
    await killDaemon(host);
    const path = `${host.place.dir}/data/containers/${id}/${file}`;
    writeFileSync(path, change(readFileSync(path, "utf8")));
    await host.start();
  };
  await edit("hostconfig.json", (text) => text.replace('"8096"', '"8097"'));
  await host.ok("start", id);
  await answers(host, "127.0.0.1:8097");
  expect(await get(host, "127.0.0.1:8096")).toMatch(/refused/);
  expect((await host.interface(id)).address).toBe(before);
  await host.ok("stop", id);
  await edit("config.v2.json", (text) =>
    text.replace('"Labels":{', '"Labels":{"cni.networks":"dual",').replace(",}", "}"),
  );
  await host.ok("start", id);
  await answers(host, "127.0.0.1:8097");
  expect((await host.interface(id)).address).toMatch(/^10\.204\./);
  await host.ok("rm", "-f", id);
});

test("starts that publish ports do not wait for one another", async ({ host }) => {
  host.writePlugin(
    "slow-ptp",
    `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && sleep ${SLOW_S}
exec "$(PATH=/opt/cni/bin:/usr/lib/cni command -v ptp)"
`,
  );
  host.writeNetwork("30-slow.conflist", {
    cniVersion: "1.0.0",
    name: "slow",
    plugins: [
      { type: "slow-ptp", ipam: hostLocal(host.place) },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  });
  const start = (port: number): Promise<string> =>
    serve(host, "--label", "cni.networks=slow", "-p", `${port}:80`);
  // Whoever is first on a network is alone with it.
  const first = await start(8100);
  const began = Date.now();
  const others = await Promise.all([8101, 8102, 8103, 8104].map(start));
  expect(Date.now() - began).toBeLessThan(2 * SLOW_S * 1000);
  await host.ok("rm", "-f", first, ...others);
});

describe("nothing is started, and the holder named, for a port that is taken by", () => {
  test("another container", async ({ host, noLeaks }) => {
    await serve(host, "--name", "first", "-p", "8090:80");
    const before = (await host.ok("ps", "-aq")).split("\n");
    const { stderr } = await host.docker(
      ...RUN,
      "--rm",
      "-p",
      "127.0.0.1:8090:80",
      "busybox",
      "true",
    );
    expect(stderr).toContain(
      "docker-cni: -p 127.0.0.1:8090:80/tcp: port 8090/tcp of the host is taken by container first (publish another port, or stop what holds this one)",
    );
    expect(await host.docker(...RUN, "-p", "8090:53/udp", "busybox", "true")).toMatchObject({
      exitCode: 0,
    });
    expect(before).toHaveLength(1);
    await host.ok("rm", "-f", ...(await host.ok("ps", "-aq")).split("\n"));
    await noLeaks();
  });

  test("a process of the host", async ({ host, noLeaks }) => {
    const listen = `require("node:net").createServer().listen(8092, "127.0.0.1", () => console.log("now"));
      process.stdin.on("end", () => process.exit()).resume();`;
    const [file, ...args] = [...inHostNetns(host.place), process.execPath, "-e", listen];
    const listener = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await once(listener.stdout, "data");
      const { stderr } = await host.docker(...RUN, "-p", "8092:80", "busybox", "true");
      expect(stderr).toContain(
        `port 8092/tcp of the host is taken by process ${readFileSync(`/proc/${listener.pid}/comm`, "utf8").trim()} (${listener.pid})`,
      );
    } finally {
      listener.stdin.end();
      await once(listener, "exit");
    }
    await noLeaks();
  });
});

test("a network without the capability is an error that names it and the remedy", async ({
  host,
  noLeaks,
}) => {
  const { stderr } = await host.docker(
    ...RUN,
    "--label",
    "cni.networks=plain",
    "-p",
    "8080:80",
    "busybox",
    "true",
  );
  expect(stderr).toContain(
    'docker-cni: -p was asked for, but network plain has no plugin with the capability portMappings (add {"type":"portmap","capabilities":{"portMappings":true}} to the network\'s plugins)',
  );
  await noLeaks();
});

interface Mapping {
  hostPort: number;
  containerPort: number;
}

interface Remembered {
  ports?: string;
  attachments: { capabilityArgs: { portMappings: Mapping[] } }[];
}

function remembered(host: DockerHost, id: string): Remembered {
  const file = `${host.place.dir}/state/sandboxes/${id}/record.json`;
  const record: Remembered = JSON.parse(readFileSync(file, "utf8"));
  return record;
}

/** Whose the ports of a container are. */
function portsOf(host: DockerHost, id: string): string {
  return remembered(host, id).ports ?? "held";
}

/** The port mappings that docker-cni remembers of a container, by the container's port. */
function mappings(host: DockerHost, id: string): Mapping[] {
  return remembered(host, id)
    .attachments.flatMap(({ capabilityArgs }) => capabilityArgs.portMappings)
    .toSorted((a, b) => a.containerPort - b.containerPort);
}
