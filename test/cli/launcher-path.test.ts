import { resolve } from "node:path";
import { expect, test } from "vitest";
import { launcherPath } from "../../src/cli/launcher-path.ts";

test.each([
  { called: "bin/docker-cni", launchers: [], is: resolve("bin/docker-cni") },
  { called: "./bin/../bin/docker-cni", launchers: ["/no/such"], is: resolve("bin/docker-cni") },
  {
    called: "bin/docker-cni",
    launchers: [resolve("bin/../bin/docker-cni")],
    is: resolve("bin/docker-cni"),
  },
])("the launcher that is called as $called has its whole path", ({ called, launchers, is }) => {
  expect(launcherPath(called, { launchers })).toBe(is);
});
