import { endWithReader } from "./pipe.ts";
import { isObedient } from "./terminal.ts";

const EVERY_MS = 1000;
/** To the first line, and all below it cleared (ECMA-48). */
const TO_TOP = "\u001b[H\u001b[2J";

export interface WatchOptions {
  /** Ends the watch; without it nothing but a signal does. */
  until?: AbortSignal;
  everyMs?: number;
  /** Clears the terminal, where there is one. */
  clear?: () => void;
}

/** Prints what `read` gives at once and whenever it gives something else: on a terminal in the place of what was there. */
export async function watch(
  read: () => Promise<string[]>,
  print: (...lines: string[]) => void,
  { until, everyMs = EVERY_MS, clear = clearTerminal }: WatchOptions = {},
): Promise<void> {
  endWithReader();
  let shown: string | undefined;
  const isOver = (): boolean => until?.aborted === true;
  while (!isOver()) {
    const lines = await read();
    const text = lines.join("\n");
    if (text !== shown) {
      clear();
      print(...lines);
      shown = text;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function clearTerminal(): void {
  if (isObedient()) process.stdout.write(TO_TOP);
}
