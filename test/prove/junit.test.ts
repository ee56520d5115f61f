import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { junitXml } from "../../src/prove/junit.ts";
import type { NetworkReport, Result } from "../../src/prove/run.ts";

const result = (name: string, status: Result["status"], detail: string, ms = 10): Result => ({
  name,
  status,
  detail,
  ms,
});

function report(...results: Result[]): NetworkReport {
  return { network: "lan", plugins: ["bridge"], results, times: [], kept: [] };
}

const PARSE = `
import sys, json, xml.etree.ElementTree as tree
suites = tree.fromstring(sys.stdin.buffer.read())
print(json.dumps([{**suite.attrib, "cases": [[case.attrib["name"], case.attrib["time"],
  [[part.tag, part.get("message"), part.text] for part in case]] for case in suite]} for suite in suites]))
`;
const hasPython = spawnSync("python3", ["--version"]).status === 0;

describe("JUnit XML", () => {
  test("counts the checks, with times in seconds", () => {
    const xml = junitXml([
      report(result("add", "ok", ""), result("mtu", "fail", "lost"), result("name", "skip", "no")),
    ]);
    expect(xml).toContain('<testsuite name="lan" tests="3" failures="1" skipped="1" time="0.030">');
    expect(xml).toContain('<testcase classname="lan" name="add" time="0.010"/>');
    expect(xml).toContain('<failure message="lost">lost</failure>');
    expect(xml).toContain('<skipped message="no"/>');
  });

  test.skipIf(!hasPython)("is read by an XML parser whatever a plugin says", () => {
    const wild = `<b a="1" b='2'> & ]]> \u0000\u001b[31m\u0085\uFFFF é ✗ line\nend\ttab`;
    const tame = wild.replaceAll(/[^\P{Cc}\n\t]|\uFFFF/gu, "\uFFFD");
    const xml = junitXml([report(result("add", "fail", wild), result("del", "note", wild))]);
    const { stdout, stderr } = spawnSync("python3", ["-c", PARSE], { input: xml });
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual([
      {
        name: "lan",
        tests: "2",
        failures: "1",
        skipped: "0",
        time: "0.020",
        cases: [
          ["add", "0.010", [["failure", tame, tame]]],
          ["del", "0.010", [["system-out", null, tame]]],
        ],
      },
    ]);
  });
});
