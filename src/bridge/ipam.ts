import { CniError, errorCodes, type GcArgs, type Result } from "../cni/index.ts";
import {
  type CmdArgs,
  delegateAdd,
  delegateCheck,
  delegateDel,
  delegateGc,
  delegateStatus,
} from "../cni/plugin/index.ts";
import { nativeFlock, type TryFlock } from "../lib/libc.ts";
import { reserve } from "./host-local.ts";
import { type LocalRanges, readLocalRanges } from "./host-local-conf.ts";
import { allLeases, isOf, release, whileLocked } from "./leases.ts";

/**
 * Who gives the addresses: host-local's files, by its own rules and without its process, or the plugin that `ipam.type` names. A
 * network without `ipam` is of layer 2 alone.
 */
export const ipam = {
  async add(args: CmdArgs): Promise<Result> {
    const local = await localOf(args);
    if (local !== undefined) return reserve(local.ranges, args, local.tryFlock);
    const type = args.config.ipam?.type;
    return type ? delegateAdd(args, type) : { cniVersion: "1.1.0", ips: [] };
  },
  async del(args: CmdArgs): Promise<void> {
    const local = await localOf(args);
    if (local === undefined) return delegate(args, delegateDel);
    const { folder } = local.ranges;
    return whileLocked(folder, local.tryFlock, () => release(folder, (lease) => isOf(lease, args)));
  },
  async check(args: CmdArgs): Promise<void> {
    const local = await localOf(args);
    if (local === undefined) return delegate(args, delegateCheck);
    if ([...allLeases(local.ranges.folder)].some((lease) => isOf(lease, args))) return;
    const msg = `docker-cni-bridge: no file of ${local.ranges.folder} has an address of ${args.containerId}`;
    throw new CniError({ kind: "invalid", code: errorCodes.internal, msg });
  },
  async gc(args: CmdArgs & GcArgs): Promise<void> {
    const local = await localOf(args);
    if (local === undefined) return delegate(args, delegateGc);
    const { folder } = local.ranges;
    const { validAttachments } = args;
    return whileLocked(folder, local.tryFlock, () =>
      release(folder, (lease) => !validAttachments.some((valid) => isOf(lease, valid))),
    );
  },
  async status(args: CmdArgs): Promise<void> {
    if ((await localOf(args)) === undefined) await delegate(args, delegateStatus);
  },
};

async function localOf(
  args: CmdArgs,
): Promise<{ ranges: LocalRanges; tryFlock: TryFlock } | undefined> {
  const ranges = readLocalRanges(args);
  const tryFlock = ranges && (await nativeFlock());
  return ranges && tryFlock && { ranges, tryFlock };
}

async function delegate(args: CmdArgs, call: typeof delegateDel): Promise<void> {
  const type = args.config.ipam?.type;
  if (type) await call(args, type);
}
