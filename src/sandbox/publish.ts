import { parseNetworkList } from "../cni/index.ts";
import { describeError, UserError } from "../lib/errors.ts";
import type { PortSelection } from "../ports/port-selection.ts";
import type { PortMapping, PortRequest } from "../ports/ports.ts";
import { runsNow } from "../state/facts.ts";
import type { SandboxRecord } from "../state/record.ts";
import { portsTransition, setPorts } from "../state/transitions.ts";
import { withAllottedPorts } from "./allot-ports.ts";
import { runtimeConfOf, withEnvironment } from "./attach.ts";
import { type Changeable, changeSandbox } from "./change.ts";
import type { SandboxContext } from "./context.ts";
import { withAddLock } from "./host-lock.ts";
import {
  canPublish,
  ownPorts,
  type PortFields,
  requirePublishing,
  selectPorts,
  withoutPorts,
  withPorts,
} from "./port-changes.ts";
import { holdsPorts, releasePorts } from "./published.ts";
import { logEvent } from "./network-event.ts";

/** The container as messages name it, and the ports that it was about. */
export interface PortsChanged {
  name: string;
  ports: PortMapping[];
}

/**
 * Publishes more ports of a container, by DEL and ADD of those plugins alone that do: connections of its other ports go on. One that
 * is stopped gets them at its start. Throws PORT_TAKEN, naming the holder, before anything is changed; what fails is undone.
 */
export async function publish(
  context: SandboxContext,
  id: string,
  requests: readonly PortRequest[],
): Promise<PortsChanged> {
  return changeSandbox(context, id, async (sandbox) => {
    const { record, name, isRunning } = sandbox;
    requirePublishing(name, record);
    const own = ownPorts(name, record, requests);
    if (!isRunning) await giveBackPorts(context, sandbox);
    const before = fieldsOf(record);
    const request = { ports: [...requests], networks: [], own };
    const ports = await withAllottedPorts(context, id, request, ({ all, chosen }) => {
      assign(record, withPorts(record, all, chosen));
      if (isRunning) setPorts(record, "acquiring");
      context.store.write(record);
      return all;
    });
    try {
      if (isRunning) await publishAnew(context, record);
    } catch (error) {
      await undo(context, record, { before, error });
    }
    logEvent(context, record, "publish", "published", { ports });
    return { name, ports };
  });
}

/**
 * Takes published ports away, whoever asked for them, in the same way; they stay so over restarts. Throws BAD_REQUEST where one is not
 * published.
 */
export async function unpublish(
  context: SandboxContext,
  id: string,
  selections: readonly PortSelection[],
): Promise<PortsChanged> {
  return changeSandbox(context, id, async (sandbox) => {
    const { record, name, isRunning } = sandbox;
    const ports = selectPorts(name, record, selections);
    if (!isRunning) {
      await giveBackPorts(context, sandbox);
      assign(record, withoutPorts(record, ports));
      context.store.write(record);
      logEvent(context, record, "unpublish", "unpublished", { ports });
      return { name, ports };
    }
    const before = fieldsOf(record);
    // They are its own until their DEL is done.
    setPorts(record, "acquiring");
    context.store.write(Object.assign(record, { unpublishing: ports }));
    try {
      await publishAnew(context, record);
    } catch (error) {
      const isGivenUp = record.unpublishing === undefined;
      await undo(context, record, { ...(!isGivenUp && { before }), error });
    }
    logEvent(context, record, "unpublish", "unpublished", { ports });
    return { name, ports };
  });
}

/** Ends what `publish` or `unpublish` was killed at, with the sandbox's lock held. */
export async function settlePorts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const { unpublishing = [] } = record;
  if (runsNow(context.store, record)) {
    setPorts(record, "acquiring");
    context.store.write(record);
    await publishAnew(context, record);
    return;
  }
  await releasePorts(context, record);
  assign(record, withoutPorts(record, unpublishing));
  context.store.write(record);
}

/** Has the plugins that publish ports publish those of the record; they are `acquiring` there until that is done. */
async function publishAnew(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const { cni } = withEnvironment(context, record);
  const { unpublishing } = record;
  await withAddLock(context, record.attachments, async () => {
    for (const attachment of record.attachments.filter(canPublish).toReversed()) {
      const list = parseNetworkList(attachment.list);
      await cni.delCapability(list, runtimeConfOf(record, attachment), "portMappings");
    }
    if (unpublishing !== undefined) {
      assign(record, withoutPorts(record, unpublishing));
      context.store.write(record);
    }
    for (const attachment of record.attachments.filter(canPublish)) {
      const list = parseNetworkList(attachment.list);
      await cni.addCapability(list, runtimeConfOf(record, attachment), "portMappings");
    }
  });
  portsTransition(context.store, record, "held");
}

/** A stopped container's ports are nobody's, and plugins have yet to be told of those that it is to have. */
async function giveBackPorts(
  context: SandboxContext,
  { record, isWhole }: Changeable,
): Promise<void> {
  if (isWhole && holdsPorts(context, record)) await releasePorts(context, record);
  if (record.ports === "released") return;
  setPorts(record, "releasing");
  setPorts(record, "released");
}

/**
 * Publishes what was published `before` a change that failed, and throws its error; without `before` the change is tried once more
 * to the end.
 */
async function undo(
  context: SandboxContext,
  record: SandboxRecord,
  { before, error }: { before?: PortFields; error: unknown },
): Promise<void> {
  try {
    if (before !== undefined) {
      assign(record, before);
      context.store.write(record);
    }
    await publishAnew(context, record);
  } catch (fault) {
    context.log.error({ container: record.id, step: "ports", err: fault }, "could not be undone");
    throw new UserError(
      "CNI_FAILED",
      `${describeError(error)}; and its other ports could not be published again: ${describeError(fault)}`,
      { hint: "docker-cni heal tries that again, and so does gc", cause: error },
    );
  }
  if (before !== undefined) throw error;
}

function fieldsOf({
  attachments,
  chosenPorts = [],
  published = [],
  unpublished = [],
}: SandboxRecord): PortFields {
  return { attachments, chosenPorts, published, unpublished };
}

/** Puts these fields in the place of the record's; empty ones are left out. */
function assign(record: SandboxRecord, fields: PortFields): void {
  const { attachments, chosenPorts = [], published = [], unpublished = [] } = fields;
  record.attachments = attachments;
  delete record.unpublishing;
  for (const [key, value] of Object.entries({ chosenPorts, published, unpublished })) {
    Object.assign(record, { [key]: value });
    if (value.length === 0) Reflect.deleteProperty(record, key);
  }
}
