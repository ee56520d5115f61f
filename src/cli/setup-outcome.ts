import { unifiedDiff } from "../setup/diff.ts";
import type { SetupOutcome } from "../setup/setup.ts";
import type { OperatorCall } from "./cli.ts";
import { style, symbol, TAB } from "./terminal.ts";

export interface ShownAs {
  engine: string;
  name: string | undefined;
  dryRun: boolean;
  json: boolean;
}

/** Prints what an installation, or its removal, did or would do. */
export function printOutcome(
  { print }: OperatorCall,
  outcome: SetupOutcome,
  { engine, name, dryRun, json }: ShownAs,
): void {
  const { file, changes, done, reloaded, warnings } = outcome;
  const real = changes.filter((change) => unifiedDiff(change).length > 0);
  const changed = real.map(({ path }) => path);
  if (json) {
    const diff = real.flatMap(unifiedDiff).join("\n");
    const told = { engine, name: name ?? null, file, dryRun, changed, done, reloaded, warnings };
    print(JSON.stringify(dryRun ? { ...told, diff } : told, null, 2));
    return;
  }
  if (dryRun)
    print(...real.flatMap(unifiedDiff).map(coloured), ...done.map((line) => `would ${line}`));
  else {
    const lines = real.map(({ path, before, after }) => {
      const what = before === undefined ? "made" : after === undefined ? "removed" : "changed";
      return `${symbol("ok")} ${path}: ${what}`;
    });
    print(...lines, ...done.map((line) => `${symbol("ok")} ${line}`));
    if (reloaded) print(`${symbol("ok")} dockerd has read its file`);
  }
  if (changed.length + done.length === 0)
    print(`${symbol("ok")} ${file} is as it is wanted; nothing to do`);
  for (const warning of warnings) print(`${symbol("warning")} ${warning}`);
}

function coloured(shown: string): string {
  const line = shown.replaceAll("\t", TAB);
  if (line.startsWith("+")) return style(line, "green");
  return line.startsWith("-") ? style(line, "red") : line;
}
