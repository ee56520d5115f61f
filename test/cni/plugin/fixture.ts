/**
 * A CNI plugin for tests, which does what its configuration says: `throw`, `bug` or `result`, `delegate` to the plugin of `ipam`.
 * It reports to stderr what each of its functions was given.
 */
import { CniError, type Result } from "../../../src/cni/index.ts";
import {
  delegateAdd,
  delegateCheck,
  delegateDel,
  delegateGc,
  delegateStatus,
  parsePrevResult,
  runPlugin,
  type CmdArgs,
} from "../../../src/cni/plugin/index.ts";

const { FIXTURE_ABOUT: about, FIXTURE_VERSIONS: versions } = process.env;

type Delegate = (args: CmdArgs, type: string | undefined) => Promise<unknown>;

async function act(args: CmdArgs, delegate: Delegate): Promise<unknown> {
  const { config } = args;
  console.error(JSON.stringify({ ...args, prev: parsePrevResult(config) }));
  if (config["linger"] === true) setInterval(() => undefined, 1000);
  if (typeof config["throw"] === "object") {
    throw new CniError({ kind: "invalid", msg: "", ...config["throw"] });
  }
  if (typeof config["bug"] === "string") throw new Error(config["bug"]);
  return config["delegate"] === true ? delegate(args, config.ipam?.type) : config["result"];
}

async function nothing(args: CmdArgs, delegate: Delegate): Promise<void> {
  await act(args, delegate);
}

await runPlugin({
  ...(about !== undefined && { about }),
  ...(versions !== undefined && { versions: versions.split(",") }),
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as a plugin in JavaScript, which returns anything
  add: async (args) => (await act(args, delegateAdd)) as Result,
  del: async (args) => nothing(args, delegateDel),
  ...(about !== "bare" && {
    check: async (args: CmdArgs) => nothing(args, delegateCheck),
    gc: async (args: CmdArgs) => nothing(args, delegateGc),
    status: async (args: CmdArgs) => nothing(args, delegateStatus),
  }),
});
