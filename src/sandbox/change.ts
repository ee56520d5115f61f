import { existsSync } from "node:fs";
import { UserError } from "../lib/errors.ts";
import { isOver } from "../state/assess.ts";
import { assessNow } from "../state/facts.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { readOrRecover } from "./life.ts";
import { settleChanges } from "./settle.ts";

/** A sandbox whose lock is held, to be changed while its container exists. */
export interface Changeable {
  record: SandboxRecord;
  /** The container as messages name it. */
  name: string;
  isRunning: boolean;
  /** Whether its attachments are as they were made. Those of a stopped container may be yet to be built again. */
  isWhole: boolean;
}

/**
 * Runs `work` with the sandbox `id` under its lock, after changes that were cut short are at their end. Throws BUSY, NO_SUCH_CONTAINER
 * where nobody needs it any more, and BAD_REQUEST where its container runs without its network.
 */
export async function changeSandbox<T>(
  context: SandboxContext,
  id: string,
  work: (sandbox: Changeable) => Promise<T>,
): Promise<T> {
  const { store, locker, lockTimeoutMs } = context;
  const lock = await locker.lock(store.pathOf(id), "exclusive", lockTimeoutMs);
  if (lock === undefined) throw existsSync(store.pathOf(id)) ? busy(id, lockTimeoutMs) : gone(id);
  try {
    const record = await readOrRecover(context, id);
    if (record === undefined) throw gone(id);
    const { life, network, facts } = assessNow(context, record);
    if (isOver({ life })) throw gone(nameOfNow(record) ?? id);
    await settleChanges(context, record);
    const name = nameOfNow(record) ?? id.slice(0, 12);
    const isRunning = facts.process === "running";
    const isWhole = network === "whole";
    if (isRunning && !isWhole) throw broken(name);
    return await work({ record, name, isRunning, isWhole });
  } finally {
    lock.release();
  }
}

function busy(id: string, timeoutMs: number): UserError {
  return new UserError(
    "BUSY",
    `another operation on the network of ${id} did not end within ${timeoutMs / 1000} s`,
    { hint: "see what hangs with: ps -ef | grep -e docker-cni -e cni" },
  );
}

function gone(name: string): UserError {
  return new UserError("NO_SUCH_CONTAINER", `the container ${name} is gone`, {
    hint: "see them with: docker-cni ls",
  });
}

function broken(name: string): UserError {
  return new UserError("BAD_REQUEST", `container ${name} runs, and its network is not complete`, {
    hint: `build it again first: docker-cni heal ${name}`,
  });
}
