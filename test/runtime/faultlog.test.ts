import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reportFault } from "../../src/runtime/faultlog.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-faultlog-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The message that the engine reads. */
function told(message: string): unknown {
  const log = join(dir, "log.json");
  reportFault({ log, logFormat: "json" }, message);
  const line: { msg: unknown } = JSON.parse(readFileSync(log, "utf8"));
  return line.msg;
}

describe("dockerd does not take a fault of the network for one of the container's command:", () => {
  test.each([
    ["open /run/x: no such file or directory", "open /run/x: no such file or folder"],
    ["Permission denied", "permission refused"],
    ["mkdir /x/y: not a directory", "mkdir /x/y: not a folder"],
    ["read /x: is a directory", "read /x: is a folder"],
    [
      'exec: "iptables": executable file not found in $PATH',
      'exec: "iptables": executable not found in $PATH',
    ],
    [
      "no such file or directory, twice: No such file or directory",
      "no such file or folder, twice: no such file or folder",
    ],
    ["no carrier", "no carrier"],
  ])("%s", (message, expected) => {
    expect(told(message)).toBe(expected);
  });
});
