import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lsCommand } from "../../src/cli/ls.ts";
import { parseConfig } from "../../src/config/load.ts";
import { processTracer } from "../../src/lib/trace.ts";
import { attachment, keptRecord, useBench } from "../sandbox/context.ts";

const bench = useBench();

async function ls(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const command = lsCommand({
    argv: ["ls", ...args],
    config: parseConfig("cni.yaml", ""),
    sandbox: bench.current.context,
    contextIn: () => bench.current.context,
    tracer: processTracer(),
    runtimePath: "",
    print: (...more) => lines.push(...more),
    exit: () => {},
  });
  await command.parseAsync(args, { from: "user" });
  return lines.join("\n");
}

test("an address that a network gave in the place of another is shown with the other", async () => {
  const { dir, context } = bench.current;
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  const moved = { ...attachment, formerAddresses: ["10.9.0.7/24"] };
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { attachments: [moved] }));
  expect(await ls()).toContain("10.9.0.2/24 (was 10.9.0.7/24)");
  expect(JSON.parse(await ls("--json"))).toMatchObject([
    { networks: [{ addresses: ["10.9.0.2/24"], formerAddresses: ["10.9.0.7/24"] }] },
  ]);
});
