import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { defaultNetwork, hostLocal, type NetworkList } from "../e2e/harness/config.ts";
import { startDockerHost, type DockerHost } from "../e2e/harness/host.ts";
import type { Place } from "../e2e/harness/place.ts";
import { expectNoLeaks, snapshot } from "../e2e/harness/leaks.ts";
import { program } from "../e2e/life/program.ts";
import { makeLedger, type Ledger } from "./ledger.ts";
import { randomFrom } from "./random.ts";

/**
 * The soak test: the lives of many containers, from several clients at once, on a private dockerd, in a /24. Throughout, no
 * address may be seen at two containers, and none may change while its container exists, or its name is reserved; in the end
 * nothing may be left. A few containers stand stopped from the first life to the last. Meanwhile networks are connected and
 * disconnected, ports published and unpublished, networks created and removed, containers replaced by others of their name.
 *
 *     node test/soak/run.ts [--lives 500] [--clients 8] [--seed N]
 */
const { values } = parseArgs({
  options: {
    lives: { type: "string", default: "500" },
    clients: { type: "string", default: "8" },
    seed: { type: "string" },
  },
});

const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
const random = randomFrom(seed);
const ledger = makeLedger();
let operations = 0;
let failures = 0;
/** So many names and numbers that are used once were given. */
let names = 0;

const started = Date.now();
const host = await startDockerHost({ iptables: true, networks: secondNetwork });
try {
  useWholeNetwork(host);
  const before = await snapshot(host.place);
  const bystanders = await standBy(host);
  let left = Number(values.lives);
  const client = async (): Promise<void> => {
    while (left-- > 0) await live(host, ledger).catch(fail);
  };
  await Promise.all(Array.from({ length: Number(values.clients) }, client));
  for (const id of bystanders) {
    await step(host, "start", id);
    await look(host, id);
    await remove(host, id);
  }
  await pause(6000);
  await program(host, "gc");
  await expectNoLeaks(host.place, before).catch(fail);
} finally {
  await host.stop();
}
for (const fault of ledger.faults) console.log(fault);
const seconds = Math.round((Date.now() - started) / 1000);
console.log(
  `${values.lives} lives, ${operations} operations, seed ${seed}: ${ledger.faults.length} faults of addresses, ${failures} failures (${seconds} s)`,
);
process.exitCode = ledger.faults.length + failures > 0 ? 1 : 0;

/** More addresses than at any moment, fewer than lives: each is given out more than once. */
function useWholeNetwork({ place, writeNetwork }: DockerHost): void {
  const network = defaultNetwork(place);
  const ranges = [[{ subnet: `${place.prefix}.0/24` }]];
  const plugins = network.plugins.map((plugin) =>
    plugin.type === "bridge" ? { ...plugin, ipam: { ...hostLocal(place), ranges } } : plugin,
  );
  writeNetwork("10-default.conflist", { ...network, plugins });
}

/** A network for containers to be connected to while they run. */
function secondNetwork(place: Place): Record<string, NetworkList> {
  const ranges = [[{ subnet: `10.208.${place.index}.0/24` }]];
  const ipam = { type: "host-local", ranges, dataDir: join(place.dir, "leases") };
  const bridge = { type: "bridge", bridge: `sk${place.index}back`, isGateway: true, ipam };
  return { "20-back.conflist": { cniVersion: "1.0.0", name: "back", plugins: [bridge] } };
}

/** Containers that are stopped all the while. */
async function standBy(docker: DockerHost): Promise<string[]> {
  const ids = await Promise.all(Array.from({ length: 4 }, () => docker.sleeper()));
  for (const id of ids) {
    await look(docker, id);
    await step(docker, "stop", id);
  }
  return ids;
}

/** One container's life, of random length; or those of two, one after another, with one reserved name. */
async function live(docker: DockerHost, { seen }: Ledger): Promise<void> {
  const dice = random();
  if (dice < 0.3) return once(docker);
  if (dice < 0.4) return succeed(docker);
  const id = await docker.sleeper(...(random() < 0.3 ? ["--restart=on-failure"] : []));
  operations++;
  seen(id, (await docker.interface(id)).address);
  for (let steps = Math.floor(random() * 4); steps > 0; steps--) {
    await pause(random() * 200);
    await choose(docker, id);
    await look(docker, id);
  }
  await remove(docker, id);
}

/** A container is removed, and the next one of its name has its address. */
async function succeed(docker: DockerHost): Promise<void> {
  const name = `soak-${++names}`;
  for (let container = 0; container < 2; container++) {
    const id = await docker.sleeper("--label", `cni.reserve=${name}`);
    operations++;
    ledger.seen(name, (await docker.interface(id)).address);
    if (random() < 0.5) await step(docker, "restart", "-t", "0", id);
    ledger.seen(name, (await docker.interface(id)).address);
    await step(docker, "rm", "-f", id);
    await pause(random() * 500);
  }
  ledger.releasing(name);
  await cni(docker, "release", name);
}

/** A container of --rm, which tells its own address. */
async function once(docker: DockerHost): Promise<void> {
  const script = "ip -4 -o address show eth0";
  const options = ["--rm", "--runtime", "cni", "--net", "none"];
  const shown = await docker.ok("run", ...options, "busybox", "sh", "-c", script);
  operations++;
  const address = /inet ([\d.]+)/.exec(shown)?.[1] ?? "none";
  const name = `once ${operations}`;
  ledger.seen(name, address);
  ledger.releasing(name);
}

async function choose(docker: DockerHost, id: string): Promise<void> {
  const dice = random();
  if (dice < 0.25) await step(docker, "restart", "-t", "0", id);
  else if (dice < 0.35) await visit(docker, id, "back");
  else if (dice < 0.45) await publish(docker, id);
  else if (dice < 0.47) await visitNewNetwork(docker, id);
  else if (dice < 0.7) {
    await step(docker, "stop", id);
    await pause(random() * 300);
    await step(docker, "start", id);
  } else if (dice < 0.9) {
    await step(docker, "kill", id);
    await docker.docker("wait", id);
    await step(docker, "start", id);
  } else {
    await step(docker, "pause", id);
    await step(docker, "unpause", id);
  }
}

/** The container is on another network for a while, with one address. */
async function visit(docker: DockerHost, id: string, network: string): Promise<void> {
  await cni(docker, "connect", id, network);
  const guest = `${id.slice(0, 12)} on ${network}`;
  ledger.seen(guest, (await docker.interface(id, "eth1")).address);
  if (random() < 0.5) {
    await step(docker, "restart", "-t", "0", id);
    ledger.seen(guest, (await docker.interface(id, "eth1")).address);
  }
  ledger.releasing(guest);
  await cni(docker, "disconnect", id, network);
}

async function visitNewNetwork(docker: DockerHost, id: string): Promise<void> {
  const number = ++names;
  await cni(docker, "network", "create", `new${number}`, "--subnet", `10.209.${number % 256}.0/24`);
  await visit(docker, id, `new${number}`);
  await cni(docker, "network", "rm", `new${number}`);
}

async function publish(docker: DockerHost, id: string): Promise<void> {
  const port = `${20_000 + ++names}`;
  await cni(docker, "publish", id, `${port}:80`);
  if (random() < 0.5) await step(docker, "restart", "-t", "0", id);
  await cni(docker, "unpublish", id, port);
}

async function remove(docker: DockerHost, id: string): Promise<void> {
  const stopsFirst = random() < 0.5;
  if (stopsFirst) await step(docker, "stop", id);
  ledger.releasing(id);
  await step(docker, "rm", ...(stopsFirst ? [] : ["-f"]), id);
}

async function look(docker: DockerHost, id: string): Promise<void> {
  ledger.seen(id, (await docker.interface(id)).address);
}

async function step(docker: DockerHost, ...args: string[]): Promise<void> {
  operations++;
  await docker.ok(...args);
}

async function cni(docker: DockerHost, ...args: string[]): Promise<void> {
  operations++;
  const { exitCode, stderr } = await program(docker, ...args);
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr.trim()}`);
}

function fail(error: unknown): void {
  failures++;
  console.log(String(error));
}
