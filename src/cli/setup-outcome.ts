import { type Change, unifiedDiff } from "../setup/diff.ts";
import type { SetupOutcome } from "../setup/setup.ts";
import type { OperatorCall } from "./cli.ts";
import { colouredChange, symbol } from "./terminal.ts";

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
  const { file, done, reloaded, warnings } = outcome;
  const changes = outcome.changes.filter((change) => unifiedDiff(change).length > 0);
  // What is brought along is not read before it is there.
  const diff = changes.filter(({ path }) => path === file).flatMap(unifiedDiff);
  if (json) {
    const changed = changes.map(({ path }) => path);
    const told = { engine, name: name ?? null, file, dryRun, changed, done, reloaded, warnings };
    print(JSON.stringify(dryRun ? { ...told, diff: diff.join("\n") } : told, null, 2));
    return;
  }
  const nothing = changes.length + done.length === 0;
  const lines = [
    ...(dryRun ? wouldBe(changes, file, diff) : changes.map(isDone)),
    ...done.map((line) => (dryRun ? `would ${line}` : `${symbol("ok")} ${line}`)),
    ...(reloaded ? [`${symbol("ok")} dockerd has read its file`] : []),
    ...(nothing ? [`${symbol("ok")} ${file} is as it is wanted; nothing to do`] : []),
    ...warnings.map((warning) => `${symbol("warning")} ${warning}`),
  ];
  print(...lines);
}

function wouldBe(changes: readonly Change[], file: string, diff: readonly string[]): string[] {
  const others = changes.filter(({ path }) => path !== file);
  return [
    ...diff.map((line) => colouredChange(line)),
    ...others.map(({ path, after }) => `would ${after ? "make" : "remove"} ${path}`),
  ];
}

function isDone({ path, before, after }: Change): string {
  const what = before === undefined ? "made" : after === undefined ? "removed" : "changed";
  return `${symbol("ok")} ${path}: ${what}`;
}
