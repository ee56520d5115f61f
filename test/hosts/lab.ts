import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { guard } from "../e2e/harness/guardian.ts";
import { waitFor } from "../e2e/harness/shell.ts";
import { type LabHost, labHost } from "./lab-host.ts";
import { claimLab, hostFolder, initCommand, INSIDE, type LabPlace, ROUTER } from "./place.ts";
import { takeDownLab } from "./take-down.ts";

export interface LabOptions {
  /** How many hosts. */
  count: number;
  packages: readonly string[];
}

/** Hosts on one LAN, which a router joins. */
export interface Lab {
  place: LabPlace;
  hosts: readonly LabHost[];
  stop: () => Promise<void>;
  /** Lets it live on when this process ends. */
  keep: () => void;
}

/** Starts a laboratory. It is taken down when this process ends, however it does, unless it is kept. */
export async function startLab({ count, packages }: LabOptions): Promise<Lab> {
  const names = "abcdefgh".slice(0, count).split("");
  const place = claimLab(names, packages);
  const callOff = guard(place.dir, join(import.meta.dirname, "end.ts"));
  const stop = () => takeDownLab(place.dir).finally(callOff);
  try {
    await startRouter(place);
    const hosts = names.map((name) => labHost(place, name));
    await Promise.all(hosts.map((host) => host.start()));
    return { place, hosts, stop, keep: callOff };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startRouter(place: LabPlace): Promise<void> {
  const [file, ...args] = [
    "sh",
    join(INSIDE, "join"),
    `${place.cgroup}/${ROUTER}`,
    "unshare",
    "--mount",
    "--net",
    "--uts",
    "--pid",
    "--kill-child",
    ...initCommand(place, ROUTER),
  ];
  const child = spawn(file, args, { detached: true, stdio: "ignore" });
  child.unref();
  const ready = join(hostFolder(place, ROUTER), "ready");
  await waitFor("the router is there", () => (existsSync(ready) ? true : undefined));
}
