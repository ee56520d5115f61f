import { runPlugin } from "../cni/plugin/index.ts";
import { bridgePlugin } from "./plugin.ts";

/** The program under the plugin's name, called by whichever runtime. */
export async function runBridge(): Promise<never> {
  return runPlugin(bridgePlugin);
}
