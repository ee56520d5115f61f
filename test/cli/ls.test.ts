import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lsCommand } from "../../src/cli/ls.ts";
import { attachment, keptRecord, useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

async function ls(...args: string[]): Promise<string> {
  const { call, lines } = operatorCall(bench.current.context);
  await lsCommand(call).parseAsync(args, { from: "user" });
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
