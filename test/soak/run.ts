import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { defaultNetwork, hostLocal } from "../e2e/harness/config.ts";
import { startDockerHost, type DockerHost } from "../e2e/harness/host.ts";
import { expectNoLeaks, snapshot } from "../e2e/harness/leaks.ts";
import { program } from "../e2e/life/program.ts";
import { makeLedger, type Ledger } from "./ledger.ts";
import { randomFrom } from "./random.ts";

/**
 * The soak test: the lives of many containers, from several clients at once, on a private dockerd, in a /24. Throughout, no
 * address may be seen at two containers, and none may change while its container exists; in the end nothing may be left. A few
 * containers stand stopped from the first life to the last.
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

const started = Date.now();
const host = await startDockerHost();
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

/** Containers that are stopped all the while. */
async function standBy(docker: DockerHost): Promise<string[]> {
  const ids = await Promise.all(Array.from({ length: 4 }, () => docker.sleeper()));
  for (const id of ids) {
    await look(docker, id);
    await step(docker, "stop", id);
  }
  return ids;
}

/** One container's life, of random length. */
async function live(docker: DockerHost, { seen }: Ledger): Promise<void> {
  if (random() < 0.3) {
    await once(docker);
    return;
  }
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
  if (dice < 0.4) await step(docker, "restart", "-t", "0", id);
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

function fail(error: unknown): void {
  failures++;
  console.log(String(error));
}
