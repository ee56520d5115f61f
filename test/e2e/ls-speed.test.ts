import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileStore } from "../../src/state/store.ts";
import { REPOSITORY } from "./harness/config.ts";
import { must } from "./harness/shell.ts";

const COUNT = 1000;
/** What ls may take on a machine that does nothing else, ms. */
const LIMIT_MS = 200;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-ls-speed-"));
  writeFileSync(join(dir, "cni.yaml"), `state_dir: ${dir}/state\ncni_log: ${dir}/log\n`);
  const store = fileStore(join(dir, "state"), join(dir, "notes"));
  store.prepareAll();
  for (let index = 0; index < COUNT; index += 1) writeSandbox(store, index);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A stopped container with Docker's file of it, as large as that usually is. */
function writeSandbox(store: ReturnType<typeof fileStore>, index: number): void {
  const id = index.toString(16).padStart(64, "0");
  const containerDir = join(dir, "containers", id);
  mkdirSync(containerDir, { recursive: true });
  const labels = Object.fromEntries(
    Array.from({ length: 40 }, (_, each) => [`label.${each}`, "x".repeat(60)]),
  );
  writeFileSync(
    join(containerDir, "config.v2.json"),
    JSON.stringify({ Name: `/c${index}`, Config: { Labels: labels } }),
  );
  writeFileSync(join(containerDir, "hostconfig.json"), JSON.stringify({ NetworkMode: "none" }));
  store.prepare(id);
  const list = { cniVersion: "1.0.0", name: "lan", plugins: [{ type: "bridge" }] };
  store.write(
    {
      version: 1,
      id,
      name: `c${index}`,
      state: "attached",
      netns: id.slice(0, 12),
      bootId: "boot",
      createdAt: "2026-01-01T00:00:00Z",
      keep: true,
      containerDir,
      runtimeDir: join(dir, "runc", id),
      attachments: [
        {
          network: "lan",
          ifName: "eth0",
          list: JSON.stringify(list),
          cniArgs: [],
          capabilityArgs: {},
          addresses: [`10.9.${Math.floor(index / 250)}.${index % 250}/16`],
        },
      ],
    },
    { durable: false },
  );
  store.markStopped(id);
}

test(`ls of ${COUNT} containers takes less than ${LIMIT_MS} ms`, async () => {
  const argv = [join(REPOSITORY, "bin/docker-cni"), "--config", join(dir, "cni.yaml"), "ls"];
  const times: number[] = [];
  let lines = 0;
  for (let run = 0; run < 7; run += 1) {
    const start = performance.now();
    lines = (await must(argv)).split("\n").length;
    times.push(performance.now() - start);
  }
  expect(lines).toBe(COUNT + 1);
  const best = Math.min(...times);
  process.stderr.write(`ls of ${COUNT}: ${best.toFixed(0)} ms, load ${loadavg()[0]?.toFixed(1)}\n`);
  // Others' work on this machine is not what is measured: where there is much of it, only a multiple is a fault.
  const isBusy = (loadavg()[0] ?? 0) > 1.5;
  expect(best).toBeLessThan(isBusy ? 3 * LIMIT_MS : LIMIT_MS);
});
