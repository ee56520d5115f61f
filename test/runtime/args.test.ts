import { describe, expect, test } from "vitest";
import { isOperatorCall, parseCreateCall, parseOwnOptions } from "../../src/runtime/args.ts";

const docker =
  "--root /run/r --log /run/l.json --log-format json --systemd-cgroup create --bundle /b --pid-file /b/pid c1";

describe("a create call", () => {
  test.each([
    { title: "as the containerd shim makes it", argv: docker, bundle: "/b", id: "c1" },
    { title: "with -b", argv: "create -b /b c1", bundle: "/b", id: "c1" },
    { title: "with --bundle=", argv: "create --bundle=/b c1", bundle: "/b", id: "c1" },
    { title: "with -bundle", argv: "create -bundle /b c1", bundle: "/b", id: "c1" },
    {
      title: "of a bundle called create",
      argv: "create --bundle create c1",
      bundle: "create",
      id: "c1",
    },
    { title: "of a container called create", argv: "create create", bundle: ".", id: "create" },
    { title: "with a root called create", argv: "--root create create c1", bundle: ".", id: "c1" },
    { title: "with flags behind the id", argv: "create c1 --bundle /b", bundle: "/b", id: "c1" },
    { title: "with -- before the id", argv: "create --bundle /b -- c1", bundle: "/b", id: "c1" },
    {
      title: "with bool flags that have values",
      argv: "--debug=true create --no-pivot=false c1",
      bundle: ".",
      id: "c1",
    },
    {
      title: "with crun's global flags",
      argv: "--cgroup-manager disabled create c1",
      bundle: ".",
      id: "c1",
    },
    {
      title: "with the last bundle winning",
      argv: "create -b /a --bundle /b c1",
      bundle: "/b",
      id: "c1",
    },
  ])("is read $title", ({ argv, bundle, id }) => {
    const words = argv.split(" ");
    expect(parseCreateCall(words)).toMatchObject({ command: "create", argv: words, bundle, id });
  });

  test("carries the global flags that a later delete needs", () => {
    const call = parseCreateCall(docker.split(" "));
    expect(call).toMatchObject({ root: "/run/r", log: "/run/l.json", logFormat: "json" });
    expect(call.globals.join(" ")).toBe(
      "--root /run/r --log /run/l.json --log-format json --systemd-cgroup",
    );
  });

  test.each([
    { title: "run is in the foreground", argv: "run c1", detach: false },
    { title: "run -d returns", argv: "run -d c1", detach: true },
    { title: "run --detach=false does not", argv: "run --detach=false c1", detach: false },
  ])("$title", ({ argv, detach }) => {
    expect(parseCreateCall(argv.split(" "))).toMatchObject({ command: "run", detach });
  });

  test.each([
    {
      title: "another command",
      argv: "--root create start c1",
      message: /not a call that makes a container/,
    },
    { title: "nothing at all", argv: "--debug", message: /not a call that makes a container/ },
  ])("fails with $title", ({ argv, message }) => {
    expect(() => parseCreateCall(argv.split(" "))).toThrow(message);
  });
});

describe("the launcher's own options", () => {
  test("are split from the low-level runtime's arguments", () => {
    const argv = [
      "--config=/c",
      "--config-given",
      "--runtime-path=/r",
      "--launcher=/l",
      "--hooks=/h",
      "--fds=3,4",
      "--state-dir=/s",
      "--",
      "create",
      "--",
      "c",
    ];
    expect(parseOwnOptions(argv)).toEqual({
      person: false,
      plugin: false,
      config: "/c",
      configGiven: true,
      runtimePath: "/r",
      launcher: "/l",
      hooks: "/h",
      fds: [3, 4],
      stateDir: "/s",
      rest: ["create", "--", "c"],
    });
  });

  test("an unknown one is refused", () => {
    expect(() => parseOwnOptions(["--nope", "--"])).toThrow(/unknown option --nope/);
  });
});

test.each([
  ["-- ls", true],
  ["-- lss c1", true],
  ["-- create c1", false],
  ["-- run c1", false],
  ["-- --root /r create c1", false],
  ["--person -- --help", true],
  ["--person --", true],
  ["--plugin -- create", true],
  ["--", false],
])("%s is an operator's call: %s", (argv, is) => {
  expect(isOperatorCall(parseOwnOptions(argv.split(" ")))).toBe(is);
});
