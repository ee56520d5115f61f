import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "./config.ts";
import { isErrno } from "./errno.ts";

/** What one private Docker host may call its own: everything that is taken down with it is named here. */
export interface Place {
  /** Temporary folder; its name carries `index` and is the claim on it. */
  dir: string;
  index: number;
  /** Name of the CNI network, unique on the machine. */
  network: string;
  /** Bridge of the CNI network; the plugin makes it. */
  bridge: string;
  /** First three bytes of every address of this host, `10.210.<index>`. */
  prefix: string;
  /** Addresses of the CNI network. */
  subnet: string;
  /** Docker's own bridge network: bridge name and the bridge's address. */
  dockerBridge: string;
  dockerBridgeAddress: string;
  /** cgroup of all the containers. */
  cgroup: string;
  /** Network namespace that dockerd and the plugins live in; undefined: the machine's own. */
  hostNetns: string | undefined;
}

const FOLDER = "docker-cni-host-";

/**
 * Claims an index that nobody uses, by making its folder, and gives the names and addresses that go with it.
 * Instances in one TMPDIR never share one; nor is one taken whose bridge exists already.
 */
export function claimPlace(ownNetns: boolean): Place {
  const start = process.pid % 250;
  for (let step = 0; step < 250; step += 1) {
    const index = (start + step) % 250;
    const place = placeAt(index, ownNetns);
    if (existsSync(`/sys/class/net/${place.bridge}`)) continue;
    try {
      mkdirSync(place.dir, { mode: 0o700 });
    } catch (error) {
      if (isErrno(error, "EEXIST")) continue;
      throw error;
    }
    writeFileSync(join(place.dir, "place.json"), JSON.stringify(place));
    return place;
  }
  throw new Error(`250 private Docker hosts already: see ${tmpdir()}/${FOLDER}*`);
}

/** The place that was claimed as this folder. */
export function readPlace(dir: string): Place {
  const place: Place = JSON.parse(readFileSync(join(dir, "place.json"), "utf8"));
  return place;
}

/** Folders of the hosts of this checkout that were told to outlive the process that started them. */
export function keptHosts(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(FOLDER))
    .map((name) => join(tmpdir(), name))
    .filter((dir) => existsSync(join(dir, "kept")))
    .filter((dir) => readFileSync(join(dir, "kept"), "utf8") === REPOSITORY);
}

function placeAt(index: number, ownNetns: boolean): Place {
  const prefix = `10.210.${index}`;
  return {
    dir: join(tmpdir(), `${FOLDER}${index}`),
    index,
    network: `e2e${index}`,
    bridge: `dcni${index}`,
    prefix,
    subnet: `${prefix}.0/25`,
    dockerBridge: `dcni${index}d`,
    dockerBridgeAddress: `${prefix}.129/25`,
    cgroup: `docker-cni-host-${index}`,
    hostNetns: ownNetns ? `dcni-host-${index}` : undefined,
  };
}
