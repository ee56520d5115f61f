import { describe, expect, test } from "vitest";
import {
  hasUserNamespace,
  hooksBeforeStart,
  networkNamespace,
  type Spec,
  withHook,
  withNetns,
} from "../../src/oci/spec.ts";

const spec: Spec = {
  ociVersion: "1.0.2",
  unknown: { kept: true },
  linux: { namespaces: [{ type: "mount" }, { type: "network" }], seccomp: { kept: true } },
  hooks: { poststop: [{ path: "/other" }] },
};

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

  test("leaves the spec that it was given alone", () => {
    const before = structuredClone(spec);
    withNetns(spec, "/run/netns/a");
    expect(spec).toEqual(before);
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

test("hooks of others before the start are those that are not Docker's own note of the namespace", () => {
  const other = { path: "/usr/bin/oci-hook" };
  const setkey = { path: "/proc/1/exe", args: ["libnetwork-setkey", "-exec-root=/x"] };
  const hooks = { prestart: [setkey], createContainer: [other], poststart: [{ path: "/late" }] };
  expect(hooksBeforeStart({ hooks })).toEqual([other]);
});
