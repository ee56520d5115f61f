import type { NetworkList } from "../cni/index.ts";
import { type Host, runJson } from "../doctor/host.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import { hostAccessCalls, isReachable } from "../networks/host-access.ts";
import { markOf } from "../networks/mark.ts";
import { mustRun } from "./must-run.ts";

/** Makes the interface by which the host reaches a network's containers, and its routes: whether they were not there. Throws CNI_FAILED. */
export async function openHostAccess(host: Host, list: NetworkList): Promise<boolean> {
  const access = markOf(list)?.hostAccess;
  if (access === undefined) return false;
  const { ifname } = access;
  const present = await routesOf(host, ifname);
  if (present !== undefined && isReachable(access, present)) return false;
  await closeHostAccess(host, list);
  for (const argv of hostAccessCalls(access)) {
    await mustRun(host, argv, {
      what: `the host's access to the network ${list.name}`,
      hint: `see that ${access.parent} is there and up: ip link show ${access.parent}; then again: docker-cni heal`,
    });
  }
  return true;
}

/** Removes it, and its routes with it. Throws CNI_FAILED. */
export async function closeHostAccess(host: Host, list: NetworkList): Promise<void> {
  const access = markOf(list)?.hostAccess;
  if (access === undefined) return;
  const { ifname } = access;
  // Only what is a macvlan: the name may be another's by now.
  const found = await runJson(host, ["ip", "-json", "link", "show", "type", "macvlan"]);
  const names = Array.isArray(found) ? found.filter(isJsonObject) : [];
  if (!names.some((link) => link["ifname"] === ifname)) return;
  await mustRun(host, ["ip", "link", "delete", ifname, "type", "macvlan"], {
    what: `the host's access to the network ${list.name}`,
    hint: `remove it by hand: ip link delete ${ifname}`,
  });
}

/** Makes again what a reboot has taken; what fails is told, and the others are made. */
export async function openAll(
  host: Host,
  lists: readonly NetworkList[],
  tell: (line: string) => void,
): Promise<void> {
  for (const list of lists) {
    try {
      const isNew = await openHostAccess(host, list);
      if (isNew) tell(`${list.name} healed: the host's access to it was not there`);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      tell(`${list.name} broken: ${error.message}`);
    }
  }
}

/** The routes by an interface; undefined where there is none of that name. */
async function routesOf(host: Host, ifname: string): Promise<{ dst: string }[] | undefined> {
  const links = await runJson(host, ["ip", "-json", "link", "show", ifname, "up"]);
  if (
    !Array.isArray(links) ||
    !links.some((link) => isJsonObject(link) && link["ifname"] === ifname)
  )
    return undefined;
  const found = await Promise.all(
    ["-4", "-6"].map((family) =>
      runJson(host, ["ip", "-json", family, "route", "show", "dev", ifname]),
    ),
  );
  return found.flatMap((routes) =>
    Array.isArray(routes)
      ? routes.filter(isJsonObject).map(({ dst }) => ({ dst: textOf(dst) }))
      : [],
  );
}
