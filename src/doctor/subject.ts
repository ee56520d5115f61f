import type { Cni, NetworkList } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import type { NoNetwork } from "../runtime/no-network.ts";
import type { EngineContainer } from "../engine/find-container.ts";
import type { SandboxView } from "../sandbox/view.ts";
import type { Host } from "./host.ts";

/** What is examined: the configuration, what docker-cni knows, and the host to look at. */
export interface Subject {
  host: Host;
  config: Config;
  configFile: string;
  /** Why the configuration could not be used; `config` is the defaults then. */
  configError?: string;
  /** The launcher that this program was called by. */
  launcher: string;
  /** The low-level runtime that makes new containers; empty when none was found. */
  runtimePath: string;
  /** `unix:///run/docker.sock` */
  engineAddress: string;
  /** Where Docker's client looks for its plugins, its own folder first. */
  cliPluginDirs: readonly string[];
  cni: Pick<Cni, "version" | "statusNetworkList">;
  /** Every file of cni_conf_dir in the order in which they count. */
  networkFiles: () => Promise<NetworkFile[]>;
  /** The networks that count: of two files for one name the first. */
  networks: () => Promise<NetworkList[]>;
  sandboxes: () => Promise<SandboxView[]>;
  /** Ids of all sandboxes, those that are being made or cannot be read too. */
  sandboxIds: () => string[];
  /** Whether the log tells of a container: ids of other runtimes of CNI look alike. */
  wasOurs: (id: string) => boolean;
  /** Whether a network namespace is there, by its name. */
  isAlive: (netns: string) => boolean;
  /** The daemon.json of each Docker daemon on this machine. */
  daemonConfigs: () => string[];
  /** All containers of the Docker daemons on this machine. */
  engineContainers: () => EngineContainer[];
  /** What `--network` of a container was. */
  networkMode: (container: EngineContainer) => string | undefined;
  whyNoNetwork: (container: EngineContainer) => Promise<NoNetwork>;
  /** The engine's `/info`; undefined where it does not answer. */
  engineInfo: () => Promise<Record<string, unknown> | undefined>;
  /** Links and routes of the host's network namespace, as ip(8) shows them. */
  links: () => Promise<HostLink[]>;
  routes: () => Promise<HostRoute[]>;
  /** The lines of iptables-save by family; undefined where iptables is not there. */
  iptables: (family: "iptables" | "ip6tables") => Promise<string[] | undefined>;
}

export interface NetworkFile {
  file: string;
  list?: NetworkList;
  /** Why it cannot be used. */
  reason?: string;
}

export interface HostLink {
  ifname: string;
  mtu: number;
  flags: string[];
}

export interface HostRoute {
  /** `default`, an address, or `address/length`. */
  dst: string;
  dev: string;
  family: 4 | 6;
}
