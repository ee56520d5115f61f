import { parseNetworkList } from "../cni/index.ts";
import { pluginEnv } from "../cni/env.ts";
import { pluginStdin } from "../cni/stdin.ts";
import type { JsonObject } from "../lib/fields.ts";
import type { StartPlan } from "../runtime/plan.ts";
import { asking } from "../sandbox/asking.ts";
import { isAsked, runtimeConfOf } from "../sandbox/attach.ts";
import type { SandboxContext } from "../sandbox/context.ts";

/** A call of a plugin that a start makes. */
export interface PlannedCall {
  network: string;
  interface: string;
  plugin: string;
  command: "ADD" | "CHECK";
  /** The variables of the protocol; the engine's own environment goes with them. */
  env: Record<string, string>;
  /** What it reads from stdin. */
  stdin: JsonObject;
}

/** The calls of plugins that a start of this kind makes first, in their order. What an ADD hands on is not known before. */
export function plannedCalls(
  context: Pick<SandboxContext, "cni">,
  { kind, record }: StartPlan,
  pluginDirs: readonly string[],
): PlannedCall[] {
  const command = kind === "rejoin" ? "CHECK" : "ADD";
  return record.attachments.flatMap((attachment) => {
    const own = parseNetworkList(attachment.list);
    const plain = runtimeConfOf(record, attachment);
    const isAsking = command === "ADD" && isAsked(attachment);
    const [list, conf] = isAsking
      ? asking({ list: own, attachment, conf: plain }, { ips: "all", mac: true })
      : [own, plain];
    const { containerId, netns, ifName, cniArgs = [], capabilityArgs = {} } = conf;
    const parameters = { containerId, netns, ifName, cniArgs };
    const known =
      command === "CHECK" ? context.cni.cachedResult(list, { containerId, ifName }) : undefined;
    return list.plugins.map((plugin, place): PlannedCall => {
      const env = pluginEnv({}, { ...parameters, command, pluginDirs });
      const stdin: JsonObject = JSON.parse(
        pluginStdin(list, plugin, { capabilityArgs, prevResult: known }),
      );
      const before = list.plugins[place - 1];
      if (command === "ADD" && before !== undefined) {
        stdin["prevResult"] = `(what ${before.type} answers)`;
      }
      const entries = Object.entries(env).map(([key, value]) => [key, value ?? ""] as const);
      return {
        network: list.name,
        interface: ifName,
        plugin: plugin.type,
        command,
        env: Object.fromEntries(entries),
        stdin,
      };
    });
  });
}
