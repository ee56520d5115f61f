import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sweep } from "../../src/sandbox/gc.ts";
import { keptRecord, useBench } from "../sandbox/context.ts";

const bench = useBench();

/** A runtime that keeps the state of a container in a file beside its root's others, as gVisor's runsc does. */
const OTHER_LAYOUT = `
root= id=
while [ $# -gt 0 ]; do
  case $1 in
  --root) root=$2; shift ;;
  state) id=$2 ;;
  esac
  shift
done
[ -e "$root/\${id}_sandbox:$id.state" ] && { cat "$root/\${id}_sandbox:$id.state"; exit 0; }
echo "loading container \\"$id\\": file does not exist" >&2
exit 128`;

function runtime(script: string): string {
  const path = join(bench.current.dir, "runsc");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

interface Made {
  by: string;
  root?: string;
  id?: string;
  sandbox?: string;
}

/** A note by a process that has ended since. */
function note({ by, root = join(bench.current.dir, "runc"), id = "c1", sandbox }: Made): string {
  const { store } = bench.current.context;
  const at = sandbox ?? store.pathOf(id);
  store.runtimeNotes.write({ root, id }, { path: by, sandbox: at });
  const file = join(bench.current.dir, "runtimes", `${root}/${id}`.replaceAll("/", ":"));
  writeFileSync(file, `${by}\n${at}\n1 0\n`);
  return file;
}

/** A container of --rm: it is over as soon as it does not run. */
function rmContainer(more: { runtimeDir?: string } = {}): void {
  const { store } = bench.current.context;
  const { containerDir: _, ...record } = keptRecord(bench.current, { keep: false, ...more });
  store.prepare("c1");
  store.write(record);
}

async function outcome(): Promise<string | undefined> {
  return (await sweep(bench.current.context))[0]?.outcome;
}

describe("a container whose runtime keeps its state in another way", () => {
  test.each(["running", "created", "paused", "a word of tomorrow"])(
    "keeps its network while the runtime says %s, and not a moment longer",
    async (status) => {
      const root = join(bench.current.dir, "runc");
      mkdirSync(root);
      const state = join(root, "c1_sandbox:c1.state");
      writeFileSync(state, JSON.stringify({ id: "c1", status }));
      rmContainer();
      note({ by: runtime(OTHER_LAYOUT) });
      expect(await outcome()).toBe("kept");
      rmSync(state);
      expect(await outcome()).toBe("released");
    },
  );

  test("is asked for without a root where it was made without one", async () => {
    const by = runtime('[ "$*" = "state c1" ] && echo \'{"status": "running"}\'');
    rmContainer({ runtimeDir: "/run/runc/c1" });
    note({ by, root: "" });
    expect(await outcome()).toBe("kept");
  });

  test("is that of the sandbox, and no other's of the same id", async () => {
    rmContainer();
    note({ by: runtime("exit 0"), sandbox: "/other/sandboxes/c1" });
    expect(await outcome()).toBe("released");
  });
});

describe("to `state` the runtime answers", () => {
  test.each([
    { answer: `echo '{"id":"c1","status":"stopped"}'`, is: "gone" },
    { answer: `echo '{ "status" : "stopped" }'`, is: "gone" },
    { answer: `echo '{"id":"c1","status":"running"}'`, is: "there" },
    { answer: "true", is: "there" },
    { answer: "echo nonsense", is: "there" },
    { answer: "echo 'container does not exist' >&2; exit 1", is: "gone" },
    {
      answer: `echo 'time="…" level=error msg="container does not exist"' >&2; exit 1`,
      is: "gone",
    },
    {
      answer:
        "echo 'error opening file `/run/crun/c1/status`: No such file or directory' >&2; exit 1",
      is: "gone",
    },
    { answer: "echo 'loading container: file does not exist' >&2; exit 128", is: "gone" },
    { answer: "echo 'Container ID (c1) does not exist' >&2; exit 1", is: "gone" },
    { answer: "echo 'no such container' >&2; exit 1", is: "gone" },
    {
      answer:
        "echo 'runsc: libseccomp.so.2: cannot open shared object file: No such file or directory' >&2; exit 127",
      is: "there",
    },
    { answer: "echo 'open /etc/runsc.toml: no such file or directory' >&2; exit 1", is: "there" },
    { answer: "echo 'permission denied' >&2; exit 1", is: "there" },
    { answer: "exit 1", is: "there" },
    { answer: "echo 'container does not exist' >&2; kill -9 $$", is: "there" },
  ])("$answer: it is $is", async ({ answer, is }) => {
    rmContainer();
    note({ by: runtime(answer) });
    expect(await outcome()).toBe(is === "gone" ? "released" : "kept");
  });

  test("nothing, because it is not there any more: it may run", async () => {
    rmContainer();
    note({ by: join(bench.current.dir, "no-such-runtime") });
    expect(await outcome()).toBe("kept");
  });
});

test("a container that is being made is there before its runtime has it", async () => {
  const { context } = bench.current;
  rmContainer();
  const key = { root: join(bench.current.dir, "runc"), id: "c1" };
  const undo = context.store.runtimeNotes.write(key, {
    path: "/usr/bin/runc",
    sandbox: context.store.pathOf("c1"),
  });
  expect(await outcome()).toBe("kept");
  undo();
  expect(await outcome()).toBe("released");
});

describe("the note of a runtime", () => {
  const gone = "echo 'container does not exist' >&2; exit 1";

  test.each([
    {
      title: "goes by gc when the runtime no longer has the container",
      script: gone,
      stays: false,
    },
    { title: "stays while the runtime has it", script: "true", stays: true },
    {
      title: "stays while the runtime has a folder of it",
      script: gone,
      folder: true,
      stays: true,
    },
    {
      title: "stays while the container's sandbox is there",
      script: gone,
      sandbox: "sandboxes/left-alone",
      stays: true,
    },
    { title: "stays for a minute while it is being written", text: "", stays: true },
    { title: "goes when that came to nothing", text: "", old: true, stays: false },
  ])("$title", async ({ script = "true", sandbox, text, folder = false, old = false, stays }) => {
    const { dir } = bench.current;
    const file = note({
      by: runtime(script),
      id: "left-alone",
      sandbox: sandbox === undefined ? "" : join(dir, sandbox),
    });
    if (sandbox !== undefined) mkdirSync(join(dir, sandbox), { recursive: true });
    if (folder) mkdirSync(join(bench.current.dir, "runc/left-alone"), { recursive: true });
    if (text !== undefined) writeFileSync(file, text);
    if (old) utimesSync(file, new Date(0), new Date(0));
    await sweep(bench.current.context);
    expect(existsSync(file)).toBe(stays);
  });

  test("goes by the same gc with a sandbox that no record was written of", async () => {
    bench.current.context.store.prepare("c1");
    const file = note({ by: runtime(gone) });
    await sweep(bench.current.context);
    expect(existsSync(file)).toBe(false);
  });

  test("is put back as it was when another container of that id is not made after all", () => {
    const { runtimeNotes } = bench.current.context.store;
    const key = { root: "/r", id: "c1" };
    runtimeNotes.write(key, { path: "/usr/bin/crun", sandbox: "/s" });
    const undo = runtimeNotes.write(key, { path: "/usr/bin/runc", sandbox: "/s" });
    expect(runtimeNotes.read(key)?.path).toBe("/usr/bin/runc");
    undo();
    expect(runtimeNotes.read(key)?.path).toBe("/usr/bin/crun");
  });

  test.each([
    { title: "a root with a colon", key: { root: "/a:b", id: "c1" }, path: "/usr/bin/runc" },
    { title: "an id with a slash", key: { root: "/a", id: "../c1" }, path: "/usr/bin/runc" },
    { title: "a runtime with a line break", key: { root: "/a", id: "c1" }, path: "/usr/b\nin" },
    {
      title: "names that are too long",
      key: { root: "/a".repeat(99), id: "c".repeat(64) },
      path: "/r",
    },
  ])("is not written for $title", ({ key, path }) => {
    const { runtimeNotes } = bench.current.context.store;
    runtimeNotes.write(key, { path, sandbox: "" })();
    expect(runtimeNotes.read(key)).toBeUndefined();
    expect(existsSync(join(bench.current.dir, "runtimes"))).toBe(false);
  });

  test("is root's alone", () => {
    const { runtimeNotes } = bench.current.context.store;
    runtimeNotes.write({ root: "/r", id: "c1" }, { path: "/usr/bin/runc", sandbox: "" });
    const dir = join(bench.current.dir, "runtimes");
    expect(readdirSync(dir)).toEqual([":r:c1"]);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, ":r:c1")).mode & 0o777).toBe(0o600);
  });

  test("is dispensed with where there is no room for it", () => {
    const { runtimeNotes } = bench.current.context.store;
    writeFileSync(join(bench.current.dir, "runtimes"), "");
    runtimeNotes.write({ root: "/r", id: "c1" }, { path: "/usr/bin/runc", sandbox: "" })();
    expect(runtimeNotes.read({ root: "/r", id: "c1" })).toBeUndefined();
  });
});
