import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

describe("what is reported of a plugin that", () => {
  const list = networkList(["one"]);

  test.each([
    ["hangs in what it called", "sleep 9; true", "", ""],
    [
      "hangs, and wrote of something else before",
      "echo waiting for dhcp >&2; sleep 9; true",
      "",
      "; its last line on stderr was: waiting for dhcp",
    ],
    ["hangs in a program that its program called", "sh -c 'sleep 9; true'; true", "sh > ", ""],
  ])("%s: which call, since when, and in what", async (_, body, between, behind) => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", body);
    const start = Date.now();
    const error = await failure(fake.cni({ timeoutMs: 300 }).addNetworkList(list, attachment));
    const [, since = "", rest] =
      /: it did not finish within 0\.3 s and was killed; its ADD hung since (\S+Z), (.*)$/.exec(
        error.message,
      ) ?? [];
    expect(Math.abs(Date.parse(since) - start)).toBeLessThan(5000);
    expect(rest).toBe(`in what it called: ${between}sleep${behind}`);
    expect(error).toMatchObject({ kind: "timeout", plugin: "one", network: "lan", command: "ADD" });
  });

  test.each([
    [
      "crashes",
      "echo panic: oh no >&2; kill -SEGV $$",
      "signal",
      "it was killed by SIGSEGV: panic: oh no",
    ],
    ["fails without a word", "exit 3", "exit", "exit status 3, it printed nothing"],
    [
      "fails with words on stderr",
      "echo 'no\nroute' >&2; exit 3",
      "exit",
      "exit status 3: no route",
    ],
    [
      "fails with words on stdout",
      "echo oops; exit 3",
      "exit",
      "exit status 3, it printed oops, which is no JSON",
    ],
    [
      "fails with JSON that is no error",
      "echo '{}'; exit 3",
      "exit",
      "exit status 3, it printed {}, which is an object but no CNI error",
    ],
    [
      "fails with error JSON",
      `${print({ code: 7, msg: "bad", details: "very" })} exit 1`,
      "plugin",
      "bad; very (code 7)",
    ],
    [
      "fails with error JSON without a code",
      'echo \'{"msg":"bad"}\'; exit 1',
      "plugin",
      "bad (code 999)",
    ],
    ["succeeds with error JSON", print({ code: 7, msg: "bad" }), "plugin", "bad (code 7)"],
    [
      "colours its words",
      "printf 'a\\033[31mred\\033[0m\\rb' >&2; exit 1",
      "exit",
      "exit status 1: a [31mred [0m b",
    ],
  ])("%s", async (_, script, kind, text) => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", script);
    const error = await failure(fake.cni({ timeoutMs: 300 }).addNetworkList(list, attachment));
    expect(error.message).toBe(wrapped(text));
    expect(error).toMatchObject({ kind, plugin: "one", network: "lan", command: "ADD" });
  });

  test("cannot be run says why", async () => {
    const fake = fakePlugins();
    const path = join(fake.binDir, "one");
    writeFileSync(path, "#!/bin/sh\n", { mode: 0o644 });
    const denied = await failure(fake.cni().addNetworkList(list, attachment));
    expect(denied.message).toBe(
      wrapped(`cannot run ${path}: permission denied (is it executable?)`),
    );
    expect(denied.kind).toBe("not-executable");
  });

  test("has an interpreter that does not exist says so", async () => {
    const fake = fakePlugins();
    writeFileSync(join(fake.binDir, "one"), "#!/nowhere/sh\n", { mode: 0o755 });
    const error = await failure(fake.cni().addNetworkList(list, attachment));
    expect(error.message).toBe(
      wrapped(`cannot run ${fake.binDir}/one: the file or its interpreter does not exist`),
    );
  });
});

describe("the search path", () => {
  test("gives the first regular file, past folders and what is missing", async () => {
    const fake = fakePlugins("one");
    mkdirSync(join(fake.dir, "first/one"), { recursive: true });
    writeFileSync(join(fake.dir, "file"), "");
    symlinkSync("/nowhere", join(fake.dir, "first/two"));
    const pluginDirs = ["/nowhere", join(fake.dir, "file"), join(fake.dir, "first"), fake.binDir];
    await fake.cni({ pluginDirs }).addNetworkList(networkList(["one"]), attachment);
    expect(fake.calls()[0]?.argv).toEqual([join(fake.binDir, "one")]);
  });

  test("that is empty says so", async () => {
    const error = await failure(
      fakePlugins()
        .cni({ pluginDirs: [] })
        .addNetworkList(networkList(["one"]), attachment),
    );
    expect(error.message).toContain(
      'there is no plugin binary "one"; no plugin folder is configured',
    );
  });

  test("is not left by a type that a caller made up", async () => {
    const bad = { ...networkList(["one"]), plugins: [{ type: "../../bin/sh" }] };
    const error = await failure(fakePlugins().cni().addNetworkList(bad, attachment));
    expect(error).toMatchObject({ kind: "invalid" });
  });
});

function wrapped(text: string): string {
  return `plugin type="one" name="lan" failed (add): ${text}`;
}
