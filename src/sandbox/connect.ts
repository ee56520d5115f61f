import { CniError, loadAllNetworkLists, loadNetworkList, type NetworkList } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import { describeError, UserError } from "../lib/errors.ts";
import type { AttachmentRequest } from "../request/attachment-request.ts";
import { workloadArgs } from "../request/workload-args.ts";
import { attachmentTransition } from "../state/changes.ts";
import { runsNow } from "../state/facts.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { type Changeable, changeSandbox } from "./change.ts";
import { type Neighbour, planConnection } from "./connection.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { attachNew } from "./life.ts";
import { publishNames } from "./publish-names.ts";
import { logEvent } from "./network-event.ts";
import { dropIpv6 } from "./restore-ipv6.ts";
import { undoChanging } from "./settle.ts";
import {
  chooseRoutes,
  readRoutes,
  restoreDefaultRoutes,
  standInForRoutes,
} from "./stand-in-routes.ts";

export interface ConnectOptions {
  request: AttachmentRequest & { name: string };
  /** The folder of the networks' files. */
  confDir: string;
  /** What plugins are told of the workload: `id`, `name`, `label:KEY`. */
  workloadArgs: readonly string[];
}

export interface Connected {
  /** The container as messages name it. */
  name: string;
  attachment: AttachmentRecord;
  /** Whether that is done by now; a stopped container whose network is lost has it built again at its start. */
  isDone: boolean;
}

/**
 * Attaches a container to one more network, which it keeps from then on as those that it was asked for with: running, or stopped and
 * kept. Its default route stays, unless another was asked for or it has none. What fails is undone, and the error is thrown.
 */
export async function connect(
  context: SandboxContext,
  id: string,
  options: ConnectOptions,
): Promise<Connected> {
  const list = await findNetwork(options);
  return changeSandbox(context, id, async (sandbox) => {
    const { record, name, isWhole } = sandbox;
    const attachment = await plan(context, sandbox, { ...options, list });
    if (isWhole) await attachBeside(context, record, attachment);
    else attachmentTransition(context.store, record, connectedNow(record, attachment));
    await publishNames(context, record);
    logEvent(context, { ...record, attachments: [attachment] }, "connect", "connected");
    return { name, attachment, isDone: isWhole };
  });
}

async function findNetwork({ request, confDir }: ConnectOptions): Promise<NetworkList> {
  try {
    return (await loadNetworkList(confDir, request.name)).list;
  } catch (error) {
    if (!(error instanceof CniError) || error.kind !== "no-network") throw error;
    const { lists } = await loadAllNetworkLists(confDir).catch(() => ({ lists: [] }));
    const names = lists.map(({ name }) => name).join(", ");
    throw new UserError("BAD_REQUEST", error.message, {
      hint: names === "" ? `put a network list into ${confDir}` : `there are: ${names}`,
      cause: error,
    });
  }
}

async function plan(
  context: SandboxContext,
  { record, name, isWhole }: Changeable,
  { request, list, workloadArgs: wanted }: ConnectOptions & { list: NetworkList },
): Promise<AttachmentRecord> {
  const { containerDir } = record;
  const docker = containerDir === undefined ? undefined : readDockerContainer(containerDir);
  const links = isWhole ? (await context.netns.show(record.netns)).interfaces : [];
  return planConnection({
    name,
    record,
    list,
    request,
    links: links.map((link) => link.name),
    others: neighbours(context, record.id),
    workloadArgs: toldOf(record, name, wanted),
    ...(docker && {
      dns: { servers: docker.dns, searches: docker.dnsSearch, options: docker.dnsOptions },
    }),
  });
}

/** What plugins of its other networks were told, labels included: those of now may be the image's. */
function toldOf(
  { id, attachments: [first] }: SandboxRecord,
  name: string,
  wanted: readonly string[],
): [string, string][] {
  if (first === undefined) return workloadArgs({ id, name, labels: {} }, wanted).args;
  return first.cniArgs.filter(([key]) => key.startsWith("DOCKER_"));
}

function neighbours(context: SandboxContext, id: string): Neighbour[] {
  return context.store.list().flatMap((each): Neighbour[] => {
    const record = each === id ? undefined : context.store.read(each);
    if (record === undefined || record === "unreadable" || record.state === "removing") return [];
    const name = nameOfNow(record) ?? each.slice(0, 12);
    return [{ name, isRunning: runsNow(context.store, record), attachments: record.attachments }];
  });
}

/** Makes the attachment in the namespace where the others are. */
async function attachBeside(
  context: SandboxContext,
  record: SandboxRecord,
  attachment: AttachmentRecord,
): Promise<void> {
  const { store, netns } = context;
  const routes = await readRoutes(context, record.netns);
  attachmentTransition(store, record, { attachment, event: "connecting", routes });
  try {
    await standInForRoutes(context, record.netns, routes);
    await attachNew(context, { ...record, attachments: [attachment] });
    const brought = await netns.defaultRoutes(record.netns);
    const isAsked = attachment.defaultRoute !== undefined;
    if (isAsked && brought.length === 0) throw noDefaultRoute(attachment);
    const wanted = chooseRoutes(routes.before, brought, isAsked);
    await restoreDefaultRoutes(context, record.netns, { ...routes, wanted });
    await dropIpv6(context, record);
    attachmentTransition(store, record, connectedNow(record, attachment));
  } catch (error) {
    const [fault] = await undoChanging(context, record);
    if (fault === undefined) throw error;
    throw new UserError(
      "CNI_FAILED",
      `${describeError(error)}; and that could not be undone: ${describeError(fault)}`,
      { hint: "docker-cni gc tries that again", cause: error },
    );
  }
}

/** What is written when it is done: one that was asked for the default route takes it from the others. */
function connectedNow(
  record: SandboxRecord,
  attachment: AttachmentRecord,
): Parameters<typeof attachmentTransition>[2] {
  const { disconnected } = record;
  const back = disconnected && {
    disconnected: disconnected.filter((each) => each !== attachment.network),
  };
  if (attachment.defaultRoute === undefined) {
    return { attachment, event: "connected", ...(back && { along: back }) };
  }
  const before = record.attachments.flatMap(({ ifName, defaultRoute }) =>
    defaultRoute === undefined ? [] : [[ifName, defaultRoute] as const],
  );
  const attachments = record.attachments.map((each) => {
    const { defaultRoute: _, ...rest } = each;
    return rest;
  });
  const took = before.length > 0 ? { tookDefaultRoute: Object.fromEntries(before) } : {};
  return {
    attachment: { ...attachment, ...took },
    event: "connected",
    along: { ...back, attachments },
  };
}

function noDefaultRoute({ network }: AttachmentRecord): UserError {
  return new UserError(
    "CNI_FAILED",
    `network ${network} was asked for the default route and has no gateway`,
    { hint: "leave out --default-route, or choose another network" },
  );
}
