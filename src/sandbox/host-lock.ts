import { dirname } from "node:path";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import type { Lock, LockMode } from "../state/lock.ts";
import type { AttachmentRecord } from "../state/record.ts";

/**
 * Runs an ordinary operation on attachments, beside those on other containers, and not while one runs alone.
 * Whoever holds a container's lock may wait here; nobody who works here waits for a container's lock.
 */
export function withSharedHostLock<T>(context: SandboxContext, work: () => Promise<T>): Promise<T> {
  return underLock(context, "shared", work);
}

/** Runs an operation that no other may come between, on any container: CNI GC, or DEL and ADD with the same addresses. */
export function withExclusiveHostLock<T>(
  context: SandboxContext,
  work: () => Promise<T>,
): Promise<T> {
  return underLock(context, "exclusive", work);
}

/** Runs ADD for attachments: alone where one of the networks is used for the first time in this boot. */
export async function withAddLock<T>(
  context: SandboxContext,
  attachments: readonly AttachmentRecord[],
  add: () => Promise<T>,
): Promise<T> {
  const { firstUse } = context;
  for (const mayWait of [false, true]) {
    if (firstUse.hasHappened(attachments)) break;
    const lock = mayWait ? await lockAll(context, "exclusive") : await lockAtOnce(context);
    if (lock === undefined) {
      // Another may be the first: all who wait for it go on at once when it is done.
      (await lockAll(context, "shared")).release();
      continue;
    }
    try {
      // Another may have been the first while this one waited.
      if (firstUse.hasHappened(attachments)) break;
      const result = await add();
      firstUse.note(attachments);
      return result;
    } finally {
      lock.release();
    }
  }
  return withSharedHostLock(context, add);
}

async function underLock<T>(
  context: SandboxContext,
  mode: LockMode,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await lockAll(context, mode);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function lockAtOnce({ store, locker }: SandboxContext): Promise<Lock | undefined> {
  store.prepareAll();
  return locker.lock(store.dir, "exclusive", 0, dirname(store.dir));
}

async function lockAll(context: SandboxContext, mode: LockMode): Promise<Lock> {
  const { store, locker, lockTimeoutMs } = context;
  store.prepareAll();
  const lock = await locker.lock(store.dir, mode, lockTimeoutMs, dirname(store.dir));
  if (lock !== undefined) return lock;
  throw new UserError(
    "BUSY",
    `an operation on the host's networks did not end within ${lockTimeoutMs / 1000} s`,
    { hint: "see what hangs with: ps -ef | grep -e docker-cni -e cni" },
  );
}
