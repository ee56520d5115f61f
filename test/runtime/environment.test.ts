import { expect, test } from "vitest";
import { callersEnvironment, pluginEnvironment } from "../../src/runtime/environment.ts";

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

test.each([
  [
    "PATH, proxies and settings of the operator's",
    { PATH: "/bin", http_proxy: "p", KUBECONFIG: "k" },
  ],
  ["what only looks like a process's", { NAMESPACES: "a", MY_PWD: "/", LISTENER: "x" }],
])("plugins have %s", (_, env) => {
  expect(pluginEnvironment(env)).toEqual(env);
});

test.each(
  "PWD INVOCATION_ID LISTEN_FDS NOTIFY_SOCKET TTRPC_ADDRESS NAMESPACE CONTAINERD_X OTEL_SERVICE_NAME CNI_ARGS".split(
    " ",
  ),
)("plugins do not have %s, which belongs to one process", (name) => {
  expect(pluginEnvironment({ [name]: "x", PATH: "/bin" })).toEqual({ PATH: "/bin" });
});
