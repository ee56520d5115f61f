import type { PluginCall, PluginExit } from "../exec.ts";
import { answer } from "./answer.ts";
import type { Plugin } from "./plugin.ts";

/** Answers a runtime's call of a plugin in this very process, as the plugin's own process would: the same output and exit status. */
export async function runInProcess(plugin: Plugin, call: PluginCall): Promise<PluginExit> {
  const readStdin = (): Promise<string> => Promise.resolve(call.stdin);
  const { exitCode, stdout, stderr } = await answer(plugin, { env: call.env, readStdin });
  return { ended: "exited", exitCode, signal: null, stdout, stderr };
}
