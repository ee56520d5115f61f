import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import type { ResultDns } from "../names/resolv-conf.ts";
import type { SandboxContext } from "./context.ts";
import { howNamed, refreshHosts } from "./hosts.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";

/**
 * Writes what a container and those beside it know of each other: the networks' DNS settings in its resolv.conf, its own
 * names in its hosts file, and in those of all containers on its networks the names of the others. A file that cannot be
 * written is logged and is no error of the start's.
 */
export async function publishNames(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (record.files?.resolvConf !== undefined) {
    const results = resultDns(context, record);
    // Most networks say nothing.
    const isSaid = results.some((dns) => Object.values(dns).some((said) => said.length > 0));
    if (isSaid || howNamed(context, [record]) === undefined) {
      const { writeResolvConf } = await import("./write-resolv-conf.ts");
      writeResolvConf(context, record, results);
    }
  }
  await refreshHosts(context, record);
}

function resultDns(context: SandboxContext, record: SandboxRecord): ResultDns[] {
  return record.attachments.flatMap(({ list, ifName }) => {
    const ref = { containerId: cniIdOf(record), ifName };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const dns = result && containerAddresses(result, ifName).dns;
    return dns === undefined ? [] : [dns];
  });
}
