import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileStore } from "../src/state/store.ts";

/** Records of containers that are stopped and keep their networks, as `count` of them leave in the state folder. */
export function strangerRecords(stateDir: string, count: number): void {
  const store = fileStore(stateDir);
  for (let index = 0; index < count; index++) {
    const id = createHash("sha256").update(String(index)).digest("hex");
    const containerDir = join(stateDir, "containers", id);
    mkdirSync(containerDir, { recursive: true });
    store.prepare(id);
    store.write({
      version: 1,
      id,
      state: "attached",
      netns: `stranger-${index}`,
      bootId: "",
      createdAt: new Date().toISOString(),
      keep: true,
      containerDir,
      runtimeDir: join(stateDir, "no-runtime", id),
      name: `stranger-${index}`,
      attachments: [],
    });
    store.markStopped(id);
  }
}
