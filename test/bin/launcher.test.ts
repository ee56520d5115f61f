import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileRuntimeNotes, RUNTIME_NOTES } from "../../src/state/runtime-notes.ts";

const LAUNCHER = resolve("bin/docker-cni");

/** Stands for runc, and for the program: writes what it was given to <its own name>.seen, and exits 7. */
const RECORDER = `#!/bin/sh
{
  for arg; do printf '[%s]' "$arg"; done
  printf '\\ndocker=%s %s %s' "\${DOCKER_HOST-unset}" "\${DOCKER_CONTEXT-unset}" "\${DOCKER_CONFIG-unset}"
  printf '\\ncwd=%s\\nengine_options=%s %s %s\\n' "$PWD" "\${BUN_OPTIONS-unset}" \\
    "\${BUN_JSC_useWarmUpMarkedBlocks-unset}" "\${BUN_GC_TIMER_DISABLE-unset}"
  printf 'fds='; for fd in /proc/self/fd/*; do [ -e "$fd" ] && [ "\${fd##*/}" -gt 2 ] && printf '%s ' "\${fd##*/}"; done
  printf '\\nstdin=%s\\n' "$(cat)"
} >"$0.seen"
echo out; echo err >&2
exit 7
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-launcher-"));
  for (const folder of ["bin", "dist", "hooks", "path"]) mkdirSync(join(dir, folder));
  const script = readFileSync(LAUNCHER, "utf8");
  writeFileSync(join(dir, "bin/docker-cni"), script.replace(RUNTIME_NOTES, `${dir}/notes`));
  executable("bin/docker-cni");
  for (const name of ["path/runc", "path/crun", "other-runc", "dist/docker-cni"]) {
    writeFileSync(join(dir, name), RECORDER);
    executable(name);
  }
});
afterEach(() => rmSync(dir, { recursive: true }));

function executable(name: string): void {
  chmodSync(join(dir, name), 0o755);
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv = {}, fds: number[] = []) {
  return spawnSync(join(dir, "bin/docker-cni"), args, {
    cwd: dir,
    encoding: "utf8",
    env: { PATH: `${dir}/path:/usr/bin:/bin`, ...env },
    input: "input",
    stdio: ["pipe", "pipe", "pipe", ...fds],
  });
}

/** As `launch`, at a terminal. */
function type(args: string): void {
  const command = `${dir}/bin/docker-cni ${args} </dev/null`;
  spawnSync("script", ["-qec", command, "/dev/null"], {
    env: { PATH: `${dir}/path:/usr/bin:/bin`, SHELL: "/bin/sh" },
    stdio: "ignore",
  });
}

/** The soft limit of open files, as the launcher's sh has it. */
function openFiles(): string {
  return spawnSync("sh", ["-c", "ulimit -S -n"], { encoding: "utf8" }).stdout.trim();
}

function seen(name: string): string {
  return readFileSync(join(dir, `${name}.seen`), "utf8");
}

describe("goes to the low-level runtime, unchanged", () => {
  test.each([
    { args: "--version" },
    { args: "-v create" },
    { args: "features" },
    { args: "--help create" },
    { args: "help create" },
    { args: "--root /r --help" },
    { args: "--log /l help" },
    { args: "--root /r version" },
    { args: "--root /r ls-of-another-kind" },
    { args: "spec" },
    { args: "start c1" },
    { args: "--root /r --log /l --log-format json start create" },
    { args: "--root create start c1" },
    { args: "--root=create --log=run --debug state c1" },
    { args: "-root create kill c1 9" },
    { args: "--cgroup-manager create delete --force c1" },
    { args: "exec c1 create" },
    { args: "--root /r a-command-of-tomorrow --new=1 create" },
    { args: "list" },
    { args: "exec cni cni ls" },
    { args: "delete cni" },
    { args: "--root cni state c1" },
    { args: "--debug --root /r state cni ls" },
    { args: "-log /l -criu /c exec c1 cni" },
    { args: "list help cni" },
    { args: "events cni" },
  ])("$args", ({ args }) => {
    const words = args === "" ? [] : args.split(" ");
    const { status, stdout, stderr } = launch(words);
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
    expect(seen("path/runc").split("\n")[0]).toBe(words.map((word) => `[${word}]`).join(""));
  });

  test.each([
    { title: "with what it answers", status: 0, told: "err\n" },
    {
      title: "which refuses it, and docker-cni does too",
      status: 7,
      told: "err\ndocker-cni: 'lss' is no command of docker-cni's, and DIR/path/runc refuses it: see docker-cni help\n",
    },
  ])("where it is no command that is known, $title", ({ status, told }) => {
    writeFileSync(join(dir, "path/runc"), RECORDER.replace("exit 7", `exit ${status}`));
    const result = launch(["lss", "a b"]);
    expect(result).toMatchObject({ status, stdout: "out\n", stderr: told.replace("DIR", dir) });
    expect(seen("path/runc")).toContain("[lss][a b]\n");
    expect(seen("path/runc")).toContain("stdin=input\n");
  });

  test("with words that a shell would split or expand", () => {
    launch(["exec", "c1", "a b", "*", "$HOME", "", "--", "'"]);
    expect(seen("path/runc")).toContain("[exec][c1][a b][*][$HOME][][--][']");
  });

  test("with its working directory, environment, stdin and open descriptors", () => {
    launch(["exec", "c1"], { BUN_OPTIONS: "--x", BUN_JSC_useWarmUpMarkedBlocks: "1" }, [
      openSync("/dev/null", "r"),
      openSync("/dev/zero", "r"),
    ]);
    expect(seen("path/runc")).toMatch(
      /cwd=.*\nengine_options=--x 1 unset\nfds=.*\b3 4 \nstdin=input\n/,
    );
    expect(seen("path/runc")).toContain(`cwd=${dir}\n`);
  });
});

function config(text: string): string[] {
  writeFileSync(join(dir, "cni.yaml"), text);
  return ["--config", join(dir, "cni.yaml"), "--", "state", "c1"];
}

describe("chooses the low-level runtime", () => {
  test.each([
    {
      title: "that --runtime-path names",
      args: () => ["--runtime-path", `${dir}/other-runc`, "state"],
      runs: "other-runc",
    },
    {
      title: "that --runtime-path= names, before oci_bin",
      args: () => [`--runtime-path=${dir}/other-runc`, ...config("oci_bin: /nowhere\n")],
      runs: "other-runc",
    },
    {
      title: "that oci_bin names",
      args: () => config(`# oci_bin: /no\noci_bin: ${dir}/other-runc # why\n`),
      runs: "other-runc",
    },
    {
      title: "that oci_bin names in quotes",
      args: () => config(`log_level: info\noci_bin: "${dir}/other-runc"`),
      runs: "other-runc",
    },
    {
      title: "that oci_bin names without a folder",
      args: () => config("oci_bin: crun\n"),
      runs: "path/crun",
    },
    { title: "runc before crun on PATH", args: () => ["state"], runs: "path/runc" },
  ])("$title", ({ args, runs }) => {
    expect(launch(args())).toMatchObject({ status: 7, stderr: "err\n" });
    expect(seen(runs)).toContain("[state]");
  });

  test.each([
    { title: "crun where there is no runc", more: [], runs: "path/crun" },
    { title: "a runc further down PATH before crun", more: ["runc"], runs: "more/runc" },
  ])("not itself under runc's name: $title", ({ more, runs }) => {
    rmSync(join(dir, "path/runc"));
    symlinkSync(join(dir, "bin/docker-cni"), join(dir, "path/runc"));
    mkdirSync(join(dir, "more"));
    symlinkSync("/bin/cat", join(dir, "more/cat"));
    for (const name of more) writeFileSync(join(dir, "more", name), RECORDER, { mode: 0o755 });
    expect(launch(["state"], { PATH: `${dir}/path::${dir}/more` }).status).toBe(7);
    expect(seen(runs)).toContain("[state]");
  });

  test.each([
    {
      title: "none is on PATH",
      args: ["state"],
      stderr: /no low-level runtime: neither runc nor crun is on PATH/,
    },
    {
      title: "the named one is missing",
      args: ["--runtime-path", "/no/runc", "state"],
      stderr: /the low-level runtime \/no\/runc is not there/,
    },
  ])("and says so when $title", ({ args, stderr }) => {
    const result = launch(args, { PATH: "/nowhere" });
    expect(result.status).toBe(127);
    expect(result.stderr).toMatch(stderr);
  });
});

/** Notes that `other-runc` made a container, and gives the configuration that names another runtime. */
function note(key: { root: string; id: string }, path = `${dir}/other-runc`): void {
  const sandbox = `${dir}/elsewhere/sandboxes/${key.id}`;
  fileRuntimeNotes(join(dir, "notes")).write(key, { path, sandbox });
}

describe("goes to the runtime that made the container, whatever is configured by now", () => {
  test.each([
    { args: "state c1" },
    { args: "start c1" },
    { args: "kill --all c1 9" },
    { args: "delete --force c1" },
    { args: "exec --process /p/c2 --pid-file /x -d c1 sh -c c2" },
    { args: "exec -u 0 c1 ls" },
    { args: "update --resources - c1" },
    { args: "checkpoint --image-path /i --leave-running c1" },
    { args: "--log /l --log-format json --systemd-cgroup state c1" },
    { args: "a-command-of-tomorrow --new 1 c1" },
    { args: "--root /r/a state c1", root: "/r/a" },
    { args: "--root=/r/a --debug state c1", root: "/r/a" },
    { args: "-root /r/a/ state c1", root: "/r/a/" },
    { args: "--rootless true --root . state c1", root: "." },
  ])("$args", ({ args, root = "" }) => {
    note({ root, id: "c1" });
    note({ root: "/other", id: "c1" }, `${dir}/path/crun`);
    writeFileSync(join(dir, "cni.yaml"), "oci_bin: /no/such/runtime\n");
    const result = launch(["--config", join(dir, "cni.yaml"), "--", ...args.split(" ")]);
    expect(result).toMatchObject({ status: 7, stdout: "out\n", stderr: "err\n" });
    const words = args.split(" ").map((word) => `[${word}]`);
    expect(seen("other-runc")).toContain(`${words.join("")}\n`);
  });

  test("and --runtime-path", () => {
    note({ root: "", id: "c1" });
    launch(["--runtime-path", "/no/such/runtime", "state", "c1"]);
    expect(seen("other-runc")).toContain("[state][c1]");
  });

  test.each([
    { title: "below another root", noted: { root: "/r", id: "c1" } },
    { title: "with another id", noted: { root: "", id: "c" } },
    { title: "of a root that a name cannot hold", noted: { root: "/r:a", id: "c1" } },
    { title: "whose runtime is gone", noted: { root: "", id: "c1" }, path: "/no/such/runtime" },
  ])("but not for a container $title", ({ noted, path }) => {
    note(noted, path);
    launch(["state", "c1"]);
    expect(seen("path/runc")).toContain("[state][c1]\n");
  });

  test("but not one that is made anew", () => {
    note({ root: "", id: "c1" });
    launch(["create", "c1"]);
    expect(seen("dist/docker-cni")).toContain(`[--runtime-path=${dir}/path/runc]`);
  });

  test.each([
    { title: "goes with a container that is deleted", status: 0, stays: false },
    { title: "stays with one that could not be deleted", status: 3, stays: true },
    { title: "stays with the container's sandbox", status: 0, hasSandbox: true, stays: true },
  ])("and the note $title", async ({ status, hasSandbox = false, stays }) => {
    if (hasSandbox) mkdirSync(join(dir, "elsewhere/sandboxes/c1"), { recursive: true });
    const path = join(dir, "deletes");
    writeFileSync(path, `#!/bin/sh\necho "$*" >"$0.seen"\nexit ${status}\n`, { mode: 0o755 });
    note({ root: "/r", id: "c1" }, path);
    expect(launch(["--root", "/r", "delete", "c1"])).toMatchObject({ status, stderr: "" });
    expect(seen("deletes")).toBe("--root /r delete c1\n");
    await expect.poll(() => readdirSync(join(dir, "notes"))).toEqual(stays ? [":r:c1"] : []);
  });
});

describe("goes to the program", () => {
  test.each([
    { args: "create --bundle /b c1" },
    { args: "--root /r --log /l --log-format json create c1" },
    { args: "run c1" },
    { args: "restore c1" },
    { args: "--debug --systemd-cgroup -log create create" },
    { args: "ls --json" },
    { args: "gc" },
  ])("$args", ({ args }) => {
    expect(launch(args.split(" ")).status).toBe(7);
    const words = args.split(" ").map((word) => `[${word}]`);
    expect(seen("dist/docker-cni")).toContain(`[--]${words.join("")}\n`);
  });

  test("with where everything is", () => {
    launch(["--config", "/c.yaml", "--", "create", "c1"]);
    expect(seen("dist/docker-cni").split("\n")[0]).toBe(
      `[--hooks=${dir}/bin/../hooks][--launcher=${dir}/bin/docker-cni][--config=/c.yaml][--config-given]` +
        `[--runtime-path=${dir}/path/runc][--open-files=${openFiles()}][--][create][c1]`,
    );
  });

  test("as containerd's shim calls what options.BinaryName names, which has no arguments of its own", () => {
    const words =
      "--root /run/containerd/runc/moby --log /b/log.json --log-format json --systemd-cgroup " +
      "create --bundle /b --pid-file /b/init.pid --console-socket /tmp/pty.sock c1";
    launch(words.split(" "));
    expect(seen("dist/docker-cni")).toContain("[--config=/etc/docker/cni.yaml][--runtime-path=");
    expect(seen("dist/docker-cni")).toContain(
      words
        .split(" ")
        .map((word) => `[${word}]`)
        .join(""),
    );
  });

  test("with the folder of the state that a hook names", () => {
    launch(["--config=/c.yaml", "--state-dir=/old state", "--", "gc"]);
    expect(seen("dist/docker-cni").split("\n")[0]).toContain("[--state-dir=/old state][--][gc]");
  });

  test.each([
    {
      args: "--runtime-path /r/crun install --name x",
      words: "[install][--runtime-path][/r/crun][--name][x]",
    },
    { args: "cni --runtime-path=/r/crun install", words: "[install][--runtime-path][/r/crun]" },
    { args: "install --runtime-path /r/crun", words: "[install][--runtime-path][/r/crun]" },
    { args: "--runtime-path /r/crun ls", words: "[ls]" },
  ])("with the low-level runtime that install is to register: $args", ({ args, words }) => {
    launch(args.split(" "));
    expect(seen("dist/docker-cni").split("\n")[0]?.endsWith(`[--]${words}`)).toBe(true);
  });

  test("through a symbolic link to the launcher", () => {
    symlinkSync(join(dir, "bin/docker-cni"), join(dir, "path/docker-cni"));
    const { status } = spawnSync(join(dir, "path/docker-cni"), ["create", "c1"], {
      env: { PATH: "/usr/bin:/bin" },
    });
    expect(status).toBe(7);
  });

  test("with the variables of its engine out of its way", () => {
    launch(["create", "c1"], { BUN_OPTIONS: "--x" });
    expect(seen("dist/docker-cni")).toContain("engine_options=unset 0 1\n");
  });

  test("with the descriptors that are for the container", () => {
    const fds = [openSync("/dev/null", "r"), openSync("/dev/null", "r")];
    launch(["create", "--preserve-fds", "2", "c1"], {}, fds);
    expect(seen("dist/docker-cni")).toContain("[--fds=3,4]");
  });

  test("and says so when it is not built", () => {
    rmSync(join(dir, "dist"), { recursive: true });
    const { status, stderr } = launch(["create", "c1"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/the program is not installed: .*npm run build/);
  });
});

describe("asked about docker-cni itself by a person", () => {
  test.each([
    "",
    "--help",
    "-h",
    "help",
    "help ls",
    "help version",
    "version",
    "version --json",
    "help help",
    "version --format x",
  ])("%s: goes to the program", (args) => {
    const words = args === "" ? [] : args.split(" ");
    expect(launch(words).status).toBe(7);
    const given = words.map((word) => `[${word}]`).join("");
    expect(seen("dist/docker-cni")).toContain(`[--person][--]${given}\n`);
  });

  test.each([
    { args: "lss", runs: "dist/docker-cni" },
    { args: "inspectt c1", runs: "dist/docker-cni" },
    { args: "--version", runs: "path/runc" },
    { args: "-v", runs: "path/runc" },
    { args: "features", runs: "path/runc" },
    { args: "list", runs: "path/runc" },
    { args: "state c1", runs: "path/runc" },
    { args: "--root /r a-command-of-tomorrow", runs: "path/runc" },
    { args: "--log /l a-command-of-tomorrow", runs: "path/runc" },
    { args: "a-command-of-tomorrow noted", runs: "other-runc" },
  ])("what is typed at a terminal, $args, goes to $runs", ({ args, runs }) => {
    note({ root: "", id: "noted" });
    type(args);
    const given = args.split(" ").map((word) => `[${word}]`);
    expect(seen(runs).split("\n")[0]).toContain(given.join(""));
    expect(existsSync(join(dir, "dist/docker-cni.seen"))).toBe(runs === "dist/docker-cni");
  });
});

/** A call of Docker's client: what follows the plugin's path, and what the program gets of it. */
const PLUGIN_CALLS: {
  args: string;
  words: string;
  /** DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG. */
  docker?: string;
  config?: string;
}[] = [
  { args: "cni", words: "" },
  { args: "cni ls --json", words: "[ls][--json]" },
  { args: "cni exec web -- ls -l cni", words: "[exec][web][--][ls][-l][cni]" },
  { args: "cni events --since 1h", words: "[events][--since][1h]" },
  { args: "cni create", words: "[create]" },
  { args: "cni --help", words: "[--help]" },
  { args: "cni --version", words: "[--version]" },
  { args: "help cni", words: "[help]" },
  { args: "help cni ls", words: "[help][ls]" },
  { args: "--help cni", words: "[--help]" },
  { args: "__complete cni ls ", words: "[__complete][ls][]" },
  { args: "__completeNoDesc -D cni l", words: "[__completeNoDesc][l]" },
  { args: "-H unix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "-Hunix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "-H=unix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "-DH unix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "-DDHunix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "-Dc prod -Dl debug cni ls", words: "[ls]", docker: "unset prod /kept" },
  { args: "-Dh cni", words: "[-h]" },
  { args: "-H -DH cni ls", words: "[ls]", docker: "-DH unset /kept" },
  { args: "--host=unix:///x cni ls", words: "[ls]", docker: "unix:///x unset /kept" },
  { args: "--host cni cni ls", words: "[ls]", docker: "cni unset /kept" },
  { args: "-c prod cni ls", words: "[ls]", docker: "unset prod /kept" },
  { args: "-cprod cni ls", words: "[ls]", docker: "unset prod /kept" },
  { args: "--context=prod cni ls", words: "[ls]", docker: "unset prod /kept" },
  { args: "--config /client cni ls", words: "[ls]", docker: "/env unset /client" },
  { args: "--config=/client cni ls", words: "[ls]", docker: "/env unset /client" },
  {
    args: "--config /client cni --config /c.yaml ls",
    words: "[ls]",
    docker: "/env unset /client",
    config: "/c.yaml",
  },
  { args: "cni --config=/c.yaml gc", words: "[gc]", config: "/c.yaml" },
  { args: "-D --log-level debug --tls --tlscacert f --tlsverify=1 cni ls", words: "[ls]" },
];

describe("called as Docker's client calls its plugin", () => {
  test.each(PLUGIN_CALLS)("$args: the program gets $words", (call) => {
    const { args, words, docker = "/env unset /kept", config: file } = call;
    for (const name of ["bin/docker-cni", "cli-plugins/docker-cni"]) {
      mkdirSync(join(dir, "cli-plugins"), { recursive: true });
      rmSync(join(dir, "cli-plugins/docker-cni"), { force: true });
      symlinkSync(join(dir, "bin/docker-cni"), join(dir, "cli-plugins/docker-cni"));
      const env = {
        PATH: `${dir}/path:/usr/bin:/bin`,
        DOCKER_HOST: "/env",
        DOCKER_CONFIG: "/kept",
      };
      spawnSync(join(dir, name), args.split(" "), { cwd: dir, env, input: "input" });
      const [first = "", second = ""] = seen("dist/docker-cni").split("\n");
      expect(first.split("[--plugin][--]")[1]).toBe(words);
      expect(second).toBe(`docker=${docker}`);
      expect(first.includes("[--config-given]")).toBe(file !== undefined);
      expect(first).toContain(`[--config=${file ?? "/etc/docker/cni.yaml"}]`);
    }
  });

  test.each([
    { args: "docker-cli-plugin-metadata", words: "[docker-cli-plugin-metadata]" },
    { args: "__complete ls ", words: "[__complete][ls][]" },
    { args: "cni --config /c.yaml --command add", words: "[go-hook][add]" },
  ])("$args: is known without the plugin's name", ({ args, words }) => {
    launch(args.split(" "));
    expect(seen("dist/docker-cni").split("\n")[0]).toContain(`[--]${words}`);
  });

  test("a flag of a client of tomorrow is passed over in the folder of its plugins alone", () => {
    mkdirSync(join(dir, "cli-plugins"));
    symlinkSync(join(dir, "bin/docker-cni"), join(dir, "cli-plugins/docker-cni"));
    const env = { PATH: `${dir}/path:/usr/bin:/bin` };
    spawnSync(join(dir, "cli-plugins/docker-cni"), ["--new", "cni", "ls"], { env });
    expect(seen("dist/docker-cni")).toContain("[--plugin][--][ls]\n");
    spawnSync(join(dir, "bin/docker-cni"), ["--new", "cni", "ls"], { env });
    expect(seen("path/runc")).toContain("[--new][cni][ls]\n");
  });
});

describe("called as the Go docker-cni is", () => {
  test.each([
    { args: "oci --config C -- --log /l --log-format json state c1" },
    { args: "oci --config=C -- --root /r kill c1 9" },
    { args: "oci --config C --version" },
    { args: "oci -- list" },
  ])("$args: calls the low-level runtime", ({ args }) => {
    writeFileSync(join(dir, "c.yaml"), `oci_bin: ${dir}/other-runc\n`);
    const words = args.replace("C", join(dir, "c.yaml")).split(" ");
    expect(launch(words)).toMatchObject({ status: 7, stdout: "out\n", stderr: "err\n" });
    const given = args.replace(/^oci (--config[ =]C )?(-- )?/, "").split(" ");
    const runs = args.includes("C") ? "other-runc" : "path/runc";
    expect(seen(runs).split("\n")[0]).toBe(given.map((word) => `[${word}]`).join(""));
  });

  test("oci makes a container by the program, with that configuration", () => {
    launch(["oci", "--config", "/c.yaml", "--", "create", "--bundle", "/b", "c1"]);
    expect(seen("dist/docker-cni")).toContain("[--config=/c.yaml][--config-given]");
    expect(seen("dist/docker-cni")).toContain("[--][create][--bundle][/b][c1]\n");
  });

  test.each([
    { command: "add", status: 7 },
    { command: "del", status: 0 },
  ])("a hook of its own, $command, goes to the program", ({ command, status }) => {
    const words = ["cni", "--config", "/c.yaml", "--command", command];
    expect(launch(words, { PATH: "" }).status).toBe(status);
    expect(seen("dist/docker-cni")).toContain("[--config=/c.yaml][--config-given]");
    expect(seen("dist/docker-cni")).toContain(`[--][go-hook][${command}]\n`);
    expect(seen("dist/docker-cni")).toContain("stdin=input");
  });
});

describe("before a start", () => {
  const OWN = "127.0.0.1 localhost\n# docker-cni: from here on kept by docker-cni\n";

  test.each([
    {
      title: "leaves a container alone that it does not know",
      late: undefined,
      hosts: OWN,
      settles: false,
    },
    {
      title: "leaves a hosts file alone that has its lines",
      late: "hosts",
      hosts: OWN,
      settles: false,
    },
    {
      title: "has a hosts file fixed that lost its lines",
      late: "hosts",
      hosts: "::1 localhost\n",
      settles: true,
    },
    {
      title: "has a hosts file looked for that is gone",
      late: "nowhere",
      hosts: OWN,
      settles: true,
    },
    { title: "has a network fixed that the engine changes", late: "", hosts: OWN, settles: true },
    {
      title: "does not read on in a file that the container made long",
      late: "hosts",
      hosts: `${"\n".repeat(1000)}${OWN}`,
      settles: true,
    },
  ])("$title", ({ late, hosts, settles }) => {
    for (const noted of [false, true]) {
      rmSync(join(dir, "dist/docker-cni.seen"), { force: true });
      const sandbox = join(dir, noted ? "elsewhere" : "state", "sandboxes/c1");
      mkdirSync(sandbox, { recursive: true });
      writeFileSync(join(dir, "hosts"), hosts);
      const text = late === "" ? "" : `${dir}/${late}\n`;
      if (late !== undefined) writeFileSync(join(sandbox, "late"), text);
      writeFileSync(join(dir, "cni.yaml"), noted ? "" : `state_dir: ${dir}/state\n`);
      if (noted) note({ root: "/r", id: "c1" });
      launch(["--config", join(dir, "cni.yaml"), "--", "--root", "/r", "start", "c1"]);
      const program = existsSync(join(dir, "dist/docker-cni.seen")) ? seen("dist/docker-cni") : "";
      expect(program.includes("[--][settle][c1]")).toBe(settles);
      expect(seen(noted ? "other-runc" : "path/runc")).toContain("[--root][/r][start][c1]");
    }
  });

  test("leaves a container alone that has no network of docker-cni's", () => {
    const path = `${dir}/other-runc`;
    fileRuntimeNotes(join(dir, "notes")).write({ root: "", id: "c1" }, { path, sandbox: "" });
    mkdirSync(join(dir, "state/sandboxes/c1"), { recursive: true });
    writeFileSync(join(dir, "state/sandboxes/c1/late"), "");
    launch([...config(`state_dir: ${dir}/state\n`).slice(0, 3), "start", "c1"]);
    expect(existsSync(join(dir, "dist/docker-cni.seen"))).toBe(false);
  });
});

describe("a first create that was left to the low-level runtime", () => {
  test("has succeeded when the container is started", () => {
    const sandbox = join(dir, "elsewhere/sandboxes/c1");
    mkdirSync(sandbox, { recursive: true });
    writeFileSync(join(sandbox, "making"), "1 1\n");
    note({ root: "/r", id: "c1" });
    launch(["--", "--root", "/r", "start", "c1"]);
    expect(readFileSync(join(sandbox, "making"), "utf8")).toBe("");
    expect(seen("other-runc")).toContain("[--root][/r][start][c1]");
  });

  test("has not where the container is deleted first: what it was given is undone", async () => {
    const sandbox = join(dir, "elsewhere/sandboxes/c1");
    mkdirSync(sandbox, { recursive: true });
    writeFileSync(join(sandbox, "making"), "1 1\n");
    note({ root: "/r", id: "c1" });
    launch(["--", "--root", "/r", "delete", "--force", "c1"]);
    expect(seen("other-runc")).toContain("[--root][/r][delete][--force][c1]");
    const program = join(dir, "dist/docker-cni.seen");
    await expect
      .poll(() => existsSync(program) && readFileSync(program, "utf8"))
      .toContain(`[--state-dir=${dir}/elsewhere][--][gc][--container][c1]`);
  });
});

describe("tells why the program cannot run", () => {
  test.each([
    {
      flags: ["--log-format", "json"],
      line: /^\{"level":"error","msg":"docker-cni: the program is not installed: .*"\}\n$/,
    },
    { flags: [], line: /^level=error msg="docker-cni: the program is not installed: .*"\n$/ },
    { flags: ["--log-format=json"], line: /^\{"level":"error".*\}\n$/ },
  ])("in the runtime's log, where the engine looks for it ($flags)", ({ flags, line }) => {
    rmSync(join(dir, "dist"), { recursive: true });
    const { status, stderr } = launch(["--log", `${dir}/log`, ...flags, "create", "c1"]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(readFileSync(join(dir, "log"), "utf8")).toMatch(line);
  });
});

test("an option without its value is refused", () => {
  expect(launch(["--config"])).toMatchObject({ status: 1 });
  expect(launch(["--config"]).stderr).toMatch(/the option --config needs a file/);
});
