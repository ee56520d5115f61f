import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "./harness/config.ts";
import { describe, expect, test } from "vitest";
import { listProcesses } from "./harness/processes.ts";
import { run, waitFor } from "./harness/shell.ts";

const DEMO = [process.execPath, join(import.meta.dirname, "demo.ts")];

/** The folder of the demo's private Docker host, from what the demo prints first. */
function folderIn(output: string): string | undefined {
  return /DOCKER_HOST=unix:\/\/(\S+)\/docker\.sock/.exec(output)?.[1];
}

function isDown(folder: string): boolean {
  return (
    !existsSync(folder) && !listProcesses().some(({ command }) => command.includes(`${folder}/`))
  );
}

/** Starts the demo, sends it a signal once its first container is shown, and gives how it ended. */
async function interruptDemo(signal: "SIGINT" | "SIGKILL") {
  const [file = "", ...args] = DEMO;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await waitFor("the demo shows an address", () => (output.includes("inet ") ? true : undefined));
  child.kill(signal);
  const exitCode = await ended;
  const folder = folderIn(output);
  if (folder === undefined) throw new Error(output);
  return { exitCode, folder };
}

describe("the demo", () => {
  test("shows address, netns, hook, reachability, the same address after a restart, and nothing left", async () => {
    const { stdout, exitCode } = await run(DEMO);
    expect(stdout).toMatch(/inet 10\.210\.\d+\.2\/25/);
    expect(stdout).toMatch(/"path": "\/run\/netns\/[0-9a-f]{12}"/);
    expect(stdout).toContain("hooks/poststop");
    expect(stdout).toContain("2 packets received");
    expect(stdout).toContain("hello from one");
    expect(stdout).toContain("is left of them");
    expect(exitCode).toBe(0);
    expect(isDown(folderIn(stdout) ?? "")).toBe(true);
  });

  test("takes everything down on Ctrl-C", async () => {
    const { exitCode, folder } = await interruptDemo("SIGINT");
    expect(exitCode).toBe(130);
    expect(isDown(folder)).toBe(true);
  });

  test("has everything taken down when it is killed", async () => {
    const { folder } = await interruptDemo("SIGKILL");
    await expect.poll(() => isDown(folder), { timeout: 20_000 }).toBe(true);
  });

  test("leaves the host running with --keep, for --down to take it down", async () => {
    const kept = await run([...DEMO, "--keep"]);
    const folder = folderIn(kept.stdout) ?? "";
    const host = ["--host", `unix://${folder}/docker.sock`];
    const options = ["--rm", "--runtime", "cni", "--net", "none"];
    const play = await run(["docker", ...host, "run", ...options, "busybox", "true"]);
    const down = await run([...DEMO, "--down"]);
    expect(kept.stdout).toContain("npm run demo -- --down");
    expect(play).toMatchObject({ exitCode: 0, stderr: "" });
    expect(down.stdout).toContain(folder);
    expect(isDown(folder)).toBe(true);
  });

  test.each([
    ["another checkout's", "/another/checkout", false],
    ["its own", REPOSITORY, true],
  ])("takes down with --down what is %s: %s, %s", async (_, checkout, isTaken) => {
    const tmp = mkdtempSync(join(tmpdir(), "docker-cni-demo-"));
    const folder = join(tmp, "docker-cni-host-1");
    mkdirSync(folder);
    writeFileSync(join(folder, "kept"), checkout);
    const env = { PATH: process.env["PATH"] ?? "", TMPDIR: tmp };
    const { stdout } = await run([...DEMO, "--down"], { env });
    expect(stdout).toBe(isTaken ? `Taken down: ${folder}` : "Nothing was kept.");
    rmSync(tmp, { recursive: true });
  });
});
