import { appendFileSync, chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerEnv } from "./cli.ts";
import { dockerCommands } from "./commands.ts";
import { cniConfig, defaultNetwork, dockerCniRuntime, REPOSITORY, toYaml } from "./config.ts";
import type { Json, NetworkList, Runtime } from "./config.ts";
import { daemonJson, endDaemon, recordContainerIds, startDaemon } from "./daemon.ts";
import { guard } from "./guardian.ts";
import { importBusybox } from "./image.ts";
import { readIptables } from "./iptables.ts";
import { claimPlace, type Place } from "./place.ts";
import { must } from "./shell.ts";
import { takeDown } from "./takedown.ts";
import { bridgesFile, inHostNetns, networksFile } from "./traces.ts";

export interface HostOptions {
  /** dockerd manages iptables as it does by default; the host then gets a network namespace of its own. */
  iptables?: boolean;
  /** Docker's own `bridge` network works too, on a bridge of the host's own, which may be told its address. */
  dockerBridge?: boolean | ((place: Place) => string);
  /** Runtimes besides `cni`. */
  runtimes?: (place: Place) => Record<string, Runtime>;
  /** Networks besides the default one, by file name; their bridges are made with the host, and go with it. */
  networks?: (place: Place) => Record<string, NetworkList>;
  /** More keys for daemon.json. */
  daemonJson?: Record<string, unknown>;
  /** More keys for cni.yaml. */
  config?: Json;
  /** Folders of the machine that dockerd and docker-cni may change in a copy of their own. */
  privateFolders?: string[];
  /** More environment variables for dockerd, which hands them on to the runtime. */
  env?: Record<string, string>;
}

export type DockerHost = Awaited<ReturnType<typeof startDockerHost>>;

/**
 * Starts a dockerd with everything of its own: temporary folder, socket, containerd, cgroup, CNI configuration, bridge
 * and subnet, with docker-cni as the runtime `cni` and an image `busybox`. `stop()` takes all of it down; so does the end
 * of this process.
 */
export async function startDockerHost(options: HostOptions = {}) {
  const place = claimPlace(options.iptables === true);
  const callOff = guard(place.dir);
  const closeWatch = recordContainerIds(place);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    closeWatch();
    stopping ??= takeDown(place.dir).finally(callOff);
    return stopping;
  };
  const { env = {}, privateFolders = [] } = options;
  const start = () => startDaemon(place, { env, privateFolders });
  try {
    await furnish(place, options);
    await start();
    await importBusybox(place);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    place,
    ...configuration(place, options),
    ...dockerCommands(place),
    start,
    killDaemon: () => endDaemon(place, "SIGKILL"),
    restart: async () => {
      await endDaemon(place, "SIGTERM");
      await start();
    },
    stop,
    /** Lets the host live on when this process ends; `keptHosts` of this checkout finds it. */
    keep: () => {
      writeFileSync(join(place.dir, "kept"), REPOSITORY);
      callOff();
    },
  };
}

/** Makes what dockerd and docker-cni find when they start. */
async function furnish(place: Place, options: HostOptions): Promise<void> {
  if (place.hostNetns !== undefined) {
    await must(["ip", "netns", "add", place.hostNetns]);
    await must([...inHostNetns(place), "ip", "link", "set", "lo", "up"]);
  }
  const scaffold = (await readIptables(inHostNetns(place))).filter((line) => line.scaffold);
  writeFileSync(
    join(place.dir, "scaffold"),
    scaffold.map((line) => `${line.family} ${line.table} ${line.text}\n`).join(""),
  );
  if (options.dockerBridge) {
    const ip = [...inHostNetns(place), "ip"];
    const { dockerBridge: of } = options;
    const address = of === true ? place.dockerBridgeAddress : of(place);
    await must([...ip, "link", "add", place.dockerBridge, "type", "bridge"]);
    await must([...ip, "addr", "add", address, "dev", place.dockerBridge]);
    await must([...ip, "link", "set", place.dockerBridge, "up"]);
  }
  for (const folder of ["net.d", "plugins", "state", "docker-config"])
    mkdirSync(join(place.dir, folder));
  const { writeConfig, writeNetwork } = configuration(place, options);
  writeConfig();
  writeNetwork("10-default.conflist", defaultNetwork(place));
  for (const [file, network] of Object.entries(options.networks?.(place) ?? {})) {
    writeNetwork(file, network);
    for (const { bridge } of network.plugins) {
      if (typeof bridge !== "string") continue;
      await must([...inHostNetns(place), "ip", "link", "add", bridge, "type", "bridge"]);
    }
  }
  const runc = (await must(["sh", "-c", "command -v runc"], { env: dockerEnv(place) })).trim();
  const daemon = daemonJson(place, {
    iptables: options.iptables === true,
    bridge: options.dockerBridge ? place.dockerBridge : "none",
    runtimes: { cni: dockerCniRuntime(place, runc), ...options.runtimes?.(place) },
    extra: options.daemonJson ?? {},
  });
  writeFileSync(join(place.dir, "daemon.json"), JSON.stringify(daemon, null, 2));
}

/** Changes what docker-cni reads at each container's creation. */
function configuration(place: Place, options: HostOptions) {
  return {
    /** Writes cni.yaml: the host's own keys, those of the options, and these; or this very text. */
    writeConfig: (more: Json | string = {}) => {
      const keys =
        typeof more === "string" ? {} : { ...cniConfig(place), ...options.config, ...more };
      writeFileSync(join(place.dir, "cni.yaml"), typeof more === "string" ? more : toYaml(keys));
    },
    /** Writes a file into the CNI conf dir: a network list, or this very text. */
    writeNetwork: (file: string, content: NetworkList | string) => {
      const text = typeof content === "string" ? content : onePluginALine(content);
      writeFileSync(join(place.dir, "net.d", file), text);
      if (typeof content === "string") return;
      appendFileSync(networksFile(place), `${content.name}\n`);
      for (const { bridge } of content.plugins) {
        if (typeof bridge === "string") appendFileSync(bridgesFile(place), `${bridge}\n`);
      }
    },
    removeNetwork: (file: string) => {
      rmSync(join(place.dir, "net.d", file));
    },
    /** Puts an executable first on CNI_PATH. */
    writePlugin: (name: string, script: string) => {
      const file = join(place.dir, "plugins", name);
      writeFileSync(file, script);
      chmodSync(file, 0o755);
    },
  };
}

function onePluginALine({ plugins, ...list }: NetworkList): string {
  const lines = plugins.map((plugin) => `  ${JSON.stringify(plugin)}`);
  return `${JSON.stringify(list).slice(0, -1)},"plugins":[\n${lines.join(",\n")}\n]}\n`;
}
