import { createServer } from "node:net";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { findSocketHolder, parseSocketTable, readListeners } from "../../src/ports/listeners.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const REST = "00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0";

test.each([
  ["tcp", "0100007F:1F90", "00000000:0000", "0A", "127.0.0.1", 8080],
  ["tcp", "00000000:0050", "00000000:0000", "0A", "0.0.0.0", 80],
  ["tcp", "0000000000000000FFFF00000100007F:0035", "0", "0A", "127.0.0.1", 53],
  ["tcp", "00000000000000000000000001000000:0035", "0", "0A", "::1", 53],
  ["tcp", "040200FD000000000000000007000000:0035", "0", "0A", "fd00:204::7", 53],
  ["tcp", `${"0".repeat(32)}:0035`, "0", "0A", undefined, 53],
  ["udp", "00000000:0035", "00000000:0000", "07", "0.0.0.0", 53],
] as const)("a %s socket at %s listens", (protocol, local, remote, state, hostIP, hostPort) => {
  const table = `${HEAD}\n   0: ${local} ${remote} ${state} ${REST}\n`;
  expect(parseSocketTable(table, protocol)).toEqual([
    { protocol, hostIP, hostPort, inode: "4711" },
  ]);
});

test.each([
  ["a connection", "tcp", "0100007F:1F90", "01"],
  ["a connected UDP socket", "udp", "0100007F:1F90", "01"],
  ["what is not understood", "tcp", "nonsense", "0A"],
] as const)("%s does not listen", (_, protocol, local, state) => {
  expect(
    parseSocketTable(`${HEAD}\n 0: ${local} 00000000:0000 ${state} ${REST}\n`, protocol),
  ).toEqual([]);
});

test("a server of this process is found, and who holds it", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const found = readListeners().find(
      ({ hostPort, hostIP }) => hostPort === port && hostIP === "127.0.0.1",
    );
    expect(found).toMatchObject({ protocol: "tcp" });
    expect(findSocketHolder(found?.inode ?? "")).toMatch(
      new RegExp(`^process .+ \\(${process.pid}\\)$`),
    );
  } finally {
    server.close();
  }
  expect(findSocketHolder("0")).toBeUndefined();
});

test("a process that named itself by escape sequences is shown without them", () => {
  const proc = mkdtempSync(join(tmpdir(), "docker-cni-proc-"));
  try {
    mkdirSync(join(proc, "7/fd"), { recursive: true });
    symlinkSync("socket:[4711]", join(proc, "7/fd/3"));
    writeFileSync(join(proc, "7/comm"), "\u001B[2J\u009Bng\n");
    expect(findSocketHolder("4711", proc)).toBe("process ?[2J?ng (7)");
  } finally {
    rmSync(proc, { recursive: true });
  }
});
