import { parseNetworkList } from "../cni/index.ts";
import { networkNow } from "../state/network-now.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";
import { nextState } from "../state/transitions.ts";
import { UserError } from "../lib/errors.ts";
import { parseReserve } from "../request/reserve.ts";
import { carryOver, requestOf } from "../sandbox/edited.ts";
import { askedIps } from "../sandbox/require-asked.ts";
import { claimName } from "../sandbox/reservation.ts";
import type { CreateContext } from "./create.ts";
import {
  type Claim,
  type ContainerFacts,
  type MakingFacts,
  planStart,
  type StartPlan,
  type WantedNetwork,
} from "./plan.ts";

/**
 * Claims the name that the network is to be reserved for, and finds the network that is reserved for it; undefined where none is
 * asked for. Throws BAD_REQUEST, and IN_USE where another container has the name.
 */
export async function readClaim(
  context: CreateContext,
  { id, docker }: ContainerFacts,
  { networkRequest }: WantedNetwork,
): Promise<Claim | undefined> {
  const { reserve: source, labels } = networkRequest;
  const called = { name: docker?.name ?? networkRequest.name ?? id, labels };
  const name = source && parseReserve(source, called);
  if (name === undefined) return undefined;
  const record = await claimName(context, id, name);
  const isIntact = record !== undefined && networkNow(context, record) === "whole";
  return { name, ...(record && { reserved: { record, isIntact } }) };
}

/**
 * Decides how a container starts whose network is reserved for a name: with the network that waits for it, whole where it asks for
 * the same, else with one of its own that has the same addresses where they fit.
 */
export function planClaiming(facts: MakingFacts, { name, reserved }: Claim): StartPlan {
  const { id, docker, wanted } = facts;
  const plan = planStart(facts);
  const { record } = plan;
  Object.assign(record, { reserve: name, keep: docker !== undefined });
  if (reserved === undefined) return plan;
  if (facts.kept !== undefined) throw hasItsOwn(name);
  const { record: from, isIntact } = reserved;
  if (!asksForTheSame(from, record)) {
    carryOver(from, record);
    askForTheSame(from, record);
    record.predecessor = from.id;
    const changed = { record, before: structuredClone(record), isEdited: true };
    return plan.kind === "runtime-owned"
      ? { ...plan, ...changed }
      : { ...plan, ...changed, kind: "rebuild", netns: "replaced", reason: "other request" };
  }
  const kept = { record: adopted(from, { ...record, id }), isIntact };
  const hasOtherPorts = docker !== undefined && from.asked?.ports !== record.asked?.ports;
  const otherPorts = hasOtherPorts ? wanted.networkRequest : undefined;
  const again = planStart({ ...facts, wanted: undefined, kept, otherPorts });
  // Ports that were edited are noted with them; what else was asked is the same.
  if (!hasOtherPorts && record.asked !== undefined) again.record.asked = record.asked;
  if (again.kind === "runtime-owned") return again;
  const netns = again.kind === "rebuild" ? again.netns : "stays";
  return { ...again, kind: "adopt", netns };
}

/** The reserved network, of the container that is to have it now. */
function adopted(from: SandboxRecord, own: SandboxRecord): SandboxRecord {
  const record: SandboxRecord = {
    ...from,
    id: own.id,
    state: nextState(from.state, from.unfinished ? "adoptingUnfinished" : "adopting"),
    keep: own.keep,
    ...(own.reserve !== undefined && { reserve: own.reserve }),
    cniId: cniIdOf(from),
    predecessor: from.id,
  };
  // What is said of the container is said anew, or is not true of this one.
  for (const key of OF_A_CONTAINER) delete record[key];
  return { ...record, ...(own.service && { service: own.service }) };
}

const OF_A_CONTAINER = [
  "name",
  "names",
  "service",
  "files",
  "withoutIpv6",
  "containerDir",
  "unfinished",
  "successor",
] as const;

/** Whether the same is asked of the networks, as the container before has them; ports do not count, nor what the operator changed. */
function asksForTheSame(from: SandboxRecord, record: SandboxRecord): boolean {
  if (from.asked?.labels !== record.asked?.labels) return false;
  const had = from.attachments.filter(({ connected }) => connected !== true).map(requestOf);
  const asked = record.attachments
    .filter(({ network }) => from.disconnected?.includes(network) !== true)
    .map(requestOf);
  return JSON.stringify(had) === JSON.stringify(asked);
}

/** What the operator asks for otherwise counts; beside that, what the network of before had on the same networks is asked for. */
function askForTheSame(from: SandboxRecord, record: SandboxRecord): void {
  const left = [...from.attachments];
  for (const attachment of record.attachments) {
    const place = left.findIndex(({ network }) => network === attachment.network);
    const [before] = place < 0 ? [] : left.splice(place, 1);
    if (before === undefined || attachment.addresses.length > 0) continue;
    if (askedIps(parseNetworkList(attachment.list), attachment).length > 0) continue;
    attachment.addresses = before.addresses;
    const { cniArgs, capabilityArgs } = attachment;
    const asksForMac = "mac" in capabilityArgs || cniArgs.some(([key]) => key === "MAC");
    if (!asksForMac && before.mac !== undefined) attachment.mac = before.mac;
  }
}

function hasItsOwn(name: string): UserError {
  return new UserError(
    "IN_USE",
    `another network is reserved for ${name}, and this container has one of its own already`,
    { hint: `give that one up: docker cni release ${name}` },
  );
}
