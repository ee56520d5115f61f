import { networkInterfaces } from "node:os";
import { readFileSync } from "node:fs";
import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import { ifThere } from "../lib/errors.ts";
import { mergeDns, type ResultDns, serversIn, withResultDns } from "../names/resolv-conf.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";
import { editShown } from "./hosts.ts";
import { findNameServer } from "./name-server.ts";
import { namesOn } from "./names-by-network.ts";

/** Resolvers read a few lines of it; a container may have made it as large as it likes. */
const MAX_RESOLV_CONF = 64 * 1024;

/**
 * Writes the networks' DNS settings (`results`) into the container's resolv.conf, and the name server's addresses in place of
 * theirs where its networks have one; the record notes which.
 */
export function writeResolvConf(
  context: SandboxContext,
  record: SandboxRecord,
  results: readonly ResultDns[],
): void {
  const file = record.files?.resolvConf;
  if (file === undefined) return;
  const docker =
    record.containerDir === undefined ? undefined : readDockerContainer(record.containerDir);
  const operator = docker ?? { dns: [], dnsSearch: [], dnsOptions: [] };
  const before = record.dns;
  const asked = operator.dns.length > 0 ? {} : serversOf(context, record);
  noteServers(context, record, asked);
  const dns = mergeDns(results);
  const own = [...new Set(Object.values(asked).flat())];
  const first = [own, dns.nameservers ?? [], before === undefined ? [] : serversOfHost()].find(
    (servers) => servers.length > 0,
  );
  const all = { ...dns, ...(first && { nameservers: first }) };
  editShown(
    context,
    record.id,
    file,
    (text) => withResultDns(text, all, operator),
    MAX_RESOLV_CONF,
  );
}

/** The addresses at which the name server is asked by the container, by network: gateways that are the host's own. */
function serversOf(context: SandboxContext, record: SandboxRecord): Record<string, string[]> {
  const byDns = record.attachments.filter((attachment) => namesOn(context, attachment) === "dns");
  if (byDns.length === 0) return {};
  const step = { container: record.id, step: "hosts" };
  if (findNameServer() === undefined) {
    context.log.warn(step, "names by dns: no name server is installed; hosts files are written");
    return {};
  }
  const ofHost = new Set(
    Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []),
  );
  const servers = byDns.map(({ network, list, ifName }): [string, string[]] => {
    const ref = { containerId: cniIdOf(record), ifName };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const gateways = result === undefined ? [] : containerAddresses(result, ifName).gateways;
    // An address of the link alone means nothing without its interface.
    return [network, gateways.filter((each) => ofHost.has(each) && !/^fe[89ab]/i.test(each))];
  });
  return Object.fromEntries(servers.filter(([, addresses]) => addresses.length > 0));
}

function noteServers(
  { store }: SandboxContext,
  record: SandboxRecord,
  asked: Record<string, string[]>,
): void {
  const dns = Object.keys(asked).length === 0 ? undefined : asked;
  if (JSON.stringify(dns) === JSON.stringify(record.dns)) return;
  if (dns === undefined) delete record.dns;
  else record.dns = dns;
  store.write(record);
}

/** What Docker would have written: the host's servers, those behind systemd-resolved, none that is in the host alone. */
function serversOfHost(): string[] {
  const files = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
  const found = files.map((file) =>
    serversIn(ifThere(() => readFileSync(file, "utf8")) ?? "").filter(
      (server) => !/^127\.|^::1$/.test(server),
    ),
  );
  return found.find((servers) => servers.length > 0) ?? [];
}
