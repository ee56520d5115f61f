import { spawn } from "node:child_process";
import type { SandboxContext } from "./context.ts";

/** Starts a command that nobody waits for, in a session of its own, without the streams and descriptors of this one. */
export function spawnDetached(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): void {
  const child = spawn(command, args, { cwd: "/", detached: true, stdio: "ignore", env });
  // What is not collected now is collected another time.
  child.on("error", () => {});
  child.unref();
}

/**
 * Has what is over collected by a process of its own, when there is anything or it is long since anybody looked. The
 * look itself waits until this process is idle, while the runtime and the plugins are at work.
 */
export function collectWhenIdle(context: SandboxContext, startGc: () => void): void {
  const look = async (): Promise<void> => {
    const { hasGarbage } = await import("../state/facts.ts");
    if (context.store.isSweepDue() || hasGarbage(context)) startGc();
  };
  setTimeout(() => void look(), IDLE_AFTER_MS).unref();
}

const IDLE_AFTER_MS = 15;
