import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verbs } from "../../src/cli/verbs.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-help-"));
  writeFileSync(join(dir, "cni.yaml"), "no such: [configuration\n");
  const runtime = "#!/bin/sh\n[ \"$1\" = --version ] && printf 'crun version 9\\ncommit: 1\\n'\n";
  writeFileSync(join(dir, "crun"), runtime, { mode: 0o755 });
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What the program answers to a person, beside a configuration that is broken. */
function ask(args: string, runtime = join(dir, "crun"), way = "--person") {
  const own = [`--config=${dir}/cni.yaml`, "--config-given", `--runtime-path=${runtime}`];
  const words = args === "" ? [] : args.split(" ");
  const { status, stdout, stderr } = spawnSync(
    "node_modules/.bin/node",
    ["src/main.ts", ...own, way, "--", ...words],
    { encoding: "utf8" },
  );
  return { status, stdout: stdout.replaceAll(dir, ""), stderr: stderr.replaceAll(dir, "") };
}

describe("a person who asks for help", () => {
  test.each(["", "--help", "-h", "help"])(
    "by %j is told what docker-cni is, and its commands",
    (args) => {
      const { status, stdout, stderr } = ask(args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/CNI networks for plain Docker containers/);
      for (const verb of [...verbs.map(({ name }) => name), "help"]) {
        expect(stdout).toMatch(new RegExp(`^  ${verb}\\b`, "m"));
      }
      const own = stdout.replace("/crun", "runc").split("\n");
      expect(own.filter((line) => line.length > 80)).toEqual([]);
    },
  );

  test("with a command is told of that one", () => {
    expect(ask("help gc")).toMatchObject({ status: 0 });
    expect(ask("help gc").stdout).toMatch(/^Usage: docker-cni gc/);
  });

  test("by Docker's client is told how it is called there", () => {
    const { status, stdout } = ask("", undefined, "--plugin");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: docker cni COMMAND\n/);
    expect(ask("ls --help", undefined, "--plugin").stdout).toMatch(/^Usage: docker cni ls /);
    expect(ask("lss", undefined, "--plugin").stderr).toMatch(/docker cni help tells the commands/);
    expect(ask("--version", undefined, "--plugin").stdout).toMatch(/^docker-cni version/);
  });

  test.each(verbs.map(({ name }) => name))("is told what %s does within 80 columns", (name) => {
    const { status, stdout } = ask(`${name} --help`);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: docker-cni ${name}\\b`));
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("with a wrong option is told where the right ones are", () => {
    const { status, stderr } = ask("version --foo");
    expect(status).toBe(2);
    expect(stderr).toMatch(/docker-cni version --help tells how it is used/);
  });

  test("with a mistyped command is told which was meant, and whose others are", () => {
    const { status, stdout, stderr } = ask("inspct web");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toBe(
      "error: unknown command 'inspct'\n(Did you mean inspect?)\n" +
        "docker-cni help tells the commands; those of the low-level runtime alone: /crun COMMAND\n",
    );
  });
});

describe("version", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));

  test("tells docker-cni's, and the runtime's", () => {
    expect(ask("version")).toEqual({
      status: 0,
      stdout: expect.stringContaining(
        `docker-cni version ${version}\nlow-level runtime /crun: crun version 9\n`,
      ),
      stderr: "",
    });
    expect(JSON.parse(ask("version --json").stdout)).toMatchObject({
      version,
      runtime: "/crun",
      runtimeVersion: "crun version 9",
      plugins: [],
    });
  });

  test.each([
    { what: "no runtime", runtime: "", line: /^no low-level runtime/m },
    {
      what: "one that is gone",
      runtime: "/no/runc",
      line: /^low-level runtime \/no\/runc: it does not tell$/m,
    },
  ])("is told with $what", ({ runtime, line }) => {
    const { status, stdout } = ask("version", runtime);
    expect(status).toBe(0);
    expect(stdout).toMatch(line);
  });
});
