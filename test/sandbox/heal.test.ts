import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkSandbox, healSandbox } from "../../src/sandbox/heal.ts";
import { keptRecord, PORT, publishing, useBench } from "./context.ts";

const bench = useBench();

/** A container that runs and publishes `PORT`. */
function running(): void {
  const { context, dir, namespaces } = bench.current;
  for (const folder of ["containers/c1", "runc/c1"])
    mkdirSync(join(dir, folder), { recursive: true });
  const start = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19];
  const state = { init_process_pid: process.pid, init_process_start: Number(start) };
  writeFileSync(join(dir, "runc/c1/state.json"), JSON.stringify(state));
  namespaces.add("c1");
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { attachments: [publishing] }));
}

describe("a port on which a process of the host listens too", () => {
  test("is told by check, with who it is, and heal builds nothing", async () => {
    const { context, events } = bench.current;
    running();
    const server = createServer().listen(PORT.hostPort, "127.0.0.1");
    await once(server, "listening");
    try {
      expect(await checkSandbox(context, "c1")).toMatchObject({
        health: "broken",
        reason: expect.stringContaining(`(${process.pid}) listens on it too`),
      });
      expect(await healSandbox(context, "c1")).toEqual({ health: "ok" });
      expect(events).toEqual(["CHECK", "CHECK"]);
    } finally {
      server.close();
      await once(server, "close");
    }
    expect(await checkSandbox(context, "c1")).toEqual({ health: "ok" });
  });

  test("is not missed of a container that is stopped", async () => {
    const { context } = bench.current;
    running();
    rmSync(join(bench.current.dir, "runc/c1"), { recursive: true });
    context.store.markStopped("c1");
    const server = createServer().listen(PORT.hostPort, "127.0.0.1");
    await once(server, "listening");
    expect(await checkSandbox(context, "c1")).toEqual({ health: "ok" });
    server.close();
  });
});
