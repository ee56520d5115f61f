import { namesBy } from "../../lib/network-mark.ts";
import { readFileSync } from "node:fs";
import {
  all,
  type Check,
  fail,
  familiesOf,
  FAMILIES,
  type Family,
  hostGateway,
  needsAddress,
  needsGateway,
  needsHost,
  ok,
  type Outcome,
  type Proof,
  SERVER_PORT,
} from "../proof.ts";
import { neighbour } from "../neighbour.ts";
import { tryWay, withPort } from "../reach.ts";

/** Asks each gateway's MAC on the peers' link, which sends nothing beyond it. */
export const gatewayCheck: Check = {
  name: "gateway",
  needs: all(needsAddress(), needsGateway),
  async run({ one }) {
    if (one === undefined) return fail("there is no peer");
    const ifName = one.record.attachments[0]?.ifName ?? "";
    for (const gateway of one.gateways) {
      if ((await neighbour(one.record.netns, ifName, gateway)) === undefined) {
        return fail(
          `nobody answers for ${gateway} on the network`,
          "correct the gateway in the network's ipam, or isGateway of its plugin",
        );
      }
    }
    return ok(`${one.gateways.join(", ")} answers`);
  },
};

/** TCP and UDP between the peers, both ways, in each family. */
export const peerChecks: Check[] = (["tcp", "udp"] as const).flatMap((protocol) =>
  FAMILIES.map((family): Check => {
    const name = `${protocol}-ipv${family}`;
    return { name, needs: needsAddress(family), run: (proof) => between(proof, protocol, family) };
  }),
);

async function between(
  { one, two }: Proof,
  protocol: "tcp" | "udp",
  family: Family,
): Promise<Outcome> {
  for (const [client, server] of [
    [one, two],
    [two, one],
  ]) {
    if (client === undefined || server === undefined) return fail("there is no peer");
    const [own = "", address = ""] = [client.addresses[family], server.addresses[family]];
    const way = { from: client.sockets, asker: own, protocol, address, port: SERVER_PORT };
    const tried = await tryWay({ ...way, server: server.record.netns });
    if ("error" in tried) return fail(tried.error, BETWEEN_PEERS);
    if (tried.from !== own) {
      return { status: "note", detail: `${address} sees ${tried.from} in place of ${own}` };
    }
  }
  return ok("both ways");
}

const BETWEEN_PEERS =
  "see what drops it: iptables -S FORWARD; the plugin firewall lets a network's own traffic pass";

/** By the hosts files, which are the names that docker-cni gives. */
export const nameCheck: Check = {
  name: "name",
  needs: all(needsAddress(), ({ scratch, list }) =>
    (namesBy(list.raw) ?? scratch.names) === "off" ? "names: off" : undefined,
  ),
  async run(proof) {
    const { one, two } = proof;
    if (one === undefined || two === undefined) return fail("there is no peer");
    const name = two.record.netns;
    const listed = readFileSync(one.hosts, "utf8")
      .split("\n")
      .map((line) => line.split(/\s+/))
      .filter(([, ...names]) => names.includes(name))
      .flatMap(([address = ""]) => address);
    for (const family of familiesOf(proof)) {
      const address = two.addresses[family] ?? "";
      if (!listed.includes(address)) return fail(`the hosts file lacks ${name}'s ${address}`);
      const way = { from: one.sockets, asker: one.record.netns, protocol: "tcp" as const };
      const tried = await tryWay({ ...way, address, port: SERVER_PORT, server: name });
      if ("error" in tried) return fail(tried.error);
    }
    return ok(`hosts file: ${listed.join(", ")}`);
  },
};

export const hostToContainerCheck: Check = {
  name: "host-to-container",
  needs: all(needsAddress(), needsHost),
  async run(proof) {
    const { host, one } = proof;
    if (one === undefined) return fail("there is no peer");
    return overHost(proof, async (family, gateway) => {
      const address = one.addresses[family] ?? "";
      const way = { from: host, asker: "the host", protocol: "tcp" as const, address };
      const tried = await tryWay({ ...way, port: SERVER_PORT, server: one.record.netns });
      if ("error" in tried) return tried;
      return tried.from === gateway ? gateway : `${gateway} (${address} sees ${tried.from})`;
    });
  },
};

export const containerToHostCheck: Check = {
  name: "container-to-host",
  needs: all(needsAddress(), needsHost),
  async run(proof) {
    const { host, one } = proof;
    if (one === undefined) return fail("there is no peer");
    return overHost(proof, async (family, address) => {
      const port = await host.serve({ address, port: 0 });
      const way = { from: one.sockets, asker: one.addresses[family] ?? "" };
      const to = { protocol: "tcp" as const, address, port, server: "host" };
      const tried = await tryWay({ ...way, ...to });
      return "error" in tried ? tried : withPort(address, port);
    });
  },
};

/** Tries each family in which the host is on the network. */
async function overHost(
  proof: Proof,
  attempt: (family: Family, gateway: string) => Promise<string | { error: string }>,
): Promise<Outcome> {
  const seen: string[] = [];
  for (const family of familiesOf(proof)) {
    const gateway = hostGateway(proof, family);
    if (gateway === undefined) continue;
    const found = await attempt(family, gateway);
    if (typeof found === "object") return fail(found.error, WITH_HOST);
    seen.push(found);
  }
  return ok(seen.join(", "));
}

const WITH_HOST = "see what drops it: iptables -S INPUT; iptables -S OUTPUT; ip rule; ip route";
