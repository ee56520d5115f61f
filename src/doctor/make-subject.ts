import { join } from "node:path";
import { loadNetworkListFile, CniError } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import {
  listEngineContainers,
  runningConfigFiles,
  runningContainersDirs,
} from "../engine/find-container.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf, textsOf } from "../lib/texts.ts";
import { whyNoNetwork } from "../runtime/no-network.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { knownCniId } from "../state/claims.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import { type Host, runJson } from "./host.ts";
import type { HostLink, HostRoute, NetworkFile, Subject } from "./subject.ts";

type Given = Pick<
  Subject,
  | "host"
  | "config"
  | "configFile"
  | "configError"
  | "launcher"
  | "runtimePath"
  | "engineAddress"
  | "cliPluginDirs"
>;

/** A subject whose answers are read once, when a check asks for them first. */
export function makeSubject(sandbox: SandboxContext, given: Given): Subject {
  const { host, config } = given;
  const networkFiles = once(() => readNetworkFiles(host, config.cniConfDir));
  const sandboxes = once(() => viewSandboxes(sandbox));
  return {
    ...given,
    cni: sandbox.cni,
    networkFiles,
    networks: async () => firstOfEachName(await networkFiles()),
    sandboxes,
    sandboxIds: () => sandbox.store.list().flatMap((id) => [id, knownCniId(sandbox.store, id)]),
    wasOurs: idsInLog(host, config.logFile),
    isAlive: (netns) => sandbox.netns.isAlive(netns),
    daemonConfigs: () => runningConfigFiles(),
    engineContainers: () => listEngineContainers(runningContainersDirs()),
    networkMode: ({ directory }) => readDockerContainer(directory).networkMode,
    whyNoNetwork: (container) => whyNoNetwork({ config, store: sandbox.store }, container),
    engineInfo: once(async () => {
      const answer = await host.engine("/info");
      return answer.ok && isJsonObject(answer.body) ? answer.body : undefined;
    }),
    ...hostNetwork(host),
  };
}

/** What is asked of the host's own network. */
export function hostNetwork(host: Host): Pick<Subject, "links" | "routes" | "iptables"> {
  const saved = {
    iptables: once(() => readIptables(host, "iptables")),
    ip6tables: once(() => readIptables(host, "ip6tables")),
  };
  return {
    links: once(() => readLinks(host)),
    routes: once(() => readRoutes(host)),
    iptables: (family) => saved[family](),
  };
}

/** The networks that count, of files in their order. */
export function firstOfEachName(files: readonly NetworkFile[]): NonNullable<NetworkFile["list"]>[] {
  const byName = new Map<string, NonNullable<NetworkFile["list"]>>();
  for (const { list } of files) {
    if (list !== undefined && !byName.has(list.name)) byName.set(list.name, list);
  }
  return [...byName.values()];
}

/** In libcni's order: the lists, then the single configurations. */
async function readNetworkFiles(host: Host, dir: string): Promise<NetworkFile[]> {
  const names = host.list(dir).toSorted();
  const ordered = [
    ...names.filter((name) => name.endsWith(".conflist")),
    ...names.filter((name) => /\.(conf|json)$/.test(name)),
  ];
  const paths = ordered.map((name) => join(dir, name));
  return Promise.all(
    paths.filter((path) => host.stat(path)?.kind !== "folder").map((file) => readNetworkFile(file)),
  );
}

async function readNetworkFile(file: string): Promise<NetworkFile> {
  try {
    return { file, list: await loadNetworkListFile(file) };
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return { file, reason: error.msg.replace(`${file}: `, "") };
  }
}

async function readLinks(host: Host): Promise<HostLink[]> {
  return objects(await runJson(host, ["ip", "-json", "link", "show"])).map((link) => ({
    ifname: textOf(link["ifname"]),
    mtu: Number(link["mtu"] ?? 0),
    flags: textsOf(link["flags"]),
  }));
}

async function readRoutes(host: Host): Promise<HostRoute[]> {
  const families = [4, 6] as const;
  const found = await Promise.all(
    families.map(async (family) => {
      const routes = await runJson(host, ["ip", "-json", `-${family}`, "route", "show"]);
      return objects(routes).map((route) => ({
        dst: textOf(route["dst"]),
        dev: textOf(route["dev"]),
        family,
      }));
    }),
  );
  return found.flat();
}

async function readIptables(host: Host, family: string): Promise<string[] | undefined> {
  const { code, stdout } = await host.run([`${family}-save`]);
  return code === 0 ? stdout.split("\n") : undefined;
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Reads the log, and the one before it, when it is asked first. */
function idsInLog(host: Host, file: string): (id: string) => boolean {
  let text: string | undefined;
  return (id) => {
    text ??= `${host.read(file) ?? ""}${host.read(`${file}.1`) ?? ""}`;
    return text.includes(`"container":"${id}"`);
  };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => (value ??= read());
}
