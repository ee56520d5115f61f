import { expect, test } from "vitest";
import { callersEnvironment } from "../../src/runtime/environment.ts";

test.each([
  ["is the caller's own", { PATH: "/bin", A: "" }, { PATH: "/bin", A: "" }],
  [
    "has what the launcher put aside",
    { DOCKER_CNI_KEPT_BUN_OPTIONS: "--x", PATH: "/bin" },
    { BUN_OPTIONS: "--x", PATH: "/bin" },
  ],
  [
    "has nothing of what the launcher says to the engine",
    { BUN_JSC_useWarmUpMarkedBlocks: "0" },
    {},
  ],
  [
    "has what the caller said to another program's engine",
    { BUN_JSC_useWarmUpMarkedBlocks: "0", DOCKER_CNI_KEPT_BUN_JSC_useWarmUpMarkedBlocks: "1" },
    { BUN_JSC_useWarmUpMarkedBlocks: "1" },
  ],
])("the environment of commands %s", (_, env, expected) => {
  expect(callersEnvironment(env)).toEqual(expected);
});
