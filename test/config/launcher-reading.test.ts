import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { launcherKeys, readAsLauncher } from "../../src/config/launcher-reading.ts";
import { UserError } from "../../src/lib/errors.ts";

const LAUNCHER = readFileSync("bin/docker-cni", "utf8");

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-reading-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What the launcher's own function reads. */
function launcherReads(text: string, key: string): string {
  const [definition = ""] = /^setting\(\) \{$.*?^\}$/ms.exec(LAUNCHER) ?? [];
  const config = join(dir, "cni.yaml");
  writeFileSync(config, text);
  const script = `config=$1\n${definition}\nsetting "$2"\nprintf '%s' "$value"`;
  const { stdout, stderr } = spawnSync("sh", ["-c", script, "sh", config, key], {
    encoding: "utf8",
  });
  if (stderr !== "") throw new Error(stderr);
  return stdout;
}

function faultOf(text: string): string | undefined {
  try {
    parseConfig("/c.yaml", text);
    return undefined;
  } catch (error) {
    if (error instanceof UserError && error.code === "BAD_CONFIG") return error.message;
    throw error;
  }
}

const SAME = [
  "oci_bin: /usr/bin/crun",
  "# oci_bin: /no\noci_bin: /usr/bin/crun # why\n",
  "oci_bin:   crun   \n",
  "oci_bin: '/usr/bin/crun'\n",
  'hosts: false\noci_bin: "/usr/bin/crun"\n',
  "oci_bin:\n",
  "oci_bin: # none\n",
  "state_dir: /srv/a b\n",
  "hosts: false\r\n",
  "\uFEFFhosts: false\n",
  '{"hosts": false}',
];

const DIFFERENT = [
  { what: "CR LF", text: "oci_bin: /usr/bin/crun\r\n", line: 1 },
  { what: "a tab in front of the value", text: "oci_bin:\t/usr/bin/crun\n", line: 1 },
  { what: "a tab behind it", text: "hosts: true\noci_bin: /usr/bin/crun\t\n", line: 2 },
  { what: "a comment behind a tab", text: "oci_bin: /usr/bin/crun\t# why\n", line: 1 },
  { what: "~", text: "oci_bin: ~\n", line: 1 },
  { what: "null", text: "hosts: true\n\nstate_dir: null\n", line: 3 },
  { what: ">-", text: "oci_bin: >-\n  /usr/bin/crun\n", line: 1 },
  { what: "|", text: "state_dir: |-\n  /srv\n", line: 1 },
  { what: "the value in the next line", text: "oci_bin:\n  /usr/bin/crun\n", line: 1 },
  { what: "a value of two lines", text: "state_dir: /srv/a\n  b\n", line: 1 },
  { what: "a quoted key", text: '# c\n"oci_bin": /usr/bin/crun\n', line: 2 },
  { what: "a space behind the key", text: "oci_bin : /usr/bin/crun\n", line: 1 },
  { what: "a key that is not at the beginning", text: "  oci_bin: crun\n", line: 1 },
  { what: "flow style", text: "{oci_bin: crun}\n", line: 1 },
  { what: "flow style in lines", text: "{\noci_bin: crun,\n}\n", line: 2 },
  { what: "JSON", text: '{"state_dir": "/srv"}', line: 1 },
  { what: "a BOM", text: "\uFEFFoci_bin: crun\n", line: 1 },
  { what: "an escape", text: 'oci_bin: "/usr/bin/cr\\u0075n"\n', line: 1 },
  { what: "a doubled quote", text: "state_dir: '/srv/o''clock'\n", line: 1 },
  { what: "a tag", text: "oci_bin: !!str crun\n", line: 1 },
  { what: "an anchor", text: "oci_bin: &here crun\n", line: 1 },
  { what: "an alias", text: "log_level: &here info\noci_bin: *here\n", line: 2 },
  {
    what: "a line of another value that looks like the key",
    text: 'cni_log: "/var\noci_bin: crun"\n',
    line: 2,
  },
];

describe("a configuration", () => {
  test.each(SAME)("that the launcher reads like the YAML parser is taken: %j", (text) => {
    expect(faultOf(text)).toBeUndefined();
  });

  test.each(DIFFERENT)("is refused for $what, with its line: $text", ({ text, line }) => {
    expect(faultOf(text)?.split("\n")[0]).toMatch(
      new RegExp(`^/c\\.yaml:${line}: (?:(oci_bin|state_dir): expected|not valid YAML)`),
    );
  });
});

describe("what is taken for the launcher's reading is what it reads:", () => {
  test.each([...SAME, ...DIFFERENT.map(({ text }) => text), 'oci_bin: "', "oci_bin: a' #'"])(
    "%j",
    (text) => {
      for (const key of launcherKeys)
        expect(readAsLauncher(text, key)).toBe(launcherReads(text, key));
    },
  );

  test("any lines", () => {
    const part = fc.constantFrom(
      ..."oci_bin:|state_dir:|/a|b| |  |\t|\r|\n|\n|#| #|'|\"|\\|~|-|{|}|: |\uFEFF|é|$HOME|*".split(
        "|",
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(readAsLauncher(text, "oci_bin")).toBe(launcherReads(text, "oci_bin"));
      }),
      { numRuns: 300 },
    );
  });
});
