import type { CniError } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { sweep } from "./gc.ts";
import type { SandboxRecord } from "../state/record.ts";

/** How long an ADD that failed waits for what others are about to release, ms. */
const ROOM_WAIT_MS = 5000;

/**
 * Whether an ADD that failed may do better now: something was released, by this process or since `changedAt` by another, or
 * stopped containers made room on a bridge, or
 * the error was a lease of its own, or a bridge that an ADD which failed left without a MAC.
 */
export async function mayRetryAdd(
  context: SandboxContext,
  record: SandboxRecord,
  { error, changedAt }: { error: CniError; changedAt: number | undefined },
): Promise<boolean> {
  if (error.kind !== "plugin" && error.kind !== "exit") return false;
  const outcomes = await sweep(context, { except: record.id, waitMs: ROOM_WAIT_MS });
  const hasRoom =
    (await parkIfFull(context, record, error)) ||
    outcomes.some(({ outcome }) => outcome === "released") ||
    context.store.changedAt() !== changedAt ||
    /duplicate allocation|could not set bridge's mac/.test(error.msg);
  if (!hasRoom) return false;
  context.log.warn({ container: record.id, step: "add", err: error }, "tried once more");
  return true;
}

/** A bridge that has no port left (EXFULL) has those of stopped containers: whether any gave up theirs. */
async function parkIfFull(
  context: SandboxContext,
  record: SandboxRecord,
  { msg, details = "" }: CniError,
): Promise<boolean> {
  if (!/exchange full|as many ports as a bridge can have/i.test(`${msg} ${details}`)) return false;
  const { parkLongest } = await import("./park.ts");
  return (await parkLongest(context, record)) > 0;
}
