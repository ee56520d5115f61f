import { expect, test } from "vitest";
import { whyNotOurs } from "../../src/runtime/ours.ts";

const withNamespace = (path?: string) => ({
  linux: { namespaces: [{ type: "network", ...(path !== undefined && { path }) }] },
});

test.each([
  {
    title: "on the host's network",
    spec: { linux: { namespaces: [] } },
    mode: "host",
    why: /host's network/,
  },
  {
    title: "in another's namespace",
    spec: withNamespace("/proc/7/ns/net"),
    mode: "container:7",
    why: /joins another/,
  },
  {
    title: "on Docker's bridge",
    spec: withNamespace(),
    mode: "default",
    why: /engine's network "default"/,
  },
  {
    title: "on a network of Docker's",
    spec: withNamespace(),
    mode: "front",
    why: /engine's network "front"/,
  },
  {
    title: "whose network mode cannot be read",
    spec: withNamespace(),
    mode: "unknown",
    why: /"unknown"/,
  },
])("a container $title is left alone", ({ spec, mode, why }) => {
  expect(whyNotOurs(spec, "/l/hooks/poststop", mode)).toMatch(why);
});

test.each([
  { title: "with --net none", spec: withNamespace(), mode: "none" },
  {
    title: "of another engine with a namespace to be made",
    spec: withNamespace(),
    mode: undefined,
  },
  { title: "with an empty path", spec: withNamespace(""), mode: undefined },
  {
    title: "in a bundle that was used before",
    spec: {
      ...withNamespace("/run/netns/c0"),
      hooks: { poststop: [{ path: "/l/hooks/poststop" }] },
    },
    mode: undefined,
  },
])("a container $title is ours", ({ spec, mode }) => {
  expect(whyNotOurs(spec, "/l/hooks/poststop", mode)).toBeUndefined();
});
