export type { DelegateOptions } from "./delegate.ts";
export { delegateAdd, delegateCheck, delegateDel, delegateGc, delegateStatus } from "./delegate.ts";
export { runInProcess } from "./in-process.ts";
export type { CmdArgs } from "./cmd-args.ts";
export type { PluginConf } from "./plugin-conf.ts";
export { parsePrevResult } from "./plugin-conf.ts";
export type { Plugin } from "./plugin.ts";
export { runPlugin } from "./run.ts";
