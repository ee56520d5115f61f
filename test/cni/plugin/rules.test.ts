import { describe, expect, test } from "vitest";
import { supportedVersions } from "../../../src/cni/index.ts";
import { startPlugin, type PluginStart } from "./run-fixture.ts";

type Row = [sentence: string, start: PluginStart];
type RefusedRow = [...Row, code: number, msg: string];

const attachmentVariables = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "" };
const validAttachments = { "cni.dev/valid-attachments": [] };
const ownNetns = { CNI_NETNS: "/proc/self/ns/net" };

describe("the plugin is called", () => {
  test.each<Row>([
    ["for ADD", {}],
    ["for DEL", { command: "DEL" }],
    ["for CHECK", { command: "CHECK" }],
    ["for STATUS", { command: "STATUS" }],
    ["for GC", { command: "GC", config: validAttachments }],
    ["for DEL without CNI_NETNS", { command: "DEL", env: { CNI_NETNS: undefined } }],
    ["for STATUS without an attachment", { command: "STATUS", env: attachmentVariables }],
    [
      "for GC without an attachment",
      { command: "GC", env: attachmentVariables, config: validAttachments },
    ],
    [
      "for STATUS whatever the container id is",
      { command: "STATUS", env: { CNI_CONTAINERID: "../c1" } },
    ],
    ["for CHECK from 0.4.0 on", { command: "CHECK", config: { cniVersion: "0.4.0" } }],
    ["for DEL of a network without a version", { command: "DEL", config: { cniVersion: null } }],
    ["for CHECK in its own netns", { command: "CHECK", env: ownNetns }],
    [
      "for ADD in its own netns with the override 1",
      { env: { ...ownNetns, CNI_NETNS_OVERRIDE: "1" } },
    ],
    [
      "for DEL in its own netns with the override True",
      { command: "DEL", env: { ...ownNetns, CNI_NETNS_OVERRIDE: "True" } },
    ],
    ["with keys that are null", { config: { ipam: null, runtimeConfig: null, prevResult: null } }],
  ])("%s", (_, start) => {
    const end = startPlugin(start);

    expect(end).toMatchObject({ status: 0, given: { command: start.command ?? "ADD" } });
  });
});

describe("the plugin is not called, and the answer is an error,", () => {
  test.each<RefusedRow>([
    ["without CNI_COMMAND", { command: "" }, 4, "the environment variable CNI_COMMAND is missing"],
    ["for a verb that does not exist", { command: "FOO" }, 4, "unknown CNI_COMMAND: FOO"],
    ...["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"].map((name): RefusedRow => [
      `for ADD without ${name}`,
      { env: { [name]: undefined } },
      4,
      `environment variables that ADD needs are missing: ${name}`,
    ]),
    [
      "for CHECK with variables that are empty",
      { command: "CHECK", env: { ...attachmentVariables, CNI_PATH: "" } },
      4,
      "environment variables that CHECK needs are missing: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH",
    ],
    [
      "for DEL without an attachment",
      { command: "DEL", env: attachmentVariables },
      4,
      "environment variables that DEL needs are missing: CNI_CONTAINERID, CNI_IFNAME",
    ],
    ...["GC", "STATUS"].map((command): RefusedRow => [
      `for ${command} without CNI_PATH`,
      { command, env: { CNI_PATH: undefined } },
      4,
      `environment variables that ${command} needs are missing: CNI_PATH`,
    ]),
    [
      "for a bad container id",
      { env: { CNI_CONTAINERID: "../c1" } },
      4,
      'invalid container id "../c1": it starts with a letter or digit and holds only letters, digits, _ . -',
    ],
    [
      "for a bad interface name",
      { command: "DEL", env: { CNI_IFNAME: "eth0123456789012" } },
      4,
      'invalid interface name "eth0123456789012": it has 1 to 15 bytes, no /, : or white space, and is not . or ..',
    ],
    [
      "when stdin cannot be read",
      { stdinFile: "/dev/full" },
      5,
      "cannot read the configuration from stdin: Error: EBADF: bad file descriptor, read",
    ],
    [
      "when stdin is empty",
      { stdin: "" },
      6,
      "the configuration on stdin is no JSON: Unexpected end of JSON input",
    ],
    [
      "when stdin is a list",
      { stdin: "[]" },
      6,
      "the configuration on stdin has to be a JSON object and is a list",
    ],
    [
      "when the name is a number",
      { config: { name: 7 } },
      6,
      '"name" has to be a string and is a number',
    ],
    [
      "when the version is a number",
      { config: { cniVersion: 1 } },
      6,
      '"cniVersion" has to be a string and is a number',
    ],
    [
      "when ipam is a string",
      { config: { ipam: "host-local" } },
      6,
      '"ipam" has to be an object and is a string',
    ],
    [
      "when the type of ipam is a list",
      { config: { ipam: { type: [] } } },
      6,
      '"type" has to be a string and is a list',
    ],
    ["when there is no name", { config: { name: undefined } }, 7, "the network has no name"],
    ["when the name is empty", { config: { name: "" } }, 7, "the network has no name"],
    [
      "when the name is a path",
      { config: { name: "../lan" } },
      7,
      'invalid network name "../lan": it starts with a letter or digit and holds only letters, digits, _ . -',
    ],
    [
      "for GC without a list of valid attachments",
      { command: "GC" },
      7,
      'GC needs the list "cni.dev/valid-attachments"',
    ],
    [
      "for GC with a valid attachment that names no interface",
      { command: "GC", config: { "cni.dev/valid-attachments": [{ containerID: "c1" }] } },
      7,
      'an entry of "cni.dev/valid-attachments" has to have a containerID and an ifname: {"containerID":"c1"}',
    ],
    [
      "for CHECK before 0.4.0",
      { command: "CHECK", config: { cniVersion: "0.3.1" } },
      1,
      "the configuration is of CNI version 0.3.1, and CHECK is new in 0.4.0",
    ],
    ...["GC", "STATUS"].map((command): RefusedRow => [
      `for ${command} before 1.1.0`,
      { command, config: { cniVersion: "1.0.0" } },
      1,
      `the configuration is of CNI version 1.0.0, and ${command} is new in 1.1.0`,
    ]),
    ...["ADD", "DEL"].map((command): RefusedRow => [
      `for ${command} in its own netns`,
      { command, env: ownNetns },
      8,
      "CNI_NETNS /proc/self/ns/net is the network namespace that the plugin itself runs in",
    ]),
  ])("%s", (_, start, code, msg) => {
    const end = startPlugin(start);

    expect(end).toMatchObject({ status: 1, answer: { code, msg }, given: undefined });
  });

  test.each(["ADD", "CHECK", "DEL", "GC", "STATUS"])(
    "for %s of a version that it does not speak",
    (command) => {
      const env = { FIXTURE_VERSIONS: "0.4.0,1.1.0,1.2.0" };
      const end = startPlugin({ command, env, config: { cniVersion: "1.2.0" } });

      expect(end).toMatchObject({ status: 1, given: undefined });
      expect(end.answer).toEqual({
        cniVersion: "1.2.0",
        code: 1,
        msg: 'the plugin does not speak CNI version "1.2.0" of the configuration',
        details: "it speaks 0.4.0, 1.1.0",
      });
    },
  );
});

describe("VERSION", () => {
  test("is answered without a configuration, with every version of the library", () => {
    const env = { ...attachmentVariables, CNI_PATH: "" };
    const end = startPlugin({ command: "VERSION", env, stdinFile: "/dev/full" });

    expect(end).toMatchObject({ status: 0, stderr: "" });
    expect(end.answer).toEqual({ cniVersion: "1.1.0", supportedVersions });
  });

  test("lists the versions that the plugin names and the library knows", () => {
    const env = { FIXTURE_VERSIONS: "9.0.0,1.0.0,0.4.0" };
    const end = startPlugin({ command: "VERSION", env });

    expect(end.answer).toEqual({ cniVersion: "1.1.0", supportedVersions: ["0.4.0", "1.0.0"] });
  });
});

test("a person who starts the plugin is told what it is", () => {
  const env = { FIXTURE_ABOUT: "CNI plugin fixture", FIXTURE_VERSIONS: "0.4.0,1.0.0" };
  const end = startPlugin({ command: "", env });

  expect(end).toMatchObject({ status: 0, answer: undefined });
  expect(end.stderr).toBe("CNI plugin fixture\nCNI protocol versions supported: 0.4.0, 1.0.0\n");
});

describe("a plugin without a function for", () => {
  test.each(["CHECK", "GC", "STATUS"])("%s succeeds", (command) => {
    const env = { FIXTURE_ABOUT: "bare" };
    const end = startPlugin({ command, env, config: validAttachments });

    expect(end).toMatchObject({ status: 0, answer: undefined, given: undefined });
  });
});
