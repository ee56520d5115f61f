import { spawnSync } from "node:child_process";
import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import type { OperatorCall } from "./cli.ts";

/** `version`: of docker-cni, and of the low-level runtime that makes its containers (`--version` is that one's own). */
export function versionCommand({ runtimePath, print }: OperatorCall): Command {
  return new Command("version")
    .description("tell the versions of docker-cni and of the low-level runtime")
    .option("--json", "print an object: version, runtime, runtimeVersion")
    .action(({ json }: { json?: boolean }) => {
      const { version } = manifest;
      const runtimeVersion = versionOf(runtimePath);
      if (json) {
        const runtime = runtimePath || null;
        print(
          JSON.stringify({ version, runtime, runtimeVersion: runtimeVersion ?? null }, null, 2),
        );
        return;
      }
      print(`docker-cni version ${version}`);
      if (runtimePath === "") print("no low-level runtime: neither runc nor crun is on PATH");
      else print(`low-level runtime ${runtimePath}: ${runtimeVersion ?? "it does not tell"}`);
    });
}

/** The first line that a runtime answers to `--version`. */
function versionOf(runtimePath: string): string | undefined {
  if (runtimePath === "") return undefined;
  const { stdout } = spawnSync(runtimePath, ["--version"], {
    stdio: ["ignore", "pipe", "ignore"],
    encoding: "utf8",
    timeout: 5000,
  });
  return stdout?.split("\n").find((line) => line !== "");
}
