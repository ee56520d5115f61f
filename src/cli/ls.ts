import { Command } from "commander";
import { viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { asJson } from "./container-json.ts";
import { collectOption, filterOf } from "./filter.ts";
import { describeViews, formatViews, idsOf } from "./ls-text.ts";
import { watch } from "./watch.ts";

interface LsOptions {
  json?: boolean;
  quiet?: boolean;
  /** False with `--no-trunc`. */
  trunc: boolean;
  format?: string;
  filter: string[];
  watch?: boolean;
}

/** `ls`: the networks of all containers, a line for each interface. */
export function lsCommand({ sandbox, print }: OperatorCall): Command {
  return new Command("ls")
    .option("-q, --quiet", "only show ids")
    .option("--no-trunc", "show ids whole, and every column")
    .option(
      "-f, --filter <key=value>",
      "only show containers of this name, id, network, address or state",
      collectOption,
      [],
    )
    .option("--format <template>", "print by a Go template, 'table TEMPLATE', or json")
    .option("--watch", "show it again whenever it changes, until interrupted")
    .option("--json", "print an array of objects, one a container")
    .action(async (options: LsOptions) => {
      const isWanted = filterOf(options.filter);
      const show = showing(options);
      const read = async (): Promise<string[]> =>
        show((await viewSandboxes(sandbox)).filter((view) => isWanted(view)));
      if (options.watch) await watch(read, print);
      else print(...(await read()));
    });
}

function showing({ json, quiet, format, trunc }: LsOptions): typeof describeViews {
  if (quiet) return (views) => idsOf(views, trunc);
  if (json) return (views) => [JSON.stringify(views.map(asJson), null, 2)];
  return format === undefined ? (views) => describeViews(views, trunc) : formatViews(format, trunc);
}
