import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readIptables } from "../e2e/harness/iptables.ts";
import { must, type CommandResult } from "../e2e/harness/shell.ts";
import { runToExit } from "./exec.ts";
import type { Place } from "./place.ts";

/** A container that is driven by hand, as Docker and its shim would. */
export interface Container {
  id: string;
  number: number;
  /** The engine's own folder of it. */
  dir: string;
  /** As `docker create` does, with annotations. */
  exist: (annotations?: Record<string, string>) => void;
  /** As `docker rm` does in the end. */
  remove: () => void;
  /** The runtime's `create`, as the shim calls it, and what follows when that fails. */
  create: () => Promise<CommandResult>;
  /** `create` and `start`; rejects when they fail. */
  start: () => Promise<void>;
  /** Kills it, and waits until the runtime has forgotten it. */
  stop: () => Promise<void>;
  /** Kills it, and leaves the runtime's `delete` to others. */
  kill: () => Promise<void>;
  /** The runtime's `delete --force`, as the shim calls it after a failure. */
  deleteForce: () => Promise<void>;
  /** What its namespace has: `address/length` and MAC. */
  link: () => Promise<string>;
  /** How many rules lead from its port of the host to it. */
  publications: () => Promise<number>;
}

export function makeContainer(place: Place, number: number): Container {
  const id = createHash("sha256").update(`${place.dir} ${number}`).digest("hex");
  const dir = join(place.containers, id);
  const bundle = join(place.dir, "bundles", id);
  const globals = ["--root", join(place.dir, "runc"), "--log", join(place.dir, "runc.log")];
  const runtime = (...args: string[]): Promise<CommandResult> =>
    runToExit(
      [place.launcher, "--config", place.config, "--runtime-path", RUNC, "--", ...globals, ...args],
      place,
    );
  const hostPort = 20_000 + number;
  const deleteForce = async (): Promise<void> => {
    await runtime("delete", "--force", id);
  };
  const container: Container = {
    id,
    number,
    dir,
    exist(annotations = {}) {
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "hosts"), "127.0.0.1 localhost\n");
      const hostConfig = {
        NetworkMode: "none",
        Annotations: annotations,
        PortBindings: { "80/tcp": [{ HostPort: String(hostPort) }] },
      };
      writeFileSync(join(dir, "hostconfig.json"), JSON.stringify(hostConfig));
      writeFileSync(
        join(dir, "config.v2.json"),
        JSON.stringify({ ID: id, Name: `/c${number}`, Config: {} }),
      );
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
    create() {
      rmSync(bundle, { recursive: true, force: true });
      mkdirSync(bundle, { recursive: true });
      writeFileSync(join(bundle, "config.json"), JSON.stringify(spec(place, id, dir)));
      return runtime("create", "--bundle", bundle, id);
    },
    async start() {
      const created = await container.create();
      if (created.exitCode !== 0)
        throw new Error(`create: ${created.stderr}${created.stdout}${await lastLog(place)}`);
      const started = await runtime("start", id);
      if (started.exitCode !== 0) throw new Error(`start: ${started.stderr}`);
    },
    async stop() {
      await container.kill();
      await runtime("delete", id);
    },
    async kill() {
      await runtime("kill", id, "KILL");
      for (let tries = 0; tries < 200; tries++) {
        const { stdout, exitCode } = await runtime("state", id);
        if (exitCode !== 0 || stdout.includes('"stopped"')) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error("kill: it does not end");
    },
    deleteForce,
    async link() {
      const json = await must(["ip", "-n", id.slice(0, 12), "-j", "address", "show", "eth0"]);
      const [found]: { address: string; addr_info: { family: string; local: string }[] }[] =
        JSON.parse(json);
      const address = found?.addr_info.find(({ family }) => family === "inet")?.local;
      return `${address} ${found?.address}`;
    },
    async publications() {
      const rules = await readIptables([]);
      const isIt = new RegExp(`--dport ${hostPort} .*-j DNAT`);
      return rules.filter(({ family, text }) => family === "iptables" && isIt.test(text)).length;
    },
  };
  return container;
}

const RUNC = "/usr/sbin/runc";

async function lastLog({ dir }: Place): Promise<string> {
  return must(["tail", "-n", "1", join(dir, "runc.log")]).catch(() => "");
}

function spec({ dir }: Place, id: string, containerDir: string): unknown {
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/bin/busybox", "sleep", "600"],
      env: ["PATH=/bin"],
      cwd: "/",
    },
    root: { path: join(dir, "rootfs"), readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      // Where it is the image's own, newer versions of runc refuse to make its links a second time.
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/etc/hosts",
        type: "bind",
        source: join(containerDir, "hosts"),
        options: ["rbind", "rprivate"],
      },
    ],
    linux: {
      cgroupsPath: `/${basename(dir)}/${id}`,
      namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
    },
  };
}
