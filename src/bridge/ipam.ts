import type { Result } from "../cni/index.ts";
import {
  type CmdArgs,
  delegateAdd,
  delegateCheck,
  delegateDel,
  delegateGc,
  delegateStatus,
} from "../cni/plugin/index.ts";

/** Who gives the addresses: the plugin that `ipam.type` names. A network without one is of layer 2 alone. */
export const ipam = {
  async add(args: CmdArgs): Promise<Result> {
    const type = args.config.ipam?.type;
    return type ? delegateAdd(args, type) : { cniVersion: "1.1.0", ips: [] };
  },
  del: (args: CmdArgs): Promise<void> => delegate(args, delegateDel),
  check: (args: CmdArgs): Promise<void> => delegate(args, delegateCheck),
  gc: (args: CmdArgs): Promise<void> => delegate(args, delegateGc),
  status: (args: CmdArgs): Promise<void> => delegate(args, delegateStatus),
};

async function delegate(args: CmdArgs, call: typeof delegateDel): Promise<void> {
  const type = args.config.ipam?.type;
  if (type) await call(args, type);
}
