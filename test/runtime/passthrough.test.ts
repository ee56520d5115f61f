import { expect, test } from "vitest";
import { passthroughReason, type Candidate } from "../../src/runtime/passthrough.ts";

const ID = "c0ffee";
const TASKS = "/run/containerd/io.containerd.runtime.v2.task";

/** A container in a bundle made by hand, but for what `more` says. */
const candidate = (more: Partial<Candidate>): Candidate => ({
  id: ID,
  bundleDir: "/srv/bundle",
  spec: withNamespace(),
  hookPath: "/l/hooks/poststop",
  networkMode: undefined,
  ...more,
});

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
  expect(passthroughReason(candidate({ spec, networkMode: mode }))).toMatch(why);
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
  expect(passthroughReason(candidate({ spec, networkMode: mode }))).toBeUndefined();
});

const setkey = { path: "/proc/1/exe", args: ["libnetwork-setkey", "-exec-root=/run/docker", ID] };
const inRoot = (path: string) => ({ ...withNamespace(), root: { path } });

test.each<{ title: string; it: Partial<Candidate>; why: RegExp }>([
  {
    title: "of Docker's, told by its hook,",
    it: { spec: { ...withNamespace(), hooks: { prestart: [setkey] } } },
    why: /Docker's files of it/,
  },
  {
    title: "of Docker's, told by its bundle,",
    it: { bundleDir: `${TASKS}/moby/${ID}` },
    why: /Docker's files of it/,
  },
])("a container $title is left alone where its files are not found", ({ it, why }) => {
  expect(passthroughReason(candidate(it))).toMatch(why);
  expect(passthroughReason(candidate({ ...it, networkMode: "none" }))).toBeUndefined();
});

test.each<{ title: string; it: Partial<Candidate>; why: RegExp }>([
  {
    title: "a plugin of Docker's, told by its bundle,",
    it: { bundleDir: `${TASKS}/plugins.moby/${ID}` },
    why: /plugin of Docker's/,
  },
  {
    title: "a plugin of Docker's, told by its root,",
    it: { spec: inRoot(`/var/lib/docker/plugins/${ID}/rootfs`) },
    why: /plugin of Docker's/,
  },
  {
    title: "a step of buildah's",
    it: { id: "buildah-buildah1234", bundleDir: "/var/tmp/buildah1234" },
    why: /buildah/,
  },
  {
    title: "a step of buildah's with an empty path",
    it: { id: "buildah-buildah7", bundleDir: "/data/tmp/buildah7", spec: withNamespace("") },
    why: /buildah/,
  },
])("$title is left alone", ({ it, why }) => {
  expect(passthroughReason(candidate(it))).toMatch(why);
});

test.each<{ title: string; it: Partial<Candidate> }>([
  { title: "of ctr's", it: { bundleDir: `${TASKS}/default/${ID}` } },
  { title: "in a folder called moby", it: { bundleDir: `/srv/moby/${ID}` } },
  { title: "named after buildah", it: { id: "buildah-buildah1234" } },
  { title: "in a folder named after buildah", it: { bundleDir: "/srv/buildah1234" } },
  { title: "with another's plugin for its root", it: { spec: inRoot("/srv/plugins/x/rootfs") } },
])("a container $title is ours", ({ it }) => {
  expect(passthroughReason(candidate(it))).toBeUndefined();
});
