import type { NetworkList } from "../cni/index.ts";
import {
  describeResult,
  describeSkipped,
  describeSum,
  describeTimes,
  type Signs,
} from "../prove/report.ts";
import type { NetworkReport, Result } from "../prove/run.ts";
import { type Spinner, spinner, style, symbol } from "./terminal.ts";

/** Shows a test while it runs: a line or more for each check as soon as it is known. */
export function progress(print: (...lines: string[]) => void) {
  const signs: Signs = {
    ok: symbol("ok"),
    note: symbol("warning"),
    fail: symbol("error"),
    skip: style("-", "dim"),
  };
  let turning: Spinner | undefined;
  const stop = (): void => {
    turning?.stop();
    turning = undefined;
  };
  let skipped: Result[] = [];
  let isFirst = true;
  /** Checks that are skipped for one reason are told of together. */
  const flush = (): void => {
    if (skipped.length > 0) print(...describeSkipped(skipped, signs));
    skipped = [];
  };
  return {
    network({ name, plugins }: NetworkList): void {
      if (!isFirst) print("");
      isFirst = false;
      print(`network ${name}: ${plugins.map(({ type }) => type).join(", ")}`);
    },
    start(name: string): void {
      stop();
      turning = spinner(name);
    },
    result(result: Result): void {
      stop();
      if (skipped.length > 0 && skipped[0]?.detail !== result.detail) flush();
      if (result.status === "skip") skipped.push(result);
      else {
        flush();
        print(...describeResult(result, signs));
      }
    },
    stop,
    report({ times, kept }: NetworkReport): void {
      stop();
      flush();
      print(...describeTimes(times));
      if (kept.length > 0) {
        print(`  kept until the next test or gc: ${kept.join(", ")}`);
        print(`  look inside with: ip netns exec ${kept[0]} ip address`);
      }
    },
    end: (reports: readonly NetworkReport[]): void => print("", describeSum(reports)),
  };
}
