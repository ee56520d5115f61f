import { setTimeout as pause } from "node:timers/promises";
import { describeError } from "../../lib/errors.ts";
import { checkAll } from "../../sandbox/attach.ts";
import { checkOrReattach, isCheckUnsupported } from "../../sandbox/life.ts";
import { acquirePorts, releaseOrLog } from "../../sandbox/published.ts";
import { reattach, replaceNetns } from "../../sandbox/rebuild.ts";
import { portsTransition, transition } from "../../state/transitions.ts";
import { hostLinks, isShared } from "../leaks.ts";
import { readPeer } from "../peer.ts";
import {
  type Check,
  fail,
  familiesOf,
  hostGateway,
  mappingsOf,
  needsAddress,
  ok,
  type Proof,
  SERVER_PORT,
} from "../proof.ts";
import { tryWay } from "../reach.ts";
import { readLinks } from "../traces.ts";
import { listen } from "./attach.ts";

/** What a stop and a start do to the network: the namespace stays, published ports are given back and taken again. */
export const restartCheck: Check = {
  name: "restart",
  needs: needsAddress(),
  async run(proof) {
    const { scratch, one } = proof;
    if (one === undefined) return fail("there is no peer");
    const { record } = one;
    const before = await addressesNow(proof);
    let rebuilt = "";
    try {
      await releaseOrLog(scratch, record);
      rebuilt = await checkAll(scratch, record).then(
        () => "",
        (error: unknown) =>
          isCheckUnsupported(error) ? "" : ", built again, because CHECK failed",
      );
      if (rebuilt !== "") await checkOrReattach(scratch, record);
      if (record.ports !== undefined) {
        portsTransition(scratch.store, record, "acquiring");
        await acquirePorts(scratch, record);
      }
    } catch (error) {
      return fail(describeError(error), "a container could not be started again");
    }
    const now = await addressesNow(proof);
    if (now !== before) return fail(`the addresses were ${before}, and are ${now}`);
    const error = await stillReached(proof);
    if (error !== undefined) return fail(error);
    return { status: rebuilt === "" ? "ok" : "note", detail: `${now} kept${rebuilt}` };
  },
};

/** What a start after a reboot does: the namespace is lost, and the network is built again in another one. */
export const rebootCheck: Check = {
  name: "reboot",
  needs: needsAddress(),
  async run(proof) {
    const { scratch, one, list } = proof;
    if (one === undefined) return fail("there is no peer");
    const { record } = one;
    const before = await addressesNow(proof);
    await one.sockets.close();
    try {
      const links = hostLinks(proof, one);
      await scratch.netns.remove(record.netns);
      await goneLinks(links);
      await replaceNetns(scratch, record);
      await reattach(scratch, record);
      transition(scratch.store, record, "attached");
    } catch (error) {
      return fail(describeError(error), "a container would not start after a reboot");
    }
    readPeer(scratch, one, list);
    await listen(one);
    const now = await addressesNow(proof);
    const error = await stillReached(proof);
    if (error !== undefined) return fail(error);
    if (now === before) return ok(`${now} given again`);
    const [were, are] = [before, now].map(withoutMac);
    if (were === are) return ok(`${are} given again, with another MAC`);
    return {
      status: "note",
      detail: `the addresses were ${were}, and are ${are}: the network gives none again`,
    };
  },
};

/** How long the kernel may take to remove a namespace's interfaces, ms. After a reboot there are none. */
const GONE_MS = 3000;

/** Waits for interfaces of the host whose other ends were in a namespace that was removed. Those that stay are shared. */
async function goneLinks(names: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + GONE_MS; Date.now() < deadline; await pause(20)) {
    const links = await readLinks();
    if (!names.some((name) => links.has(name) && !isShared(links.get(name)))) return;
  }
}

/** The addresses and the MAC on the interface, in words. */
async function addressesNow({ scratch, one }: Proof): Promise<string> {
  const [attachment] = one?.record.attachments ?? [];
  const { interfaces } = await scratch.netns.show(one?.record.netns ?? "");
  const found = interfaces.find(({ name }) => name === attachment?.ifName);
  const lasting = found?.addresses.filter((address) => !address.startsWith("fe80:")) ?? [];
  return [...lasting.toSorted(), found?.mac ?? ""].join(" ");
}

function withoutMac(addresses: string): string {
  return addresses.replace(/ ?\S*$/, "");
}

/** What keeps the other peer, or the host by a published port, from the first one; undefined when nothing does. */
async function stillReached(proof: Proof): Promise<string | undefined> {
  const { one, two, host } = proof;
  if (one === undefined || two === undefined) return "there is no peer";
  const server = one.record.netns;
  const peer = { from: two.sockets, asker: two.record.netns, protocol: "tcp" as const, server };
  for (const family of familiesOf(proof)) {
    const tried = await tryWay({
      ...peer,
      address: one.addresses[family] ?? "",
      port: SERVER_PORT,
    });
    if ("error" in tried) return tried.error;
  }
  const mapping = mappingsOf(one).find(({ protocol }) => protocol === "tcp");
  const gateway = hostGateway(proof, 4);
  if (mapping === undefined || gateway === undefined) return undefined;
  const way = { ...peer, from: host, asker: "the host", address: gateway, port: mapping.hostPort };
  const tried = await tryWay(way);
  return "error" in tried ? tried.error : undefined;
}
