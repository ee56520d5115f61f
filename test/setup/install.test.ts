import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/lib/errors.ts";
import { install } from "../../src/setup/install.ts";
import { uninstall } from "../../src/setup/uninstall.ts";
import { noEngine, useHost } from "./fake-host.ts";
import { TEXTS } from "./texts.ts";

const bench = useHost();

/** Every file below the root, by its path: its content, a link's target, and its mode. */
function tree(): Record<string, string> {
  const { root } = bench.current;
  const entries = readdirSync(root, { withFileTypes: true, recursive: true });
  const pairs = entries.map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    const mode = (lstatSync(path).mode & 0o7777).toString(8);
    const name = path.slice(root.length);
    if (entry.isSymbolicLink()) return [name, `-> ${readlinkSync(path)}`];
    return [name, entry.isDirectory() ? mode : `${mode} ${readFileSync(path, "latin1")}`];
  });
  return Object.fromEntries(pairs);
}

const request = (more = {}) => ({ ...bench.current.request, ...more });
const doInstall = (more = {}) => install(bench.current.setup, request(more));
const doUninstall = (more = {}) => {
  const { daemonJson } = bench.current.request;
  const asked = { name: undefined, daemonJson, dryRun: false, force: false, reload: true };
  return uninstall(bench.current.setup, { ...asked, ...more });
};

/** daemon.json as it may be found; what is put there, and what is beside it. */
const FILES: { title: string; text?: string; prepare?: () => void; comments?: boolean }[] = [
  ...TEXTS.map(({ title, text }) => ({
    title,
    text: text.replaceAll(/[§¶]/g, ""),
    comments: /^(a comment|comments)/.test(title),
  })),
  { title: "null for runtimes", text: '{ "runtimes": null }' },
  { title: "not there", prepare: () => rmSync(bench.current.paths.daemonJson, { force: true }) },
  {
    title: "with its folder not there",
    prepare: () =>
      rmSync(dirname(bench.current.paths.daemonJson), { recursive: true, force: true }),
  },
  {
    title: "a link",
    text: '{"a":1}',
    prepare: () => {
      const { paths, root, write } = bench.current;
      rmSync(paths.daemonJson);
      write(join(root, "srv/docker.json"), '{\n  "debug": true\n}');
      symlinkSync("../../srv/docker.json", paths.daemonJson);
    },
  },
  {
    title: "a link of a link to what is not there",
    prepare: () => {
      const { paths, root } = bench.current;
      mkdirSync(join(root, "srv"));
      mkdirSync(dirname(paths.daemonJson), { recursive: true });
      symlinkSync("daemon.json.real", join(dirname(paths.daemonJson), "second"));
      symlinkSync("../../srv/none.json", join(dirname(paths.daemonJson), "daemon.json.real"));
      symlinkSync("second", paths.daemonJson);
    },
  },
  {
    title: "its owner's alone",
    text: '{\n  "debug": true\n}\n',
    prepare: () => chmodSync(bench.current.paths.daemonJson, 0o600),
  },
];

describe("install and uninstall", () => {
  test.each(FILES.filter(({ comments }) => !comments))(
    "daemon.json, $title: Docker has the runtime, and then every byte is as before",
    async ({ text, prepare }) => {
      const { paths, write, info, launcher } = bench.current;
      if (text !== undefined) write(paths.daemonJson, text);
      prepare?.();
      const before = tree();
      const outcome = await doInstall();
      expect(outcome.reloaded).toBe(true);
      expect(info.Runtimes?.["cni"]).toEqual({ path: launcher });
      const installed = tree();
      expect(installed).not.toEqual(before);

      const again = await doInstall();
      expect(again).toMatchObject({ changes: [], done: [], reloaded: false });
      expect(tree()).toEqual(installed);

      await doUninstall();
      expect(tree()).toEqual(before);
      expect(info.Runtimes?.["cni"]).toBeUndefined();
    },
  );

  test.each(FILES.filter(({ comments }) => comments))(
    "daemon.json, $title: Docker refuses it, and all is taken back",
    async ({ text = "" }) => {
      const { paths, write } = bench.current;
      write(paths.daemonJson, text);
      const before = tree();
      await expect(doInstall()).rejects.toThrow(/dockerd does not have the runtime "cni"/);
      expect(tree()).toEqual(before);
    },
  );

  test("comments stay where Docker is not asked", async () => {
    const { paths, write } = bench.current;
    write(paths.daemonJson, '{\n  // why\n  "debug": true // this\n}\n');
    const { warnings } = await doInstall({ reload: false });
    expect(readFileSync(paths.daemonJson, "utf8")).toMatch(
      /^\{\n {2}\/\/ why\n {2}"debug": true, \/\/ this\n {2}"runtimes": \{/,
    );
    expect(warnings[0]).toMatch(/has comments, which Docker itself refuses/);
  });

  test("makes what is needed where nothing is, and a dated backup", async () => {
    const { paths, write, root } = bench.current;
    write(paths.daemonJson, '{ "debug": true }\n');
    const { changes, done } = await doInstall();
    expect(changes.map(({ path }) => path.slice(root.length))).toEqual([
      "/etc/docker/cni.yaml",
      "/etc/cni/net.d/10-docker-cni.conflist",
      "/etc/docker/daemon.json",
    ]);
    expect(done.map((line) => line.replaceAll(root, ""))).toEqual([
      "link /usr/local/lib/docker/cli-plugins/docker-cni to /usr/bin/docker-cni",
    ]);
    const backup = `${paths.daemonJson}.docker-cni-20261128T010203Z`;
    expect(readFileSync(backup, "utf8")).toBe('{ "debug": true }\n');
    expect(statSync(paths.note).mode & 0o777).toBe(0o600);
  });

  test("leaves what is there: a configuration, a network, a plugin", async () => {
    const { paths, write } = bench.current;
    write(paths.cniYaml, "log_level: debug\n");
    write(join(paths.cniConfDir, "50-mine.conf"), "{}");
    write(join(paths.cliPluginDirs[0] ?? "", "docker-cni"), "");
    const before = tree();
    expect((await doInstall()).changes).toHaveLength(1);
    await doUninstall();
    expect(tree()).toEqual(before);
  });

  test("writes systemd's units where systemd runs, with the launcher and Docker's folder in them", async () => {
    const { paths, info, commands, launcher, answers } = bench.current;
    mkdirSync(paths.systemd, { recursive: true });
    answers.set("systemctl", { exitCode: 3, stdout: "", stderr: "" });
    info.DockerRootDir = "/data/docker";
    const before = tree();
    await doInstall();
    const [folder = ""] = paths.unitDirs;
    expect(readFileSync(join(folder, "docker-cni-gc.path"), "utf8")).toContain(
      "PathChanged=/data/docker/containers\n",
    );
    expect(readFileSync(join(folder, "docker-cni-gc.service"), "utf8")).toContain(
      `ExecStart=${launcher} gc --background\n`,
    );
    expect(commands).toContain("systemctl enable --quiet docker-cni-gc.path docker-cni-gc.service");
    await doUninstall();
    expect(commands).toContain(
      "systemctl disable --quiet --now docker-cni-gc.path docker-cni-gc.service",
    );
    expect(tree()).toEqual(before);
  });

  test("the unit of gc has the configuration of the registration, and the folder of its state", async () => {
    const { paths, launcher } = bench.current;
    mkdirSync(paths.systemd, { recursive: true });
    const runtimeArgs = [
      "--config",
      "/srv/a 50%/$cni.yaml",
      "--runtime-path",
      "/usr/bin/crun",
      "--",
    ];
    await doInstall({ runtime: { path: launcher, runtimeArgs }, stateDir: "/srv/50% state" });
    const unit = readFileSync(join(paths.unitDirs[0] ?? "", "docker-cni-gc.service"), "utf8");
    expect(unit).toContain(
      `ExecStart=${launcher} --config "/srv/a 50%%/$$cni.yaml" --runtime-path /usr/bin/crun gc --background\n`,
    );
    expect(unit).toContain("ConditionPathIsDirectory=/srv/50%% state/sandboxes\n");
  });

  test("tells what systemd does not do", async () => {
    const { paths, answers } = bench.current;
    mkdirSync(paths.systemd, { recursive: true });
    answers.set("systemctl", { exitCode: 1, stdout: "", stderr: "Access denied\n" });
    const { done, warnings } = await doInstall();
    const units = "docker-cni-gc.path docker-cni-gc.service";
    expect(done.filter((line) => line.startsWith("enable"))).toEqual([]);
    expect(warnings).toContain(`systemctl enable --quiet ${units} failed: Access denied`);
    const taken = await doUninstall();
    expect(taken?.done.filter((line) => line.startsWith("disable"))).toEqual([]);
    expect(taken?.warnings).toContain(
      `systemctl disable --quiet --now ${units} failed: Access denied`,
    );
    answers.set("systemctl", { exitCode: 0, stdout: "", stderr: "" });
    expect((await doInstall({ reload: false })).done).toContain(
      "enable docker-cni-gc.path, docker-cni-gc.service",
    );
  });

  test("reloads by systemd where it runs Docker", async () => {
    const { paths, commands, answers, host } = bench.current;
    mkdirSync(paths.systemd, { recursive: true });
    answers.set("systemctl", { exitCode: 0, stdout: "", stderr: "" });
    const run = host.run;
    host.run = (command, args) => {
      if (args[0] === "reload") host.hangUp(4711);
      return run(command, args);
    };
    await doInstall();
    expect(commands).toContain("systemctl reload docker");
  });

  test("makes it the default, and gives the earlier one back", async () => {
    const { paths, write, info } = bench.current;
    const text = '{\n  "default-runtime": "kata",\n  "runtimes": {"kata": {"path": "/k"}}\n}\n';
    write(paths.daemonJson, text);
    await doInstall();
    await doInstall({ makeDefault: true });
    expect(info.DefaultRuntime).toBe("cni");
    await doUninstall();
    expect(readFileSync(paths.daemonJson, "utf8")).toBe(text);
    expect(info.DefaultRuntime).toBe("kata");
  });

  test("keeps what others wrote since", async () => {
    const { paths, write } = bench.current;
    write(paths.daemonJson, '{\n  "debug": true\n}\n');
    await doInstall({ makeDefault: true });
    const text = readFileSync(paths.daemonJson, "utf8");
    write(paths.daemonJson, text.replace("true", "false"));
    await doInstall({ name: "second" });
    await doUninstall({ name: "second" });
    expect(readFileSync(paths.daemonJson, "utf8")).toBe(text.replace("true", "false"));
    write(paths.cniYaml, "keep: never\n");
    const outcome = await doUninstall();
    expect(readFileSync(paths.daemonJson, "utf8")).toBe('{\n  "debug": false\n}\n');
    expect(outcome?.warnings).toEqual([`${paths.cniYaml} stays: it was changed since`]);
    expect(outcome?.done).not.toContain(`remove ${paths.cniYaml}`);
    expect(outcome?.done).toContain(`remove ${join(paths.cniConfDir, "10-docker-cni.conflist")}`);
    expect(existsSync(paths.note)).toBe(false);
  });

  test("two runtimes go one after the other", async () => {
    const { paths, write } = bench.current;
    const text = '{"debug":true}';
    write(paths.daemonJson, text);
    const before = tree();
    await doInstall();
    await doInstall({ name: "second" });
    await doUninstall({ name: "cni" });
    expect(Object.keys(JSON.parse(readFileSync(paths.daemonJson, "utf8")).runtimes)).toEqual([
      "second",
    ]);
    expect(existsSync(paths.cniYaml)).toBe(true);
    await doUninstall({ name: "second" });
    expect(tree()).toEqual(before);
  });

  test("the earlier default is not given back when it is gone", async () => {
    const { paths, write } = bench.current;
    write(paths.daemonJson, '{\n  "debug": true\n}\n');
    await doInstall({ makeDefault: true });
    await doInstall({ name: "second", makeDefault: true });
    await doUninstall({ name: "cni" });
    const text = readFileSync(paths.daemonJson, "utf8");
    write(paths.daemonJson, text.replace("true", "false"));
    await doUninstall({ name: "second" });
    expect(JSON.parse(readFileSync(paths.daemonJson, "utf8"))).toEqual({ debug: false });
  });

  test("a default that others made of it goes with it", async () => {
    const { paths, write } = bench.current;
    await doInstall();
    const installed: object = JSON.parse(readFileSync(paths.daemonJson, "utf8"));
    write(paths.daemonJson, JSON.stringify({ ...installed, "default-runtime": "cni" }));
    await doUninstall();
    expect(JSON.parse(readFileSync(paths.daemonJson, "utf8"))).toEqual({});
  });

  test("what was made beside a registration by hand goes without it", async () => {
    const { paths, write, launcher } = bench.current;
    write(paths.daemonJson, JSON.stringify({ runtimes: { cni: { path: launcher } } }));
    const before = tree();
    await doInstall();
    expect(existsSync(paths.cniYaml)).toBe(true);
    expect((await doUninstall({ dryRun: true }))?.done).toContain(`remove ${paths.cniYaml}`);
    expect(existsSync(paths.cniYaml)).toBe(true);
    expect(await doUninstall()).toMatchObject({ changes: [], warnings: [] });
    expect(tree()).toEqual(before);
    expect(await doUninstall()).toBeUndefined();
  });

  test.each([{ others: false }, { others: true }])(
    "a registration by hand stays where it only became the default, though others write: $others",
    async ({ others }) => {
      const { paths, write, launcher, info } = bench.current;
      const text = `{\n  "debug": true,\n  "runtimes": {"cni": {"path": "${launcher}"}}\n}\n`;
      write(paths.daemonJson, text);
      await doInstall({ makeDefault: true });
      expect(info.DefaultRuntime).toBe("cni");
      const installed = readFileSync(paths.daemonJson, "utf8");
      if (others) write(paths.daemonJson, installed.replace("true", "false"));
      bench.current.containers = [container("cni")];
      expect((await doUninstall())?.reloaded).toBe(true);
      expect(info).toMatchObject({ DefaultRuntime: "runc", Runtimes: { cni: { path: launcher } } });
      expect(readFileSync(paths.daemonJson, "utf8")).toBe(
        others ? text.replace("true", "false") : text,
      );
    },
  );

  test("all is taken back though dockerd does not answer once it was told", async () => {
    const { paths, write, host } = bench.current;
    write(paths.daemonJson, '{"runtimes":{"x":{"path":"/x"}}}');
    const before = tree();
    await doInstall();
    host.hangUp = () => (bench.current.failure = noEngine("ETIMEDOUT"));
    const outcome = await doUninstall();
    expect(outcome).toMatchObject({
      reloaded: false,
      warnings: [expect.stringMatching(/does not answer/)],
    });
    expect(tree()).toEqual(before);
  });

  test("of nothing is nothing", async () => {
    expect(await doUninstall()).toBeUndefined();
    await doInstall();
    expect(await doUninstall({ name: "other" })).toBeUndefined();
  });

  test("with --dry-run change nothing", async () => {
    const { paths, write } = bench.current;
    write(paths.daemonJson, "{}");
    const before = tree();
    expect((await doInstall({ dryRun: true })).changes).toHaveLength(3);
    expect(tree()).toEqual(before);
    await doInstall();
    const installed = tree();
    expect((await doUninstall({ dryRun: true }))?.changes).toHaveLength(1);
    expect(tree()).toEqual(installed);
  });
});

/** What install refuses, with nothing changed. */
const REFUSED: { title: string; prepare: () => void; more?: object; told: RegExp }[] = [
  {
    title: "a broken daemon.json",
    prepare: () => bench.current.write(bench.current.paths.daemonJson, '{"a": '),
    told: /daemon\.json:1: it is not valid JSON/,
  },
  {
    title: "a folder",
    prepare: () => mkdirSync(bench.current.paths.daemonJson, { recursive: true }),
    told: /daemon\.json: it is a folder; nothing was changed/,
  },
  {
    title: "links in a loop",
    prepare: () => {
      mkdirSync(dirname(bench.current.paths.daemonJson), { recursive: true });
      symlinkSync("daemon.json", bench.current.paths.daemonJson);
    },
    told: /its links form a loop/,
  },
  {
    title: "a read-only file",
    prepare: () => {
      bench.current.write(bench.current.paths.daemonJson, "{}");
      chmodSync(bench.current.paths.daemonJson, 0o444);
    },
    told: /it is read-only \(mode 0444\)/,
  },
  {
    title: "another's runtime of that name",
    prepare: () =>
      bench.current.write(bench.current.paths.daemonJson, '{"runtimes":{"cni":{"path":"/x"}}}'),
    told: /has a runtime "cni" already: \{"path":"\/x"\}/,
  },
  {
    title: "a snap's Docker that runs",
    prepare: () => (bench.current.info.DockerRootDir = "/var/snap/docker/common/var-lib-docker"),
    told: /Docker is installed as a snap/,
  },
  {
    title: "a snap's Docker that does not run",
    prepare: () => {
      bench.current.runs = false;
      mkdirSync(bench.current.paths.snapDocker, { recursive: true });
    },
    told: /Docker is installed as a snap/,
  },
  {
    title: "a rootless Docker",
    prepare: () => (bench.current.info.SecurityOptions = ["name=seccomp", "name=rootless"]),
    told: /this Docker is rootless/,
  },
  {
    title: "a dockerd that reads another file",
    prepare: () => (bench.current.words = ["/usr/bin/dockerd", "--config-file=/other.json"]),
    told: /\(process 4711\) reads \/other\.json, not .*\/etc\/docker\/daemon\.json/,
  },
  {
    title: "a pid file that names another program",
    prepare: () => (bench.current.words = ["nginx"]),
    told: /cannot find the dockerd that runs/,
  },
  {
    title: "a file that dockerd --validate refuses",
    prepare: () =>
      bench.current.answers.set("dockerd", { exitCode: 1, stdout: "", stderr: "no such option" }),
    told: /dockerd --validate refuses .*daemon\.json with the runtime: no such option/,
  },
  {
    title: "a dockerd that does not take it",
    prepare: () => (bench.current.obeys = false),
    told: /dockerd does not have the runtime "cni" after it was told to read .*; all was taken back/,
  },
  {
    title: "a file where a folder is needed",
    prepare: () => bench.current.write(join(bench.current.root, "etc/cni"), ""),
    told: /cannot read or write .*\/etc\/cni\/net\.d: ENOTDIR/,
  },
  {
    title: "a file where the note's folder is needed",
    prepare: () => bench.current.write(join(bench.current.root, "var/lib/docker-cni"), ""),
    told: /cannot read or write .*install\.json: ENOTDIR/,
  },
  {
    title: "a dockerd that does not answer",
    prepare: () => (bench.current.failure = noEngine("ETIMEDOUT")),
    told: /it fails: ETIMEDOUT/,
  },
  {
    title: "a dockerd that answers with an error",
    prepare: () => (bench.current.failure = new UserError("NO_ENGINE", "answers with 500")),
    told: /answers with 500/,
  },
  {
    title: "a note that is broken",
    prepare: () => bench.current.write(bench.current.paths.note, "{}"),
    told: /the note of what was installed, .*, is broken/,
  },
];

describe("install refuses, and nothing is changed", () => {
  test.each(REFUSED)("$title", async ({ prepare, more, told }) => {
    prepare();
    const before = tree();
    await expect(doInstall(more)).rejects.toThrow(told);
    expect(tree()).toEqual(before);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a file that is mounted, which nothing can take the place of",
    async () => {
      const { paths, write } = bench.current;
      write(paths.daemonJson, "{}");
      const before = tree();
      execFileSync("mount", ["--bind", paths.daemonJson, paths.daemonJson]);
      try {
        await expect(doInstall()).rejects.toThrow(
          /it cannot be written: EBUSY; nothing was changed/,
        );
        await expect(doInstall({ reload: false })).rejects.toThrow(/EBUSY/);
        expect(tree()).toEqual(before);
      } finally {
        execFileSync("umount", [paths.daemonJson]);
      }
    },
  );

  test("an old dockerd that cannot validate is no reason", async () => {
    const told = { exitCode: 125, stdout: "", stderr: "unknown flag: --validate" };
    bench.current.answers.set("dockerd", told);
    expect((await doInstall()).reloaded).toBe(true);
    expect(bench.current.commands[0]).toMatch(/^dockerd --validate --config-file \/etc\/docker\//);
  });
});

const container = (Runtime: string) => ({
  Id: "c".repeat(64),
  Name: "/web",
  HostConfig: { Runtime },
});

test("a Docker that does not run reads it when it starts", async () => {
  bench.current.runs = false;
  const { reloaded, warnings } = await doInstall();
  expect({ reloaded, warnings }).toEqual({
    reloaded: false,
    warnings: ["Docker does not run; it reads the file when it starts"],
  });
});

describe("uninstall refuses", () => {
  test.each([
    { title: "while a container has the runtime", runtime: "cni", refused: true },
    { title: "not for another's containers", runtime: "runc", refused: false },
  ])("$title", async ({ runtime, refused }) => {
    await doInstall();
    bench.current.containers = [container(runtime)];
    const before = tree();
    const message = await doUninstall().then(() => "", String);
    expect(/1 containers have the runtime cni: web; nothing was changed/.test(message)).toBe(
      refused,
    );
    expect(JSON.stringify(tree()) === JSON.stringify(before)).toBe(refused);
  });

  test("while it is unknown, and neither with --force", async () => {
    const before = tree();
    await doInstall();
    bench.current.runs = false;
    await expect(doUninstall()).rejects.toThrow(
      /it is unknown whether containers have the runtime/,
    );
    const outcome = await doUninstall({ force: true });
    expect(outcome?.warnings).toEqual(["Docker does not run; it reads the file when it starts"]);
    expect(tree()).toEqual(before);
  });
});
