import type { Fabric } from "./fabrics.ts";
import { addressOf, eventually, fetch, serve } from "./containers.ts";
import type { LabHost } from "./lab-host.ts";
import { traces } from "./traces.ts";

/** What the checks of one fabric are about. */
export interface Trial {
  fabric: Fabric;
  hosts: readonly [LabHost, LabHost, ...LabHost[]];
  /** What was on each host before the first container. */
  before: ReadonlyMap<LabHost, readonly string[]>;
  /** The addresses of the web servers, by host. */
  addresses: Map<LabHost, string>;
}

/** Rejects when it does not hold; gives a word to say of it where there is one. */
export type LabCheck = (trial: Trial) => Promise<string | undefined>;

/** The columns of the table, in the order in which they are tried: each leaves the web servers running, but for the last. */
export const CHECKS: Readonly<Record<string, LabCheck>> = {
  ping: async ({ hosts, addresses }) => {
    await eachPair(hosts, async (from, to) => {
      await eventually(from, exec(from, "ping", "-c", "1", "-W", "1", address(addresses, to)));
    });
    return undefined;
  },
  TCP: async ({ hosts, addresses }) => {
    await eachPair(hosts, async (from, to) => {
      const said = await eventually(
        from,
        fetch(web(from), `http://${address(addresses, to)}/name`),
      );
      same(said, web(to), "who answers");
    });
    return undefined;
  },
  // A packet that fills the link, without the headers of IPv4 and ICMP; and a download, whose packets are as large.
  "largest packet": async ({ hosts: [a, b], addresses, fabric }) => {
    const size = String(fabric.mtu - 28);
    await eventually(a, exec(a, "ping", "-c", "1", "-W", "1", "-s", size, address(addresses, b)));
    const large = `timeout 5 wget -q -O - http://${address(addresses, b)}/large | wc -c`;
    same(await eventually(a, exec(a, "sh", "-c", large)), String(4 * 1024 * 1024), "bytes");
    return String(fabric.mtu);
  },
  "published port": async ({ hosts: [a, b, c = b], fabric }) => {
    await serve(a, { name: "published", network: fabric.network, more: ["-p", "8080:80"] });
    for (const from of new Set([b, c])) {
      const url = `http://${a.address}:8080/name`;
      same(await eventually(from, fetch(web(from), url)), "published", "from a container");
      const said = await eventually(from, ["curl", "-sf", "-m", "2", url]);
      same(said, "published", "from a host");
    }
    await a.ok("docker", "rm", "-f", "published");
    return undefined;
  },
  "restart keeps": async ({ hosts: [a, b], addresses }) => {
    await b.ok("docker", "restart", "-t", "0", web(b));
    same(await addressOf(b, web(b)), address(addresses, b), "the address");
    await eventually(a, fetch(web(a), `http://${address(addresses, b)}/name`));
    return undefined;
  },
  moves: async ({ hosts: [a, b, c = a], fabric: { moving } }) => {
    if (moving === undefined) return "-";
    const { network, address: ip } = moving;
    await serve(a, { name: "mover", network, ip });
    await eventually(b, fetch(web(b), `http://${ip}/name`));
    await a.ok("docker", "rm", "-f", "mover");
    await serve(b, { name: "moved", network, ip });
    const start = Date.now();
    same(await eventually(c, fetch(web(c), `http://${ip}/name`, 1)), "moved", "who answers");
    const ms = Date.now() - start;
    await b.ok("docker", "rm", "-f", "moved");
    return `${ms} ms`;
  },
  "host rebooted": async ({ hosts: [a, b], addresses }) => {
    await b.cut();
    await b.start();
    await eventually(b, ["docker", "exec", web(b), "true"]);
    same(await addressOf(b, web(b)), address(addresses, b), "the address");
    await eventually(a, fetch(web(a), `http://${address(addresses, b)}/name`), 40_000);
    await eventually(b, fetch(web(b), `http://${address(addresses, a)}/name`), 40_000);
    return undefined;
  },
  "no leaks": async ({ hosts, before }) => {
    for (const host of hosts) {
      await host.ok("docker", "rm", "-f", web(host));
      let left: string[] = [];
      for (let tries = 0; tries < 50; tries += 1) {
        await host.run(["docker", "cni", "gc"]);
        left = (await traces(host)).filter((each) => before.get(host)?.includes(each) !== true);
        if (left.length === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      if (left.length > 0) throw new Error(`left on ${host.name}: ${left.join("; ")}`);
    }
    return undefined;
  },
};

/** The web server of a host. */
export function web(host: LabHost): string {
  return `web-${host.name}`;
}

function exec(host: LabHost, ...command: string[]): string[] {
  return ["docker", "exec", web(host), ...command];
}

function address(addresses: ReadonlyMap<LabHost, string>, host: LabHost): string {
  const found = addresses.get(host);
  if (found === undefined) throw new Error(`no web server on ${host.name}`);
  return found;
}

function same(found: string, expected: string, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`);
}

async function eachPair(
  hosts: readonly LabHost[],
  check: (from: LabHost, to: LabHost) => Promise<void>,
): Promise<void> {
  for (const from of hosts) for (const to of hosts) if (from !== to) await check(from, to);
}
