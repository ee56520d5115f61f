import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, run } from "../e2e/harness/shell.ts";
import { makeContainer, type Container } from "./container.ts";
import { runToExit } from "./exec.ts";
import type { Place } from "./place.ts";
import { findLoss, releaseName, reserving } from "./reservations.ts";

/** What is interrupted, and what has to be true afterwards. */
export interface Scenario {
  name: string;
  /** Makes the state in which the operation begins. */
  arrange: (container: Container, place: Place) => Promise<void>;
  /** The operation; it may fail. */
  act: (container: Container, place: Place) => Promise<void>;
  /** Ends what else was arranged. */
  tidy?: (container: Container, place: Place) => Promise<void>;
  /** Whether the container exists afterwards, with an address of before to come back to. */
  keeps: boolean;
  /**
   * Whether it changes the networks or ports of a container that stays: then what it has afterwards has to be what its record says,
   * while it runs and after its next start.
   */
  changes?: boolean;
  /** Says what is wrong afterwards, in the place of the usual; given the address of before. What it leaves is tidied. */
  prove?: (container: Container, place: Place, before: string | undefined) => Promise<string[]>;
  /** The programs of which the operation consists, each interrupted by itself. */
  targets: readonly string[];
}

/** Runs gc once, as an operator would. */
export async function gc(place: Place): Promise<void> {
  await runToExit([place.launcher, "--config", place.config, "--", "gc"], place);
}

/** Runs an operator's command; it may fail. */
async function verb(place: Place, ...words: string[]): Promise<void> {
  await runToExit([place.launcher, "--config", place.config, "--", ...words], place);
}

function createNetwork(place: Place): Promise<void> {
  return verb(place, "network", "create", "crashed", "--subnet", "10.198.77.0/24");
}

function commandLine(place: Place, ...words: string[]): string[] {
  return [place.launcher, "--config", place.config, "--", ...words];
}

export const scenarios: readonly Scenario[] = [
  {
    name: "create",
    arrange: async (container) => container.exist(),
    act: async (container) => void (await container.create()),
    keeps: false,
    targets: ["program", "ip", "bridge:ADD", "host-local:ADD", "portmap:ADD", "firewall:ADD"],
  },
  {
    name: "create that fails",
    arrange: async (container, place) => {
      container.exist();
      await must(["sh", "-c", `mv ${place.dir}/rootfs/bin/busybox ${place.dir}/rootfs/bin/away`]);
    },
    act: async (container, place) => {
      await container.create();
      await must(["sh", "-c", `mv ${place.dir}/rootfs/bin/away ${place.dir}/rootfs/bin/busybox`]);
    },
    keeps: false,
    targets: ["program"],
  },
  {
    name: "restart",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.stop();
    },
    act: async (container) => void (await container.create()),
    keeps: true,
    targets: ["program", "bridge:CHECK"],
  },
  {
    name: "restart with a lost namespace",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.stop();
      await must(["umount", `/run/netns/${container.id.slice(0, 12)}`]);
    },
    act: async (container) => void (await container.create()),
    keeps: true,
    targets: ["program", "ip", "bridge:DEL", "bridge:ADD", "firewall:DEL"],
  },
  {
    name: "gc",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.stop();
      container.remove();
    },
    act: (_, place) => gc(place),
    keeps: false,
    targets: ["program", "ip", "bridge:DEL", "host-local:DEL", "portmap:DEL", "firewall:DEL"],
  },
  {
    name: "gc that parks",
    arrange: async (container, place) => {
      container.exist();
      await container.start();
      await container.stop();
      writeFileSync(place.config, `${readFileSync(place.config, "utf8")}park_after: 1ms\n`);
    },
    act: (_, place) => gc(place),
    tidy: async (_, place) => {
      const text = readFileSync(place.config, "utf8");
      writeFileSync(place.config, text.replace("park_after: 1ms\n", ""));
    },
    keeps: true,
    targets: ["program", "ip"],
  },
  {
    name: "ports given back",
    arrange: async (container, place) => {
      container.exist();
      await container.start();
      await container.kill();
      stoppedLongAgo(container, place);
    },
    act: (_, place) => gc(place),
    keeps: true,
    targets: ["program", "portmap:DEL"],
  },
  {
    name: "ports taken again",
    arrange: async (container, place) => {
      container.exist();
      await container.start();
      await container.kill();
      stoppedLongAgo(container, place);
      await gc(place);
      await container.deleteForce();
    },
    act: async (container) => void (await container.create()),
    keeps: true,
    targets: ["program", "portmap:ADD", "bridge:CHECK"],
  },
  {
    name: "start as edited",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.stop();
      container.exist({ "cni.aliases": "db" });
    },
    act: async (container) => void (await container.create()),
    keeps: true,
    targets: ["program", "bridge:DEL", "bridge:ADD", "portmap:DEL"],
  },
  {
    name: "address asked for that a stopped one keeps",
    arrange: async (container, place) => {
      const holder = neighbourOf(container, place);
      holder.exist();
      await holder.start();
      const [address = ""] = (await holder.link()).split(" ");
      await holder.stop();
      container.exist({ "cni.ip": address });
    },
    act: async (container) => void (await container.create()),
    tidy: async (container, place) => {
      const holder = neighbourOf(container, place);
      // What is left of it comes back, with another address where it lost its own.
      await holder.start();
      await holder.deleteForce();
      holder.remove();
    },
    keeps: false,
    targets: ["program", "bridge:DEL", "host-local:DEL"],
  },
  {
    name: "connect",
    arrange: async (container) => {
      container.exist();
      await container.start();
    },
    act: (container, place) => verb(place, "connect", container.id, "second"),
    keeps: true,
    changes: true,
    targets: ["program", "ip", "bridge:ADD", "host-local:ADD", "portmap:ADD", "firewall:ADD"],
  },
  {
    name: "connect of a stopped container",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.stop();
    },
    act: (container, place) => verb(place, "connect", container.id, "second", "--default-route"),
    keeps: true,
    changes: true,
    targets: ["program", "ip", "bridge:ADD"],
  },
  {
    name: "disconnect",
    arrange: async (container, place) => {
      container.exist();
      await container.start();
      await verb(place, "connect", container.id, "second", "--default-route");
    },
    act: (container, place) => verb(place, "disconnect", container.id, "second"),
    keeps: true,
    changes: true,
    targets: ["program", "ip", "bridge:DEL", "host-local:DEL", "portmap:DEL", "firewall:DEL"],
  },
  {
    name: "publish",
    arrange: async (container) => {
      container.exist();
      await container.start();
    },
    act: ({ id, number }, place) => verb(place, "publish", id, `${30_000 + number}:81`),
    keeps: true,
    changes: true,
    targets: ["program", "portmap:DEL", "portmap:ADD"],
  },
  {
    name: "unpublish",
    arrange: async (container, place) => {
      container.exist();
      await container.start();
      await verb(place, "publish", container.id, `${30_000 + container.number}:81`);
    },
    act: ({ id, number }, place) => verb(place, "unpublish", id, String(20_000 + number)),
    keeps: true,
    changes: true,
    targets: ["program", "portmap:DEL", "portmap:ADD"],
  },
  {
    name: "network create",
    arrange: async (container) => container.exist(),
    act: (_, place) => createNetwork(place),
    tidy: async (_, place) => {
      // Whatever it has come to, it can be made, used and removed.
      await createNetwork(place);
      await must(commandLine(place, "network", "inspect", "crashed"), { env: place.env });
      await must(commandLine(place, "network", "rm", "crashed"), { env: place.env });
    },
    keeps: false,
    targets: ["program"],
  },
  {
    name: "network rm",
    arrange: async (container, place) => {
      container.exist();
      await createNetwork(place);
      // As its first container makes it, and a rule that was left.
      await must(["ip", "link", "add", "cni-crashed", "type", "bridge"]);
      const rule = ["-i", "cni-crashed", "-j", "ACCEPT"];
      await run(["iptables", "-N", "CNI-FORWARD"]);
      await must(["iptables", "-A", "CNI-FORWARD", ...rule]);
    },
    act: (_, place) => verb(place, "network", "rm", "crashed"),
    tidy: async (_, place) => {
      await must(commandLine(place, "network", "rm", "-f", "crashed"), { env: place.env });
    },
    keeps: false,
    targets: ["program"],
  },
  {
    name: "reserve",
    arrange: async (container) => {
      container.exist(reserving(container));
      await container.start();
      await container.stop();
      container.remove();
    },
    act: (_, place) => gc(place),
    prove: proveSuccessor,
    tidy: releaseName,
    keeps: true,
    targets: ["program", "portmap:DEL"],
  },
  {
    name: "adopt",
    arrange: async (container, place) => {
      await leaveReserved(neighbourOf(container, place), container);
      await gc(place);
      container.exist(reserving(container));
    },
    act: async (container) => void (await container.create()),
    prove: proveItself,
    tidy: endReserved,
    keeps: false,
    targets: ["program", "portmap:ADD", "bridge:CHECK"],
  },
  {
    name: "adopt with another request",
    arrange: async (container, place) => {
      await leaveReserved(neighbourOf(container, place), container);
      // The hook that its stop left behind has nothing more to do.
      await gc(place);
      container.exist({ ...reserving(container), "cni.aliases": "db" });
    },
    act: async (container) => void (await container.create()),
    prove: proveItself,
    tidy: endReserved,
    keeps: false,
    targets: ["program", "bridge:DEL", "host-local:DEL", "bridge:ADD", "host-local:ADD"],
  },
  {
    name: "release",
    arrange: async (container, place) => {
      container.exist(reserving(container));
      await container.start();
      await container.stop();
      container.remove();
      await gc(place);
    },
    act: (container, place) => releaseName(container, place),
    prove: async () => [],
    tidy: releaseName,
    keeps: false,
    targets: ["program", "ip", "bridge:DEL", "host-local:DEL"],
  },
  {
    name: "poststop hook of a stop",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.kill();
    },
    act: (container, place) => hook(container, place, "keep"),
    keeps: true,
    targets: ["hook"],
  },
  ...(["keep", "release", "wait"] as const).map((mode) => ({
    name: `poststop hook of a removal, ${mode}`,
    arrange: async (container: Container) => {
      container.exist();
      await container.start();
      await container.kill();
      container.remove();
    },
    act: (container: Container, place: Place) => hook(container, place, mode),
    keeps: false,
    targets: ["hook"],
  })),
  {
    name: "delete",
    arrange: async (container) => {
      container.exist();
      await container.start();
      await container.kill();
      container.remove();
    },
    act: async (container, place) => {
      await container.deleteForce();
      await settle(container, place);
    },
    keeps: false,
    targets: ["program"],
  },
];

/** A container of the name that was removed: what is reserved goes to `container`. */
async function leaveReserved(holder: Container, container: Container): Promise<void> {
  holder.exist(reserving(container));
  await holder.start();
  const [address = ""] = (await holder.link()).split(" ");
  reservedAddresses.set(container.number, address);
  await holder.stop();
  holder.remove();
}

/** By the number of the container that is to have them. */
const reservedAddresses = new Map<number, string>();

/** Another container of the name has the address of before. */
async function proveSuccessor(
  container: Container,
  place: Place,
  before: string | undefined,
): Promise<string[]> {
  const successor = neighbourOf(container, place);
  successor.exist(reserving(container));
  await successor.start();
  const lost = await findLoss(successor, place, before);
  await successor.deleteForce();
  successor.remove();
  await gc(place);
  return lost;
}

/** The container itself has the address that the one before had, whatever became of its first start. */
async function proveItself(container: Container, place: Place): Promise<string[]> {
  await container.deleteForce();
  await container.start();
  const before = reservedAddresses.get(container.number);
  return findLoss(container, place, before);
}

async function endReserved(container: Container, place: Place): Promise<void> {
  await container.deleteForce();
  container.remove();
  await gc(place);
  await releaseName(container, place);
}

/** A container by number, new in each point. */
export const containerOf = makeContainer;

/** Another container, on the same network. */
function neighbourOf({ number }: Container, place: Place): Container {
  return makeContainer(place, number + NEIGHBOURS);
}

/** More than there are points. */
const NEIGHBOURS = 10_000;

/** Has its container stopped at the boot: its ports are given back by the next who looks. */
function stoppedLongAgo({ id }: Container, { dir }: Place): void {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  writeFileSync(join(dir, "state/sandboxes", id, "stopped"), `${boot} 0\n`);
}

/** Runs the hook itself, under strace where the control file asks for it. */
async function hook(container: Container, place: Place, mode: string): Promise<void> {
  const sandbox = `${place.dir}/state/sandboxes/${container.id}`;
  const args = [mode, sandbox, container.dir, place.launcher, place.config];
  const script = `{ read -r target; read -r options; } <"$LF_CONTROL" 2>/dev/null
[ "$target" = hook ] || exec "$@"
: >"$LF_CONTROL"
exec strace $options "$@"`;
  await runToExit(["sh", "-c", script, "sh", place.hook, ...args], place);
  await settle(container, place);
}

/** Waits until what the hook left behind is at its end, or has nothing more to do. */
async function settle(container: Container, place: Place): Promise<void> {
  const isLeft = async (): Promise<boolean> =>
    (await run(["pgrep", "-f", `hooks/poststop .*${container.id}`])).exitCode === 0;
  const isThere = async (): Promise<boolean> =>
    (await run(["test", "-d", `${place.dir}/state/sandboxes/${container.id}`])).exitCode === 0;
  for (let tries = 0; tries < 20 && (await isLeft()) && (await isThere()); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
