import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion-scripts.ts";

/** Answers as the program does, and shows what it was asked. */
const FAKE = String.raw`#!/bin/sh
{ for word; do printf '[%s]' "$word"; done; echo; } >>"$0.asked"
case "$*" in
*file*) printf ':0\n' ;;
"__completeNoDesc inspect "*) printf 'web\ndb\n:4\n' ;;
"__complete inspect "*) printf 'web\trunning\ndb\tkept\n:4\n' ;;
*) printf ':4\n' ;;
esac
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-shells-"));
  writeFileSync(join(dir, "docker-cni"), FAKE, { mode: 0o755 });
  for (const shell of ["bash", "zsh", "fish"] as const) {
    writeFileSync(join(dir, `completion.${shell}`), completionScript(shell));
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

const has = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

function run(shell: string, script: string) {
  const env = { PATH: `${dir}:/usr/bin:/bin`, HOME: dir, TERM: "dumb" };
  return spawnSync(shell, ["-c", script], { env, encoding: "utf8", cwd: dir });
}

/** How many words bash has to offer, and which. */
function completeInBash(...words: string[]): string {
  const typed = words.map((word) => `'${word}'`).join(" ");
  const script = [
    ". ./completion.bash",
    `COMP_WORDS=(docker-cni ${typed}) COMP_CWORD=${words.length}`,
    "_docker_cni 2>&1",
    `echo "\${#COMPREPLY[@]} \${COMPREPLY[*]}"`,
  ];
  return run("bash", script.join("\n")).stdout;
}

describe.skipIf(!has("bash"))("bash", () => {
  test.each([
    { words: ["inspect", ""], offered: "2 web db\n" },
    { words: ["nothing", ""], offered: "0 \n" },
  ])("offers what docker-cni does for $words", ({ words, offered }) => {
    expect(completeInBash(...words)).toBe(offered);
  });
});

test.skipIf(!has("zsh"))("zsh can read its file", () => {
  expect(run("zsh", "zsh -n completion.zsh")).toMatchObject({ status: 0, stderr: "" });
  const script =
    "autoload -U compinit; compinit -u -D; source ./completion.zsh; print $_comps[docker-cni]";
  expect(run("zsh", script)).toMatchObject({ stdout: "_docker-cni\n", stderr: "" });
});

test.skipIf(!has("fish"))("fish offers what docker-cni does", () => {
  const script = "source completion.fish; complete -C 'docker-cni inspect '";
  expect(run("fish", script)).toMatchObject({ stdout: "db\tkept\nweb\trunning\n", stderr: "" });
});
