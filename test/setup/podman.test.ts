import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { installPodman, uninstallPodman } from "../../src/setup/podman.ts";
import { useHost } from "./fake-host.ts";

const bench = useHost();

const dropIn = (name: string) =>
  join(bench.current.paths.podmanDropInDir, `50-docker-cni-${name}.conf`);
const doInstall = (more = {}) =>
  installPodman(bench.current.setup, { ...bench.current.request, ...more });
const doUninstall = (more = {}) =>
  uninstallPodman(bench.current.setup, { name: "cni", dryRun: false, force: false, ...more });

describe("podman", () => {
  test("is told of the runtime by a file of its own, which goes again with all that was made", async () => {
    const { launcher, paths } = bench.current;
    await doInstall();
    expect(readFileSync(dropIn("cni"), "utf8")).toBe(
      "# Written by docker-cni install; docker-cni uninstall removes it.\n" +
        `[engine.runtimes]\n"cni" = ["${launcher}"]\n`,
    );
    expect(existsSync(paths.cniYaml)).toBe(true);
    expect((await doInstall()).changes).toEqual([]);
    await doInstall({ makeDefault: true });
    expect(readFileSync(dropIn("cni"), "utf8")).toContain('[engine]\nruntime = "cni"\n');
    await doUninstall();
    for (const path of [paths.podmanDropInDir, paths.cniYaml, paths.cniConfDir, paths.note]) {
      expect(existsSync(path)).toBe(false);
    }
    expect(await doUninstall()).toBeUndefined();
  });

  test("keeps a file that is another's, and one that was changed", async () => {
    bench.current.write(dropIn("cni"), "[engine]\n");
    await expect(doInstall()).rejects.toThrow(/50-docker-cni-cni\.conf is there already/);
    await doInstall({ name: "second" });
    bench.current.write(dropIn("second"), "[engine]\n");
    const outcome = await doUninstall({ name: "second" });
    expect(outcome?.warnings).toEqual([`${dropIn("second")} stays: it was changed since`]);
    expect(existsSync(dropIn("second"))).toBe(true);
  });

  test("without a name all of its files go", async () => {
    await doInstall({ name: "one" });
    await doInstall({ name: "two" });
    const outcome = await doUninstall({ name: undefined });
    expect(outcome?.changes.map(({ path }) => path)).toEqual([dropIn("one"), dropIn("two")]);
    expect(existsSync(bench.current.paths.note)).toBe(false);
  });

  test("gives a runtime no arguments", async () => {
    const { launcher } = bench.current;
    const runtime = { path: launcher, runtimeArgs: ["--config", "/c.yaml", "--"] };
    await expect(doInstall({ runtime })).rejects.toThrow(/podman gives a runtime no arguments/);
    expect(existsSync(bench.current.paths.podmanDropInDir)).toBe(false);
  });

  test("is left alone while containers have the runtime", async () => {
    await doInstall();
    const stdout = `${"a".repeat(64)}\ncni web`;
    bench.current.answers.set("podman", { exitCode: 0, stdout, stderr: "" });
    await expect(doUninstall()).rejects.toThrow(/1 containers of podman have the runtime cni/);
    expect(await doUninstall({ force: true })).toMatchObject({ warnings: [] });
  });
});
