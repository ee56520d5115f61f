import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { describeError, UserError } from "../../src/lib/errors.ts";
import { type Config, defaultBinDirs } from "../../src/config/config.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { knownKeys } from "../../src/config/schema.ts";

const file = "/etc/docker/cni.yaml";

const defaults: Config = {
  cniConfDir: "/etc/cni/net.d",
  cniBinDirs: ["/opt/cni/bin", "/usr/lib/cni"],
  ifName: "eth0",
  logFile: "/var/log/docker-cni.log",
  logLevel: "info",
  stateDir: "/var/lib/docker-cni",
  pluginTimeoutMs: 60_000,
  lockTimeoutMs: 120_000,
  keep: "always",
  keepForMs: undefined,
  parkAfterMs: 86_400_000,
  reserveForMs: undefined,
  attach: "always",
  imageLabels: "ignore",
  envAddresses: false,
  workloadArgs: [],
  names: "hosts",
  dnsDir: "/run/docker-cni/dns",
  warnings: [],
};

function errorOf(load: () => Config): UserError {
  try {
    load();
  } catch (error) {
    if (error instanceof UserError && error.code === "BAD_CONFIG") return error;
    throw error;
  }
  throw new Error("no error");
}

const messageOf = (text: string) => errorOf(() => parseConfig(file, text)).message;

describe("what a file says is what the program gets", () => {
  test.each<[string, string, Partial<Config>]>([
    ["an empty file is all defaults", "", {}],
    ["a file of comments is all defaults", "# oci_bin: /x\n", {}],
    ["a key without a value has its default", "oci_bin:\nkeep:\nhosts: ~\n", {}],
    ["oci_bin, which the launcher reads, may be a path", "oci_bin: /usr/sbin/crun", {}],
    ["oci_bin may be the name of a command", "oci_bin: crun", {}],
    ["a folder's final slash is dropped", "cni_conf_dir: /a/b/", { cniConfDir: "/a/b" }],
    [
      "cni_bin_dir may be one folder",
      "cni_bin_dir: /opt/cni/bin/",
      { cniBinDirs: ["/opt/cni/bin"] },
    ],
    ["cni_bin_dir is a : list in its order", "cni_bin_dir: /b:/a", { cniBinDirs: ["/b", "/a"] }],
    [
      "empty parts of cni_bin_dir do not count",
      "cni_bin_dir: ':/b::/a:'",
      { cniBinDirs: ["/b", "/a"] },
    ],
    ["cni_ifname names the interface", "cni_ifname: net0", { ifName: "net0" }],
    ["cni_log alone names the log file", "cni_log: /x/cni.log", { logFile: "/x/cni.log" }],
    ["log_driver names the log file", "log_driver: file:///x/y.log", { logFile: "/x/y.log" }],
    [
      "log_driver wins over cni_log",
      "cni_log: /x/cni.log\nlog_driver: file:///x/y.log",
      { logFile: "/x/y.log" },
    ],
    ["log_level is taken as written", "log_level: error", { logLevel: "error" }],
    ["log_level may be in capitals", "log_level: WARN", { logLevel: "warn" }],
    ["logrus' warning is warn", "log_level: warning", { logLevel: "warn" }],
    ["logrus' trace is debug", "log_level: trace", { logLevel: "debug" }],
    ["logrus' fatal is error", "log_level: fatal", { logLevel: "error" }],
    [
      "state_dir moves the state",
      "state_dir: /srv/cni/",
      { stateDir: "/srv/cni", dnsDir: "/srv/cni/dns" },
    ],
    ["a time-out in milliseconds", "plugin_timeout: 500ms", { pluginTimeoutMs: 500 }],
    ["a time-out in minutes and seconds", "lock_timeout: 1m30s", { lockTimeoutMs: 90_000 }],
    ["keep: never", "keep: never", { keep: "never" }],
    ["keep: label", "keep: label", { keep: "label" }],
    ["keep_for in hours", "keep_for: 24h", { keepForMs: 86_400_000 }],
    ["park_after in minutes", "park_after: 30m", { parkAfterMs: 1_800_000 }],
    ["park_after: off is never", "park_after: off", { parkAfterMs: undefined }],
    ["keep_for: off is for ever", "keep_for: off", { keepForMs: undefined }],
    ["attach: labelled", "attach: labelled", { attach: "labelled" }],
    ["image_labels: allow", "image_labels: allow", { imageLabels: "allow" }],
    ["env_addresses: true", "env_addresses: true", { envAddresses: true }],
    [
      "workload_args lists what plugins are told",
      "workload_args: [id, name, 'label:com.example/team']",
      { workloadArgs: ["id", "name", "label:com.example/team"] },
    ],
    ["hosts: false", "hosts: false", { names: "off" }],
    ["names by DNS", "names: dns", { names: "dns" }],
    ["names before the older hosts", "hosts: false\nnames: hosts", {}],
    ["fixed_ip: false of a Go version is keep: never", "fixed_ip: false", { keep: "never" }],
    ["fixed_ip: true of a Go version is keep: always", "fixed_ip: true", { keep: "always" }],
    ["keep wins over fixed_ip", "fixed_ip: false\nkeep: label", { keep: "label" }],
    [
      "keys of Go versions that do nothing here are accepted with a warning",
      "cni_type: calico\nstore_file: /var/lib/docker-cni/store.db\n",
      {
        warnings: [
          "cni_type has no effect: any CNI plugin keeps its address here",
          "store_file has no effect: the state is in state_dir",
        ],
      },
    ],
    ["JSON is YAML", '{"cni_ifname": "net0", "hosts": false}', { ifName: "net0", names: "off" }],
    [
      "line ends may be CR LF",
      "cni_ifname: net0\r\nhosts: false\r\n",
      { ifName: "net0", names: "off" },
    ],
  ])("%s", (_title, text, expected) => {
    expect(parseConfig(file, text)).toEqual({ ...defaults, ...expected });
  });

  test("the files that the Go docker-cni came with load as they are", () => {
    const text = [
      "oci_bin: /usr/bin/runc",
      "",
      "cni_conf_dir: /etc/cni/net.d/",
      "cni_bin_dir: /opt/cni/bin/",
      "cni_ifname: eth0",
      "cni_log: /var/log/cni.log",
      "",
      "log_driver: file:///var/log/docker-cni.log",
      "log_level: debug",
      "",
    ].join("\n");
    expect(parseConfig(file, text)).toEqual({
      ...defaults,
      cniBinDirs: ["/opt/cni/bin"],
      logLevel: "debug",
    });
  });
});

describe("a wrong file is an error that names file, line, key, what was expected and the nearest key", () => {
  test.each([
    [
      "an unknown key near a known one",
      "hosts: true\ncni_bindir: /x\n",
      `${file}:2: unknown key "cni_bindir": did you mean cni_bin_dir?`,
    ],
    [
      "an unknown key in camel case",
      "pluginTimeout: 60s",
      `${file}:1: unknown key "pluginTimeout": did you mean plugin_timeout?`,
    ],
    [
      "an unknown key like no other lists all keys",
      "mtu: 1400",
      `${file}:1: unknown key "mtu": the keys are ${knownKeys.join(", ")}`,
    ],
    [
      "a key that every object has",
      "constructor: 1",
      `${file}:1: unknown key "constructor": the keys are ${knownKeys.join(", ")}`,
    ],
    [
      "a relative path",
      "\n\nstate_dir: var/lib",
      `${file}:3: state_dir: expected an absolute path, such as /var/lib/docker-cni; got "var/lib"`,
    ],
    [
      "a path with a control character",
      'state_dir: "/a\\nb"',
      `${file}:1: state_dir: expected an absolute path, such as /var/lib/docker-cni; got "/a\\nb"`,
    ],
    [
      "a runtime that is neither a path nor a name",
      "oci_bin: bin/runc",
      `${file}:1: oci_bin: expected an absolute path or the name of a command, such as /usr/bin/runc; got "bin/runc"`,
    ],
    [
      "a relative folder in a list",
      "cni_bin_dir: /a:b",
      `${file}:1: cni_bin_dir: expected absolute paths separated by ':', such as /opt/cni/bin:/usr/lib/cni; got "/a:b"`,
    ],
    [
      "an interface name of 16 bytes",
      "cni_ifname: abcdefghijklmnop",
      `${file}:1: cni_ifname: expected an interface name of 1 to 15 bytes without '/', ':' or spaces, such as eth0; got "abcdefghijklmnop"`,
    ],
    [
      "an interface name with a slash",
      "cni_ifname: a/b",
      `${file}:1: cni_ifname: expected an interface name of 1 to 15 bytes without '/', ':' or spaces, such as eth0; got "a/b"`,
    ],
    [
      "an interface called ..",
      "cni_ifname: ..",
      `${file}:1: cni_ifname: expected an interface name of 1 to 15 bytes without '/', ':' or spaces, such as eth0; got ".."`,
    ],
    [
      "a log driver that is no file",
      "log_driver: journal://",
      `${file}:1: log_driver: expected a file URL with an absolute path, such as file:///var/log/docker-cni.log; got "journal://"`,
    ],
    [
      "a level that does not exist",
      "log_level: loud",
      `${file}:1: log_level: expected one of debug, info, warn, error; got "loud"`,
    ],
    [
      "a time without its unit",
      "plugin_timeout: 60",
      `${file}:1: plugin_timeout: expected a time with its unit (ms, s, m, h, d), such as 60s, at most 1h; got 60`,
    ],
    [
      "a time-out of nothing",
      "plugin_timeout: 0s",
      `${file}:1: plugin_timeout: expected a time with its unit (ms, s, m, h, d), such as 60s, at most 1h; got "0s"`,
    ],
    [
      "a time-out over its bound",
      "lock_timeout: 61m",
      `${file}:1: lock_timeout: expected a time with its unit (ms, s, m, h, d), such as 2m, at most 1h; got "61m"`,
    ],
    [
      "a keep_for without its unit",
      "keep_for: never",
      `${file}:1: keep_for: expected a time with its unit (ms, s, m, h, d), such as 24h, at most 3650d, or off; got "never"`,
    ],
    [
      "a policy that does not exist",
      "keep: often",
      `${file}:1: keep: expected one of always, never, label; got "often"`,
    ],
    [
      "yes where true is meant",
      "env_addresses: yes",
      `${file}:1: env_addresses: expected true or false; got "yes"`,
    ],
    [
      "a word where a list is meant",
      "workload_args: name",
      `${file}:1: workload_args: expected a list of id, name and label:KEY, such as [name, label:com.example.team]; got "name"`,
    ],
    [
      "a wrong entry in a list",
      "workload_args:\n  - id\n  - image\n",
      `${file}:1: entry 2 of workload_args: expected id, name or label:KEY; got "image"`,
    ],
    [
      "a very long value is cut",
      `keep: ${"x".repeat(300)}`,
      `${file}:1: keep: expected one of always, never, label; got "${"x".repeat(76)}...`,
    ],
    [
      "a key that is quoted",
      "hosts: true\n'keep' : 3\n",
      `${file}:2: keep: expected one of always, never, label; got 3`,
    ],
    [
      "a key whose name also stands in a comment and in a text before it",
      '# keep: x\ncni_log: "/a\n  keep: /b"\nkeep: 3\n',
      `${file}:4: keep: expected one of always, never, label; got 3`,
    ],
    [
      "a mapping where a text is meant",
      "oci_bin:\n  keep: 1\n",
      `${file}:1: oci_bin: expected an absolute path or the name of a command, such as /usr/bin/runc; got {"keep":1}`,
    ],
    ["a list in place of keys", "- a\n", `${file}:1: expected lines of the form key: value`],
    ["a word in place of keys", "runc\n", `${file}:1: expected lines of the form key: value`],
    [
      "several documents",
      "hosts: true\n---\nkeep: never\n",
      `${file}:1: expected one document, got several ('---')`,
    ],
    [
      "a key twice",
      "hosts: true\nhosts: false\n",
      `${file}:2: not valid YAML: duplicated mapping key`,
    ],
    [
      "broken YAML",
      "hosts: true\nkeep: a: b\n",
      `${file}:2: not valid YAML: bad indentation of a mapping entry`,
    ],
  ])("%s", (_title, text, message) => {
    expect(messageOf(text)).toBe(message);
  });

  test("all faults of a file come in one message, by line, and the first line stands by itself", () => {
    const text = "log_level: loud\ncni_bindir: /x\nhosts: true\nkeep: 1\n";
    expect(messageOf(text).split("\n")).toEqual([
      `${file}:1: log_level: expected one of debug, info, warn, error; got "loud" (and 2 more faults below)`,
      `${file}:2: unknown key "cni_bindir": did you mean cni_bin_dir?`,
      `${file}:4: keep: expected one of always, never, label; got 1`,
    ]);
  });

  test("a key of an inner mapping does not stand for the same key of the file", () => {
    const lines = messageOf("oci_bin:\n  a: 1\n  keep: 1\nkeep: 3\n").split("\n");
    expect(lines[1]).toBe(`${file}:4: keep: expected one of always, never, label; got 3`);
  });

  test("a second fault is counted in the singular", () => {
    expect(messageOf("keep: 1\nhosts: 1\n").split("\n")[0]).toMatch(/ \(and 1 more fault below\)$/);
  });
});

describe("plugins are searched by default", () => {
  const dirs = "/opt/cni/bin:/usr/lib/cni";

  test.each([
    [
      "in the package's own folder, last",
      "/usr/lib/docker-cni/dist/docker-cni",
      `${dirs}:/usr/lib/docker-cni/cni`,
    ],
    [
      "in that below the prefix of install",
      "/usr/local/lib/docker-cni/dist/docker-cni",
      `${dirs}:/usr/local/lib/docker-cni/cni`,
    ],
    ["in no folder of another program's", "/usr/bin/node", dirs],
    ["in no folder that a list cannot hold", "/a:b/dist/docker-cni", dirs],
  ])("%s", (_title, program, expected) => {
    expect(defaultBinDirs(program)).toBe(expected);
  });
});

describe("the file itself", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "docker-cni-config-"));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test("is read from the disk", () => {
    const real = path.join(folder, "cni.yaml");
    fs.writeFileSync(real, "cni_ifname: net7\n");
    expect(loadConfig(real).ifName).toBe("net7");
  });

  test("may be missing where it is optional: all defaults", () => {
    expect(loadConfig(path.join(folder, "none.yaml"), { optional: true })).toEqual(defaults);
  });

  test.each([
    ["missing", "none.yaml", {}, "no such file"],
    ["a folder", ".", { optional: true }, "it is a folder"],
  ])("is an error that says what to do when it is %s", (_title, name, options, reason) => {
    const target = path.join(folder, name);
    const error = errorOf(() => loadConfig(target, options));
    expect(describeError(error)).toBe(
      `cannot read the configuration file ${target}: ${reason} (create it, or correct --config in the runtimeArgs of daemon.json)`,
    );
  });
});
