import { createTwoFilesPatch } from "diff";

/** What a file was and becomes; undefined: it is not there. */
export interface Change {
  path: string;
  before: Uint8Array | undefined;
  after: Uint8Array | undefined;
}

/** A unified diff (diff -u) of a change, line by line; empty where there is none. */
export function unifiedDiff({ path, before, after }: Change): string[] {
  const [from, to] = [textOf(before), textOf(after)];
  if (from === to && (before === undefined) === (after === undefined)) return [];
  const [old, fresh] = [before && path, after && path].map((name) => name ?? "/dev/null");
  const patch = createTwoFilesPatch(old ?? "", fresh ?? "", from, to, undefined, undefined, {
    context: 3,
    stripTrailingCr: false,
  });
  const lines = patch.split("\n").slice(0, -1);
  return lines.slice(lines.findIndex((line) => line.startsWith("--- ")));
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes).toString("utf8");
}
