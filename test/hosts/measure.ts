import { waitFor } from "../e2e/harness/shell.ts";
import type { LabHost } from "./lab-host.ts";

export interface Figures {
  /** Bytes a second between containers on two hosts, as a part of those between the hosts themselves. */
  throughput: number;
  /** The time of a packet to and fro, against that between the hosts. */
  latency: number;
}

/** Measures from a container's network on the first host to one on the second, and between the hosts, in turn. */
export async function measure(network: string, hosts: readonly LabHost[]): Promise<Figures> {
  const [a, b] = hosts;
  if (a === undefined || b === undefined) throw new Error("two hosts are needed");
  const [from, to] = [await sleeper(a, network), await sleeper(b, network)];
  const bare = { host: a, prefix: [], target: b.address, server: { host: b, prefix: [] } };
  const own = {
    host: a,
    prefix: inside(from),
    target: to.address,
    server: { host: b, prefix: inside(to) },
  };
  const [speeds, times]: [number[][], number[][]] = [[], []];
  for (let round = 0; round < 3; round += 1) {
    speeds.push([await throughput(own), await throughput(bare)]);
    times.push([await latency(own), await latency(bare)]);
  }
  for (const host of [a, b]) await host.ok("docker", "rm", "-f", "measured");
  return { throughput: ratio(speeds), latency: ratio(times) };
}

interface Container {
  address: string;
  netns: string;
}

/** A path through the laboratory: what runs a command at its two ends. */
interface Path {
  host: LabHost;
  prefix: readonly string[];
  target: string;
  server: { host: LabHost; prefix: readonly string[] };
}

/** The programs are the host's, in the network namespace of the container. */
function inside({ netns }: Container): string[] {
  return ["nsenter", `--net=/run/netns/${netns}`];
}

async function sleeper(host: LabHost, network: string): Promise<Container> {
  const label = ["--label", `cni.networks=${network}`];
  const cni = ["--runtime", "cni", "--network", "none", "--stop-signal", "KILL", ...label];
  const run = ["docker", "run", "-d", "--name", "measured", ...cni];
  const id = await host.ok(...run, "busybox", "sleep", "3600");
  const netns = id.slice(0, 12);
  const shown = await host.ok("nsenter", `--net=/run/netns/${netns}`, "ip", "-4", "-o", "address");
  const address = /eth0 +inet ([\d.]+)/.exec(shown)?.[1];
  if (address === undefined) throw new Error(`no address: ${shown}`);
  return { netns, address };
}

async function throughput({ host, prefix, target, server }: Path): Promise<number> {
  const served = server.host.run([...server.prefix, "iperf3", "--server", "--one-off"], {
    timeout: 20_000,
  });
  const client = [...prefix, "iperf3", "--client", target, "--time", "2", "--json"];
  const bits = await waitFor(`iperf3 reaches ${target}`, async () => {
    const { exitCode, stdout } = await host.run(client);
    // Some versions end with 0 when nobody listens yet, and tell it in their report alone.
    return exitCode === 0 ? bitsOf(JSON.parse(stdout)) : undefined;
  });
  await served;
  return bits;
}

function bitsOf(report: {
  end?: { sum_received?: { bits_per_second: number } };
}): number | undefined {
  return report.end?.sum_received?.bits_per_second;
}

async function latency({ host, prefix, target }: Path): Promise<number> {
  const ping = [...prefix, "busybox", "ping", "-q", "-c", "200", "-i", "0.005", target];
  const said = await host.ok(...ping);
  const average = /= [\d.]+\/([\d.]+)\//.exec(said)?.[1];
  if (average === undefined) throw new Error(`ping: ${said}`);
  return Number(average);
}

/** The median of the rounds' ratios. */
function ratio(rounds: readonly number[][]): number {
  const ratios = rounds.map(([own = 0, bare = 1]) => own / bare).toSorted((x, y) => x - y);
  return ratios[Math.floor(ratios.length / 2)] ?? 0;
}
