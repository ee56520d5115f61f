import { errnoOf } from "../lib/errors.ts";

let isSet = false;

/** Ends the program in peace when who reads its output has read enough, as `head` does. */
export function endWithReader(): void {
  if (isSet) return;
  isSet = true;
  process.stdout.once("error", (error) => {
    if (errnoOf(error) !== "EPIPE") throw error;
    process.exit(0);
  });
}
