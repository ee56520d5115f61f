import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { orphanProcesses } from "../../src/sandbox/orphan-processes.ts";
import { stateByFolder } from "../../src/state/running.ts";

function start(netns: string): ChildProcess {
  const env = { PATH: process.env.PATH, CNI_NETNS: netns };
  return spawn("sleep", ["60"], { env, stdio: "ignore" });
}

/** A container that no process is of. */
const NOBODY = { id: "0123456789abcdef", runtimeDir: "/nonexistent" };

test("a runtime that makes the container is ended, and not one that makes another or does something else", async () => {
  const dir = mkdtempSync(join(tmpdir(), "docker-cni-orphans-"));
  try {
    copyFileSync("/bin/busybox", join(dir, "runc"));
    const runtime = (...args: string[]): ChildProcess =>
      spawn(join(dir, "runc"), ["-c", "read -r line; exit", ...args], {
        argv0: "sh",
        stdio: ["pipe", "ignore", "ignore"],
      });
    const children = [runtime("create", "c1"), runtime("create", "c10"), runtime("start", "c1")];
    const [own, ...others] = children;
    await Promise.all(children.map((child) => once(child, "spawn")));
    await orphanProcesses().end("/run/netns/lf-none", { id: "c1", runtimeDir: join(dir, "c1") });
    expect(own?.signalCode).toBe("SIGKILL");
    expect(others.map(({ signalCode }) => signalCode)).toEqual([null, null]);
    for (const other of others) other.kill("SIGKILL");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

/** Field 22 of /proc/<pid>/stat. */
function startOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

test("the plugins that work on a namespace are ended, and no others", async () => {
  const [own, other] = [start("/run/netns/lf-none-1"), start("/run/netns/lf-none-10")];
  await Promise.all([once(own, "spawn"), once(other, "spawn")]);
  await expect
    .poll(() => readFileSync(`/proc/${own.pid}/environ`, "latin1"))
    .toContain("CNI_NETNS=/run/netns/lf-none-1\0");
  const ended = once(own, "exit");
  await orphanProcesses().end("/run/netns/lf-none-1", NOBODY);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(other.exitCode).toBeNull();
  expect(other.signalCode).toBeNull();
  other.kill("SIGKILL");
});

test.each([["--pid"], ["--mount"]])(
  "a container's process with that variable holds nobody up and lives on (unshare %s)",
  async (namespace) => {
    const netns = `/run/netns/lf-hostile${namespace}`;
    const env = { PATH: process.env.PATH, CNI_NETNS: netns };
    const args = [namespace, "--fork", "--kill-child", "sh", "-c", "echo up; exec sleep 60"];
    // Only what it starts has the variable.
    const argv = [
      "-u",
      "CNI_NETNS",
      "unshare",
      ...args.slice(0, 3),
      "env",
      `CNI_NETNS=${netns}`,
      ...args.slice(3),
    ];
    const hostile = spawn("env", argv, { env, stdio: ["ignore", "pipe", "ignore"] });
    await once(hostile.stdout ?? hostile, "data");
    const before = Date.now();
    await orphanProcesses().end(netns, NOBODY);
    expect(Date.now() - before).toBeLessThan(1000);
    expect(hostile.exitCode).toBeNull();
    expect(hostile.signalCode).toBeNull();
    hostile.kill("SIGKILL");
  },
);

describe("a container is running by its runtime's folder", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "docker-cni-runc-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test.each([
    {
      title: "when runc's process is alive",
      file: "state.json",
      content: () => ({ init_process_pid: process.pid, init_process_start: startOf(process.pid) }),
      state: "running",
    },
    {
      title: "not when its number is another process's now",
      file: "state.json",
      content: () => ({ init_process_pid: process.pid, init_process_start: 1 }),
      state: "stopped",
    },
    {
      title: "not when its process is gone",
      file: "state.json",
      content: () => ({ init_process_pid: 4_194_304, init_process_start: 1 }),
      state: "stopped",
    },
    {
      title: "when crun's process is alive",
      file: "status",
      content: () => ({ pid: process.pid }),
      state: "running",
    },
    {
      title: "and it is unclear when the file tells nothing yet",
      file: "state.json",
      content: () => ({}),
      state: "unclear",
    },
  ])("$title", ({ file, content, state }) => {
    writeFileSync(join(dir, file), JSON.stringify(content()));
    expect(stateByFolder(dir)).toBe(state);
  });

  test("is unclear when there is no file in it yet, and absent when there is no folder", () => {
    mkdirSync(join(dir, "new"));
    expect(stateByFolder(join(dir, "new"))).toBe("unclear");
    expect(stateByFolder(join(dir, "none"))).toBe("absent");
  });
});
