import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerArgv, dockerEnv } from "../e2e/harness/cli.ts";
import { REPOSITORY } from "../e2e/harness/config.ts";
import { daemonJson, startDaemon } from "../e2e/harness/daemon.ts";
import { importBusybox } from "../e2e/harness/image.ts";
import { signal } from "../e2e/harness/processes.ts";
import type { Place } from "../e2e/harness/place.ts";
import {
  type CommandOptions,
  type CommandResult,
  must,
  run,
  waitFor,
} from "../e2e/harness/shell.ts";
import { hostFolder, initCommand, initOf, INSIDE, type LabPlace, ROUTER } from "./place.ts";
import { removeCgroups } from "./take-down.ts";

/** One host of a laboratory: namespaces with a dockerd, docker-cni and folders of its own. */
export interface LabHost {
  name: string;
  /** Its number, from 1 on. */
  number: number;
  /** Its address on the LAN of the hosts. */
  address: string;
  /** The environment of its commands. */
  env: Readonly<Record<string, string>>;
  /** The command line that runs a command in there. */
  argv: (...command: string[]) => string[];
  run: (command: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** Runs a command that has to succeed; gives its stdout without the last newline. */
  ok: (...command: string[]) => Promise<string>;
  /** Runs lines of sh(1), which have to succeed. */
  sh: (script: string, variables?: Readonly<Record<string, string>>) => Promise<string>;
  start: () => Promise<void>;
  /** Ends all of it at once, as a power cut would. */
  cut: () => Promise<void>;
}

/** The host of a laboratory by its name. */
export function labHost(lab: LabPlace, name: string): LabHost {
  const number = lab.hosts.indexOf(name) + 1;
  const address = `192.0.2.${10 + number}`;
  const place = placeOf(lab, name);
  const argv = (...command: string[]) => [...enter(lab, name), ...command];
  const env = environment(lab, place);
  const runHere = (command: readonly string[], options: CommandOptions = {}) =>
    run(argv(...command), { ...options, env: { ...env, ...options.env } });
  const ok = async (...command: string[]) => (await must(argv(...command), { env })).trimEnd();
  return {
    name,
    number,
    address,
    env,
    argv,
    run: runHere,
    ok,
    sh: async (script, variables = {}) =>
      (await must(argv("sh", "-euc", script), { env: { ...env, ...variables } })).trimEnd(),
    start: async () => {
      await startNamespaces(lab, name);
      await plugIn(lab, { name, number, address });
      await startEngine(place, argv());
      await must(argv("systemctl", "boot"), { env });
    },
    cut: async () => {
      const init = initOf(lab, name);
      if (init !== undefined) signal(init, "SIGKILL");
      await waitFor("the host ends", () => (initOf(lab, name) === undefined ? true : undefined));
      await removeCgroups(join(lab.cgroup, name));
    },
  };
}

/** What the harness of the end-to-end tests has to know of a host. */
function placeOf(lab: LabPlace, name: string): Place {
  return {
    dir: hostFolder(lab, name),
    index: 0,
    network: "",
    bridge: "",
    prefix: "",
    subnet: "",
    dockerBridge: "",
    dockerBridgeAddress: "",
    cgroup: "docker",
    hostNetns: undefined,
  };
}

function environment(lab: LabPlace, place: Place): Record<string, string> {
  const { PATH = "", TERM = "dumb" } = dockerEnv(place);
  return {
    PATH: [join(INSIDE, "bin"), join(REPOSITORY, "bin"), PATH].join(":"),
    HOME: place.dir,
    TERM,
    DOCKER_CONFIG: join(place.dir, "docker-config"),
    LAB_PACKAGES: lab.packages.join(" "),
  };
}

async function startNamespaces(lab: LabPlace, name: string): Promise<void> {
  const router = initOf(lab, ROUTER);
  if (router === undefined) throw new Error(`${lab.dir}: the laboratory does not run`);
  mkdirSync(hostFolder(lab, name), { recursive: true });
  const [file, ...args] = [
    "sh",
    join(INSIDE, "join"),
    `${lab.cgroup}/${name}`,
    "nsenter",
    "--target",
    String(router),
    "--pid",
    "unshare",
    "--mount",
    "--net",
    "--uts",
    "--ipc",
    "--pid",
    "--cgroup",
    "--kill-child",
    ...initCommand(lab, name),
  ];
  const child = spawn(file, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  let ended = false;
  child.once("exit", () => (ended = true));
  await waitFor(`the host ${name} is there`, async () => {
    if (ended) throw new Error(`the host ${name} has ended: ${said}`);
    const pid = initOf(lab, name);
    if (pid === undefined) return undefined;
    const { exitCode } = await run([...enter(lab, name), "test", "-e", "/run/host-is-ready"]);
    return exitCode === 0 ? true : undefined;
  });
  child.stderr.destroy();
  child.unref();
}

/** Connects a host with the LAN. */
async function plugIn(
  lab: LabPlace,
  { name, number, address }: { name: string; number: number; address: string },
): Promise<void> {
  const [router, init] = [initOf(lab, ROUTER), initOf(lab, name)].map(String);
  const there = ["nsenter", "--target", router ?? "", "--net", "ip", "link"];
  const port = `port${number}`;
  // The port of a host that was cut off goes with its namespace, in the kernel's own time.
  await waitFor(`the LAN has a free ${port}`, async () =>
    (await run([...there, "show", "dev", port])).exitCode === 0 ? undefined : true,
  );
  const ends = ["type", "veth", "peer", "name", "eth0", "netns", init ?? ""];
  await must([...there, "add", port, ...ends]);
  await must([...there, "set", port, "master", "lan", "up"]);
  const here = enter(lab, name);
  await must([...here, "ip", "address", "add", `${address}/24`, "dev", "eth0"]);
  await must([...here, "ip", "link", "set", "eth0", "up"]);
  await must([...here, "ip", "route", "add", "default", "via", "192.0.2.1"]);
}

async function startEngine(place: Place, within: readonly string[]): Promise<void> {
  const config = join(place.dir, "daemon.json");
  const isFirst = !readText(config).includes("runtimes");
  if (isFirst) {
    mkdirSync(join(place.dir, "docker-config/cli-plugins"), { recursive: true });
    const launcher = join(REPOSITORY, "bin/docker-cni");
    symlinkSync(launcher, join(place.dir, "docker-config/cli-plugins/docker-cni"));
    const own = daemonJson(place, {
      iptables: true,
      bridge: "none",
      runtimes: { cni: { path: launcher } },
      extra: {},
    });
    // The socket in the folder is for who stands outside the host.
    Object.assign(own, {
      hosts: ["unix:///run/docker.sock", `unix://${join(place.dir, "docker.sock")}`],
      pidfile: "/run/docker.pid",
      "exec-root": "/run/docker",
      "data-root": "/var/lib/docker",
    });
    writeFileSync(config, JSON.stringify(own, null, 2));
  }
  await startDaemon(place, { env: {}, privateFolders: [], within });
  const image = await run([...dockerArgv(place), "image", "inspect", "busybox"]);
  if (image.exitCode !== 0) await importBusybox(place);
}

/** What runs a command in a host: in all its namespaces, and its cgroup. */
function enter(lab: LabPlace, name: string): string[] {
  const init = initOf(lab, name);
  if (init === undefined) throw new Error(`the host ${name} does not run`);
  const namespaces = ["--mount", "--net", "--uts", "--ipc", "--pid", "--cgroup"];
  const target = ["nsenter", "--target", String(init), ...namespaces];
  return [...target, "--wd=/", "sh", join(INSIDE, "join"), "."];
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
