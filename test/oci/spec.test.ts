import { assert, constantFrom, json, maxSafeNat, property } from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hasUserNamespace,
  hooksBeforeStart,
  interfacesWithoutIpv6,
  networkNamespace,
  setsInterface,
  type Spec,
  withHook as editHook,
  withNetns as editNetns,
} from "../../src/oci/spec.ts";

const spec: Spec = {
  ociVersion: "1.0.2",
  unknown: { kept: true },
  linux: { namespaces: [{ type: "mount" }, { type: "network" }], seccomp: { kept: true } },
  hooks: { poststop: [{ path: "/other" }] },
};

type HookArgs = Parameters<typeof editHook>;

function withNetns(before: Spec, path?: string): Spec {
  const after: Spec = JSON.parse(editNetns(JSON.stringify(before), path));
  return after;
}

function withHook(before: Spec, point: HookArgs[1], hook: HookArgs[2]): Spec {
  const after: Spec = JSON.parse(editHook(JSON.stringify(before), point, hook));
  return after;
}

describe("the text of config.json", () => {
  const hook = { path: "/hooks/poststop" };

  test.each([
    { title: "a limit of 2^64 - 1", member: '"rlimits":[{"hard":18446744073709551615}]' },
    { title: "a seccomp argument above 2^53", member: '"args": [ {"value" : 9007199254740993} ]' },
    { title: "a number's form", member: '"a":1.0,"b":-0,"c":1e400,"d":[]' },
    { title: "strings that look like JSON", member: '"a":"\\\\\\"{[,\\\\","b\\"c":"}]"' },
    { title: "what belongs to hooks of others", member: '"2":1,"1":{"hooks":{"poststop":[]}}' },
  ])("keeps $title", ({ member }) => {
    const config = `{"ociVersion":"1", ${member} ,"linux":{"x":{${member}},"namespaces":[{"type":"pid"}, {"type":"network"}]}}`;
    const edited = editHook(editNetns(config, "/run/netns/a"), "poststop", hook);
    expect(edited).toBe(
      `{"hooks":{"poststop":[{"path":"/hooks/poststop"}]},"ociVersion":"1", ${member} ,"linux":{"x":{${member}},"namespaces":[{"type":"pid"},{"type":"network","path":"/run/netns/a"}]}}`,
    );
  });

  test("of any spec has but the namespace and the hook changed, whatever stands around them", () => {
    const anyJson = json({ maxDepth: 3 });
    const space = constantFrom("", " ", "\n\t");
    assert(
      property(anyJson, anyJson, space, maxSafeNat(), (one, two, gap, digits) => {
        const big = `1844674407370955${digits}`;
        const config = `{${gap}"one":${one}${gap},${gap}"linux"${gap}:${gap}{"two":${two},"n":${big}}${gap},"n":${gap}${big}}${gap}`;
        const edited = editHook(editNetns(config, "/n"), "poststop", hook);
        const namespaces = '"namespaces":[{"type":"network","path":"/n"}],';
        const hooks = '"hooks":{"poststop":[{"path":"/hooks/poststop"}]},';
        expect(edited.replace(namespaces, "").replace(hooks, "")).toBe(config);
        expect(editHook(editNetns(edited, "/n"), "poststop", hook)).toBe(edited);
      }),
    );
  });

  test("takes a member that is null for one that is missing", () => {
    const edited = editHook('{"hooks":null,"linux":{"namespaces":null}}', "poststop", hook);
    expect(editNetns(edited)).toBe(
      '{"hooks":{"poststop":[{"path":"/hooks/poststop"}]},"linux":{"namespaces":[{"type":"network"}]}}',
    );
  });
});

describe("withNetns", () => {
  test("joins the namespace and keeps everything that it does not understand", () => {
    expect(withNetns(spec, "/run/netns/a")).toEqual({
      ...spec,
      linux: {
        namespaces: [{ type: "mount" }, { type: "network", path: "/run/netns/a" }],
        seccomp: { kept: true },
      },
    });
  });

  test("twice is the same as once", () => {
    const once = withNetns(spec, "/run/netns/a");
    expect(withNetns(once, "/run/netns/a")).toEqual(once);
  });
});

describe("withHook", () => {
  const hook = { path: "/hooks/poststop", args: ["poststop", "keep"] };

  test("comes behind the hooks of others", () => {
    expect(withHook(spec, "poststop", hook).hooks).toEqual({
      poststop: [{ path: "/other" }, hook],
    });
  });

  test("makes the list where there is none", () => {
    expect(withHook({}, "createRuntime", hook).hooks).toEqual({ createRuntime: [hook] });
  });

  test("twice is the same as once, with the newer arguments", () => {
    const newer = { ...hook, args: ["poststop", "release"] };
    const twice = withHook(withHook(spec, "poststop", hook), "poststop", newer);
    expect(twice.hooks?.poststop).toEqual([{ path: "/other" }, newer]);
  });
});

test.each([
  { title: "without namespaces is the host's", spec: { linux: {} }, found: undefined },
  { title: "without linux is the host's", spec: {}, found: undefined },
  { title: "without a path is a new one", spec, found: { type: "network" } },
])("a network namespace $title", ({ spec: given, found }) => {
  expect(networkNamespace(given)).toEqual(found);
});

test.each([
  { title: "made for the container", namespaces: [{ type: "user" }], expected: true },
  { title: "joined", namespaces: [{ type: "user", path: "/proc/1/ns/user" }], expected: true },
  { title: "the host's", namespaces: [{ type: "pid" }], expected: false },
])("a user namespace $title", ({ namespaces, expected }) => {
  expect(hasUserNamespace({ linux: { namespaces } })).toBe(expected);
});

test.each<[Record<string, string>, string[]]>([
  [{ "net.ipv6.conf.all.disable_ipv6": "1" }, ["all"]],
  [{ "net/ipv6/conf/eth0.7/disable_ipv6": "1" }, ["eth0.7"]],
  [{ "net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.default.disable_ipv6": "1" }, []],
  [{ "net.ipv4.conf.all.rp_filter": "1" }, []],
])("the sysctls %j switch IPv6 off on %j", (sysctl, expected) => {
  expect(interfacesWithoutIpv6({ linux: { sysctl } })).toEqual(expected);
  expect(setsInterface({ linux: { sysctl } })).toBe(expected.length > 0);
});

test("hooks of others before the start are those that are not Docker's own note of the namespace", () => {
  const other = { path: "/usr/bin/oci-hook" };
  const setkey = { path: "/proc/1/exe", args: ["libnetwork-setkey", "-exec-root=/x"] };
  const hooks = { prestart: [setkey], createContainer: [other], poststart: [{ path: "/late" }] };
  expect(hooksBeforeStart({ hooks })).toEqual([other]);
});
