import type { PlannedCall } from "./plan-calls.ts";
import type { PlannedValue } from "./plan-values.ts";
import { table } from "./table.ts";
import { colouredChange, style } from "./terminal.ts";

/** What `plan --json` prints. */
export interface Planned {
  id: string;
  name: string | null;
  /** The file or folder that was read. */
  from: string;
  /** `new`, `rejoin`, `rebuild`, `runtime-owned`; `unchanged`: the call is the low-level runtime's alone. */
  kind: string;
  reason: string;
  netns: string | null;
  notes: string[];
  values: PlannedValue[];
  /** A unified diff of config.json; empty where nothing changes. */
  config: string;
  calls: PlannedCall[];
}

/** What `plan` prints for people. */
export function describePlan(planned: Planned): string[] {
  const { id, name, from, kind, reason, netns, notes, values, config, calls } = planned;
  return [
    `Container  ${name ?? "(no name)"}`,
    `Id         ${id}`,
    `From       ${from}${from.endsWith("config.json") ? "" : " (no bundle before the start)"}`,
    `Plan       ${PLANS[kind] ?? kind}: ${reason}`,
    ...(netns === null ? [] : [`Namespace  ${netns}`]),
    ...notes.map((note) => `Note       ${note}`),
    "",
    ...table([["VALUE", "IS", "FROM"], ...values.map((each) => [each.value, each.is, each.from])]),
    ...(config === ""
      ? []
      : [
          "",
          style("config.json", "bold"),
          ...config.split("\n").map((line) => colouredChange(line)),
        ]),
    ...calls.flatMap(describeCall),
    ...(calls.length === 0
      ? []
      : ["", "At a start plugins and hooks have the engine's environment, PATH too."]),
  ];
}

const PLANS: Record<string, string | undefined> = {
  new: "a new network in a namespace that is made for it",
  rejoin: "the network that it kept, in its namespace",
  adopt: "the network that is reserved for its name",
  rebuild: "the network that it kept, built again in another namespace",
  "runtime-owned": "in the namespace that its runtime makes in its user namespace",
  unchanged: "passed to the low-level runtime unchanged",
};

function describeCall({
  network,
  interface: ifName,
  plugin,
  command,
  env,
  stdin,
}: PlannedCall): string[] {
  return [
    "",
    style(`${plugin} ${command}, network ${network}, interface ${ifName}`, "bold"),
    ...Object.entries(env).map(([key, value]) => `  ${key}=${value}`),
    ...JSON.stringify(stdin, null, 2)
      .split("\n")
      .map((line) => `  ${line}`),
  ];
}
