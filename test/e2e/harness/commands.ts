import { join } from "node:path";
import { dockerArgv, dockerEnv } from "./cli.ts";
import type { Place } from "./place.ts";
import { must, run, type CommandResult } from "./shell.ts";
import { NETNS_DIR, netnsName } from "./traces.ts";

/** What is seen of a container's interface from inside its network namespace. */
export interface Interface {
  /** IPv4 address without the length. */
  address: string;
  mac: string;
  /** Lines of `ip route`. */
  routes: string[];
}

/** The parts of `docker inspect` that the tests look at. */
export interface Inspected {
  Id: string;
  RestartCount: number;
  State: {
    Status: string;
    Pid: number;
    ExitCode: number;
    Error: string;
    Health?: { Status: string };
  };
}

/** The parts of a bundle's config.json that the tests look at. */
export interface Spec {
  hooks?: { poststop?: { path: string; args?: string[] }[] };
  linux: { namespaces: { type: string; path?: string }[] };
}

/** One element of `ip -j address show`. */
interface LinkJson {
  address: string;
  addr_info: { family: string; local: string }[];
}

/** Commands to the host's dockerd, and what they tell of a container. */
export function dockerCommands(place: Place) {
  const docker = (...args: string[]): Promise<CommandResult> =>
    run([...dockerArgv(place), ...args], { env: dockerEnv(place) });
  const ok = (...args: string[]): Promise<string> =>
    must([...dockerArgv(place), ...args], { env: dockerEnv(place) });
  const inspect = async (id: string): Promise<Inspected> => {
    const [found]: Inspected[] = JSON.parse(await ok("inspect", id));
    if (found === undefined) throw new Error(`docker inspect ${id} gave nothing`);
    return found;
  };
  return {
    /** Runs a docker command; never rejects. */
    docker,
    /** Runs a docker command that has to succeed; gives its stdout. */
    ok,
    inspect,
    /** Starts a container of the runtime `cni` that sleeps, and gives its id. */
    sleeper: async (...args: string[]): Promise<string> => {
      const always = ["--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];
      return (await ok("run", "-d", ...always, ...args, "busybox", "sleep", "3600")).trim();
    },
    /** The path of a container's named netns. */
    netns: (id: string): string => join(NETNS_DIR, netnsName(id)),
    /** The config.json that runc reads, while the container runs. */
    specPath: (id: string): string =>
      join(
        place.dir,
        "exec/containerd/daemon/io.containerd.runtime.v2.task/moby",
        id,
        "config.json",
      ),
    /** What a running container has as `ifname`. */
    interface: async (id: string, ifname = "eth0"): Promise<Interface> => {
      const { State } = await inspect(id);
      const ip = ["nsenter", `--net=/proc/${State.Pid}/ns/net`, "ip"];
      const json = await must([...ip, "-j", "address", "show", "dev", ifname]);
      const [link]: LinkJson[] = JSON.parse(json);
      const address = link?.addr_info.find((info) => info.family === "inet")?.local;
      if (link === undefined || address === undefined) throw new Error(`no address: ${json}`);
      const routes = (await must([...ip, "route", "show"])).split("\n").map((line) => line.trim());
      return { address, mac: link.address, routes };
    },
  };
}
