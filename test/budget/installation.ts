import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { shippedYaml } from "../e2e/harness/config.ts";
import { fileRuntimeNotes, RUNTIME_NOTES } from "../../src/state/runtime-notes.ts";
import { buildExecutable } from "../../packaging/executable.ts";

export const REPOSITORY = join(import.meta.dirname, "../..");

/** The container that is made; its id tells that it is nobody else's. */
const ID = "b0d9e7".padEnd(64, "0");
const NETNS = `/run/netns/${ID.slice(0, 12)}`;

const RESULT = JSON.stringify({
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: NETNS }],
  ips: [{ address: "10.206.1.2/24", interface: 0 }],
  dns: {},
});

/** Commands that write their name down and do nothing else; `bridge` is the network's plugin. */
const COMMANDS: Record<string, string> = {
  flock: "",
  ip: "",
  unshare: "",
  sleep: 'while [ -e "${0%/*}/../sleeps" ]; do /bin/sleep 0.05; done',
  runc: "",
  bridge: `[ "$CNI_COMMAND" != ADD ] || echo '${RESULT}'`,
};

export type Installation = ReturnType<typeof install>;

/** docker-cni in a folder of its own, whose commands, plugins and runtime only note that they were run. */
export function install() {
  const dir = mkdtempSync(join(tmpdir(), "docker-cni-budget-"));
  const notes = join(dir, "notes");
  for (const folder of ["commands", "bundle", "net.d", `containers/${ID}`, `root/${ID}`]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  for (const [name, action] of Object.entries(COMMANDS)) {
    const file = join(dir, "commands", name);
    writeFileSync(file, `#!/bin/sh\necho ${name} >>${notes}\n${action}\n`);
    chmodSync(file, 0o755);
  }
  cpSync(join(REPOSITORY, "bin"), join(dir, "bin"), { recursive: true });
  cpSync(join(REPOSITORY, "hooks"), join(dir, "hooks"), { recursive: true });
  buildExecutable(join(dir, "dist/docker-cni"));
  writeContainer(dir);
  // The folder of names has to be a mount already, as it is from the first container on.
  const name = `budget-${process.pid}`;
  execFileSync("ip", ["netns", "add", name]);
  execFileSync("ip", ["netns", "delete", name]);

  const env = { PATH: join(dir, "commands") };
  const options = ["--config", join(dir, "cni.yaml"), "--runtime-path", join(dir, "commands/runc")];
  const create = ["--root", join(dir, "root"), "create", "--bundle", join(dir, "bundle"), ID];
  const run = (command: string, args: readonly string[]): void => {
    rmSync(notes, { force: true });
    const { status, stderr, error } = spawnSync(command, args, {
      env,
      encoding: "utf8",
      timeout: 5000,
    });
    if (error !== undefined) throw error;
    if (status !== 0 || stderr !== "") throw new Error(`${command}: ${status} ${stderr}`);
  };
  return {
    dir,
    /** The commands that were run by the last call, in order. */
    commandsRun: (): string[] =>
      existsSync(notes) ? readFileSync(notes, "utf8").split("\n").filter(Boolean) : [],
    /** Runs the launcher. */
    call: (...args: string[]): void =>
      run(join(dir, "bin/docker-cni"), [...options, "--", ...args]),
    create,
    hook: (mode: string, sandbox: string): void =>
      run(join(dir, "hooks/poststop"), [mode, sandbox, dir, join(dir, "bin/docker-cni"), ""]),
    /** The program's own call that makes the container, without the launcher. */
    program: [
      join(dir, "dist/docker-cni"),
      `--hooks=${join(dir, "hooks")}`,
      `--launcher=${join(dir, "bin/docker-cni")}`,
      `--config=${join(dir, "cni.yaml")}`,
      `--runtime-path=${join(dir, "commands/runc")}`,
      "--",
      ...create,
    ],
    env,
    /** Forgets the container. */
    reset: (): void => {
      removeTraces(dir);
      rmSync(join(dir, "state/sandboxes"), { recursive: true, force: true });
      writeContainer(dir);
    },
    remove: (): void => {
      removeTraces(dir);
      rmSync(dir, { recursive: true });
    },
  };
}

function removeTraces(dir: string): void {
  fileRuntimeNotes(RUNTIME_NOTES).remove({ root: join(dir, "root"), id: ID });
  if (existsSync(NETNS)) execFileSync("ip", ["netns", "delete", basename(NETNS)]);
  rmSync(join("/run/docker-cni/netns", basename(NETNS)), { force: true });
}

function writeContainer(dir: string): void {
  const write = (file: string, value: unknown): void =>
    writeFileSync(join(dir, file), JSON.stringify(value));
  const container = join(dir, "containers", ID);
  const settings = {
    cni_conf_dir: join(dir, "net.d"),
    cni_bin_dir: join(dir, "commands"),
    cni_log: join(dir, "log"),
    state_dir: join(dir, "state"),
  };
  writeFileSync(join(dir, "cni.yaml"), shippedYaml(settings));
  write("net.d/10-budget.conflist", {
    cniVersion: "1.0.0",
    name: "budget",
    plugins: [{ type: "bridge" }],
  });
  write("bundle/config.json", {
    ociVersion: "1.0.2",
    linux: { namespaces: [{ type: "network" }] },
    mounts: [{ destination: "/etc/hosts", source: join(container, "hosts") }],
    hooks: { prestart: [{ path: "/bin/true", args: ["libnetwork-setkey"] }] },
  });
  write(`containers/${ID}/hostconfig.json`, { NetworkMode: "none" });
  write(`containers/${ID}/config.v2.json`, { ID, Name: "/budget", Config: {} });
  writeFileSync(join(container, "hosts"), "127.0.0.1 localhost\n");
}
