import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import type { ResultDns } from "../names/resolv-conf.ts";
import type { SandboxContext } from "./context.ts";
import { editShown, refreshHosts } from "./hosts.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";

/**
 * Writes what a container and those beside it know of each other: the networks' DNS settings in its resolv.conf, its own
 * names in its hosts file, and in those of all containers on its networks the names of the others. A file that cannot be
 * written is logged and is no error of the start's.
 */
export async function publishNames(context: SandboxContext, record: SandboxRecord): Promise<void> {
  await writeDns(context, record);
  await refreshHosts(context, record);
}

async function writeDns(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const file = record.files?.resolvConf;
  if (file === undefined) return;
  const results = resultDns(context, record);
  if (results.every((dns) => Object.values(dns).every((said) => said.length === 0))) return;
  // Most networks say nothing.
  const { mergeDns, withResultDns } = await import("../names/resolv-conf.ts");
  const dns = mergeDns(results);
  const docker =
    record.containerDir === undefined ? undefined : readDockerContainer(record.containerDir);
  const operator = docker ?? { dns: [], dnsSearch: [], dnsOptions: [] };
  editShown(
    context,
    record.id,
    file,
    (text) => withResultDns(text, dns, operator),
    MAX_RESOLV_CONF,
  );
}

/** Resolvers read a few lines of it; a container may have made it as large as it likes. */
const MAX_RESOLV_CONF = 64 * 1024;

function resultDns(context: SandboxContext, record: SandboxRecord): ResultDns[] {
  return record.attachments.flatMap(({ list, ifName }) => {
    const ref = { containerId: cniIdOf(record), ifName };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const dns = result && containerAddresses(result, ifName).dns;
    return dns === undefined ? [] : [dns];
  });
}
