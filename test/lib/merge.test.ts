import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { merge } from "../../src/lib/merge.ts";

async function* after(turns: number, ...values: string[]): AsyncGenerator<string> {
  for (const value of values) {
    for (let left = turns; left > 0; left -= 1) await turn();
    yield value;
  }
}

async function* never(): AsyncGenerator<string> {
  await new Promise(() => {});
  yield "never";
}

test("what two sources give comes as it comes, and it ends with the first that ends", async () => {
  const seen: string[] = [];
  for await (const value of merge(after(1, "a", "b", "c"), never())) seen.push(value);
  expect(seen).toEqual(["a", "b", "c"]);
});

test("what comes while another is worked on is not lost", async () => {
  const seen: string[] = [];
  for await (const value of merge(after(1, "a", "b", "c"), after(3, "x", "y"))) {
    for (let left = 4; left > 0; left -= 1) await turn();
    seen.push(value);
  }
  expect(seen).toContain("x");
});

test("a source that fails ends it with its error", async () => {
  const failing = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("it has ended")) }),
  };
  const all = async (): Promise<void> => {
    for await (const _ of merge(failing, never()));
  };
  await expect(all()).rejects.toThrow("it has ended");
});
