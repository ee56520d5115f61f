import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { commandsPage, configurationPage } from "../../packaging/man.ts";
import { troffOf } from "../../packaging/troff.ts";
import { verbs } from "../../src/cli/verbs.ts";
import { knownKeys } from "../../src/config/schema.ts";

const commands = await commandsPage("1.2.3");
const configuration = configurationPage("1.2.3");
const hasGroff = spawnSync("groff", ["--version"]).status === 0;

/** As `man` shows a page, and what it complains of. */
function shown(page: string) {
  const { stdout, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8", "-P-cbou"], {
    input: page,
    encoding: "utf8",
  });
  return { text: stdout, stderr };
}

describe.skipIf(!hasGroff)("the man pages", () => {
  test("can be read without a complaint", () => {
    for (const page of [commands, configuration]) expect(shown(page).stderr).toBe("");
    expect(shown(commands).text).toMatch(/docker-cni 1\.2\.3/);
  });

  test.each(verbs.map(({ name }) => name))("docker-cni(1) has the command %s", (name) => {
    expect(shown(commands).text).toMatch(new RegExp(`^ +(docker-cni|docker cni) ${name}\\b`, "m"));
  });

  test.each(knownKeys)("cni.yaml(5) has the key %s", (key) => {
    expect(shown(configuration).text).toMatch(new RegExp(`^ {3}${key}\\n +Default: `, "m"));
  });
});

test.each([
  ["A `--flag` of [a page](x.md#y), **bold**.", ".PP\nA \\fB\\-\\-flag\\fR of a page, bold."],
  ["## Title\n\n.dot\n'quote", '.SH "Title"\n.PP\n\\&.dot\n\\&\'quote'],
  [
    "- one\n  two\n  - inner\n- three",
    ".IP \\(bu 2\none\ntwo\n.RS 2\n.IP \\(bu 2\ninner\n.RE\n.IP \\(bu 2\nthree",
  ],
  ["```\na\\b -c\n```", ".PP\n.RS 4\n.nf\na\\eb \\-c\n.fi\n.RE"],
  ["größer …", ".PP\ngr\\[u00F6]\\[u00DF]er \\[u2026]"],
])("%j is %j for man", (markdown, troff) => {
  expect(troffOf(markdown)).toBe(troff);
});
