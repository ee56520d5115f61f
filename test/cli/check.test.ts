import { expect, test } from "vitest";
import { healCommand } from "../../src/cli/check.ts";
import { useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

test.each([
  { args: ["web", "--watch"], told: /heal --watch goes with no "web"/ },
  { args: ["--watch", "--json"], told: /heal --watch goes with no "--json"/ },
])("heal $args is refused", async ({ args, told }) => {
  const { call } = operatorCall(bench.current.context, {
    contextOver: () => {
      throw new Error("it watches");
    },
  });
  await expect(healCommand(call).parseAsync(args, { from: "user" })).rejects.toThrow(told);
});
