import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { attachNew } from "../../src/sandbox/life.ts";
import { reattach } from "../../src/sandbox/rebuild.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();

beforeEach(() => mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true }));

function fault(msg: string, code = 999): CniError {
  return new CniError({ kind: "plugin", msg, code });
}

const AWAY = fault("dial unix /run/agent.sock: connect: no such file or directory");

const STARTS = [
  { title: "a new container", addresses: [], start: attachNew },
  { title: "a kept one", addresses: attachment.addresses, start: reattach },
];

/** Starts a container whose network's plugins answer ADD with these errors first; gives what was done. */
async function starting(
  { addresses, start }: (typeof STARTS)[number],
  faults: CniError[],
  uptimeMs: number,
): Promise<string[]> {
  const { context, events, results } = bench.current;
  const attachments = [{ ...attachment, addresses }];
  const record = keptRecord(bench.current, { state: "creating", attachments });
  context.store.prepare(record.id);
  context.store.write(record);
  results.push(...faults);
  await start({ ...context, uptimeMs: () => uptimeMs }, record);
  return events.filter((event) => event === "ADD");
}

describe.each(STARTS)("early in a boot the start of $title", (row) => {
  test.each([
    { title: "cannot reach its daemon", error: AWAY },
    { title: "is refused by it", error: fault("dial tcp 127.0.0.1:6784: connection refused") },
    { title: "says to try again later", error: fault("not yet", 11) },
    { title: "is not available", error: fault("no agent", 50) },
    {
      title: "misses what its daemon writes",
      error: fault("open /run/flannel/subnet.env: no such file or directory"),
    },
  ])("waits for a plugin that $title", async ({ error }) => {
    expect(await starting(row, [error, error], 20_000)).toHaveLength(3);
  });

  test("waits as long as STATUS says that a plugin is not available", async () => {
    const answers = [fault("starting", 50), fault("starting", 50)];
    bench.current.context.cni.statusNetworkList = async () => {
      const answer = answers.shift();
      if (answer !== undefined) throw answer;
    };
    const words = fault("no interface");
    expect(await starting(row, [words, words], 20_000)).toHaveLength(3);
  });

  test("does not wait for one that refuses", async () => {
    const start = Date.now();
    const words = Array.from({ length: 4 }, () => fault("no such master"));
    await expect(starting(row, words, 20_000)).rejects.toThrow("no such master");
    expect(Date.now() - start).toBeLessThan(400);
  });
});

test.each(STARTS)("later the start of $title does not wait", async (row) => {
  const words = Array.from({ length: 4 }, () => AWAY);
  await expect(starting(row, words, 3_600_000)).rejects.toThrow("dial unix");
});
