import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { codeBlocks, prose } from "./pages.ts";

const PAGE = "docs/commands.md";

/** What a person who asks for help is told. */
function help(...command: string[]): string {
  const own = ["--config=/nonexistent.yaml", "--runtime-path=/usr/sbin/runc", "--person", "--"];
  const args = ["src/main.ts", ...own, "help", ...command];
  return spawnSync("node_modules/.bin/node", args, { encoding: "utf8" }).stdout;
}

const overview = help();
const commands = [...overview.matchAll(/^ {2}(\w+) .*$/gm)].map(([, name = ""]) => name);

describe("docs/commands.md", () => {
  test("shows the output of docker-cni help as it is", () => {
    const [shown] = codeBlocks(PAGE, "console");
    expect(shown?.trimEnd()).toBe(`$ docker-cni help\n${overview}`.trimEnd());
    expect(commands).toContain("inspect");
  });

  test.each(commands)("describes %s and each of its options", (command) => {
    const options = [...help(command).matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(
      ([, option = ""]) => option,
    );
    const text = prose(PAGE);
    expect(text).toContain(`- \`docker-cni ${command}`);
    const described = options.filter((option) => option !== "--help" && option !== "--json");
    expect(described.filter((option) => !text.includes(`\`${option}`))).toEqual([]);
  });
});
