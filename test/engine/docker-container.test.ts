import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findContainerDir, findEngineFile } from "../../src/engine/container-dir.ts";
import { readDockerContainer } from "../../src/engine/docker-container.ts";
import { readImageConfigs } from "../../src/engine/image-config.ts";
import { isPodman, readPodmanImage } from "../../src/engine/podman-image.ts";

const ID = "708f50d39762c26865ff400d074e5761f92f39f95427b7ab4072dbe7127c62b0";
let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "docker-cni-engine-"));
  directory = join(root, "containers", ID);
  mkdirSync(directory, { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("findContainerDir", () => {
  test.each([
    ["the hosts file", "/etc/hosts", `/var/lib/docker/containers/${ID}/hosts`],
    ["the hostname file", "/etc/hostname", `/var/lib/docker/containers/${ID}/hostname`],
    [
      "resolv.conf, spelled oddly",
      "/etc//resolv.conf",
      `/var/lib/docker//containers/${ID}/resolv.conf`,
    ],
  ])("tells the directory by %s", (_, destination, source) => {
    const dir = findContainerDir({ mounts: [{ destination, source }] }, ID);
    expect(dir).toBe(`/var/lib/docker/containers/${ID}`);
  });

  test.each([
    ["another container's id", "/etc/hosts", `/var/lib/docker/containers/${ID.slice(1)}0/hosts`],
    ["a file of the user's own", "/etc/hosts", "/srv/hosts"],
    ["another file under that name", "/etc/hosts", `/var/lib/docker/containers/${ID}/passwd`],
    [
      "podman's place",
      "/etc/hosts",
      `/run/containers/storage/overlay-containers/${ID}/userdata/hosts`,
    ],
    ["a relative source", "/etc/hosts", `containers/${ID}/hosts`],
    ["another destination", "/srv/hosts", `/var/lib/docker/containers/${ID}/hosts`],
    ["a source that is no string", "/etc/hosts", 7],
  ])("is not deceived by %s", (_, destination, source) => {
    expect(findContainerDir({ mounts: [{ destination, source }] }, ID)).toBeUndefined();
  });

  test("a spec without mounts has none", () => {
    expect(findContainerDir({}, ID)).toBeUndefined();
  });

  describe("where /etc/hosts, /etc/hostname and /etc/resolv.conf are the user's own", () => {
    const own = ["hosts", "hostname", "resolv.conf"].map((file) => ({
      destination: `/etc/${file}`,
      source: `/srv/${file}`,
    }));

    test.each([
      { title: "Docker's /dev/shm", shm: "containers/ID/mounts/shm", rootfs: undefined },
      { title: "a layer of overlay2", shm: undefined, rootfs: "overlay2/f1d7/merged" },
      { title: "a layer of vfs", shm: undefined, rootfs: "vfs/dir/f1d7" },
      { title: "a layer of btrfs", shm: undefined, rootfs: "btrfs/subvolumes/f1d7" },
      { title: "a snapshot of containerd", shm: undefined, rootfs: "rootfs/overlayfs/ID" },
    ])("the directory is told by $title", ({ shm, rootfs }) => {
      put("config.v2.json", {});
      const inRoot = (path: string) => join(root, path.replace("ID", ID));
      const spec = {
        mounts: [...own, ...(shm ? [{ destination: "/dev/shm", source: inRoot(shm) }] : [])],
        ...(rootfs && { root: { path: inRoot(rootfs) } }),
      };
      expect(findContainerDir(spec, ID)).toBe(directory);
    });

    test.each([
      { title: "a folder without Docker's files", path: () => join(root, "overlay2/f1d7/merged") },
      { title: "a relative path", path: () => "rootfs" },
      { title: "a path that is no string", path: () => 7 },
    ])("it is not told by $title", ({ path }) => {
      expect(findContainerDir({ mounts: own, root: { path: path() } }, ID)).toBeUndefined();
    });
  });
});

describe("the network of a Docker container", () => {
  test.each([
    { title: "that was never connected anew", mode: "none", networks: ["none"], network: "none" },
    { title: "whose networks are not written yet", mode: "none", networks: [], network: "none" },
    { title: "that was connected to another", mode: "none", networks: ["un"], network: "un" },
    { title: "that came back to none", mode: "un", networks: ["none"], network: "none" },
    { title: "on the bridge", mode: "default", networks: ["bridge"], network: "default" },
    { title: "in another's namespace", mode: "container:7", networks: [], network: "container:7" },
  ])("$title", ({ mode, networks, network }) => {
    const entries = Object.fromEntries(networks.map((name) => [name, {}]));
    writeFileSync(join(directory, "hostconfig.json"), JSON.stringify({ NetworkMode: mode }));
    const config = { NetworkSettings: { Networks: entries } };
    writeFileSync(join(directory, "config.v2.json"), JSON.stringify(config));
    expect(readDockerContainer(directory).networkMode).toBe(network);
  });
});

describe("the --mac-address of a Docker container", () => {
  const [old, desired, given] = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
  test.each([
    {
      title: "of engines before 25",
      config: { MacAddress: old },
      networks: { none: { MacAddress: "" } },
      mac: old,
    },
    {
      title: "that a newer engine noted for the network",
      config: {},
      networks: { none: { MacAddress: "", DesiredMacAddress: desired } },
      mac: desired,
    },
    {
      title: "that was given with the network",
      config: {},
      networks: { none: { MacAddress: given } },
      mac: given,
    },
    {
      title: "that was noted in both places",
      config: { MacAddress: old },
      networks: { none: { MacAddress: given, DesiredMacAddress: desired } },
      mac: desired,
    },
    {
      title: "that is another network's",
      config: {},
      networks: { un: { MacAddress: given, DesiredMacAddress: desired } },
      mac: undefined,
    },
  ])("$title", ({ config, networks, mac }) => {
    put("hostconfig.json", { NetworkMode: "none" });
    put("config.v2.json", { Config: config, NetworkSettings: { Networks: networks } });
    expect(readDockerContainer(directory).macAddress).toBe(mac);
  });
});

describe("findEngineFile", () => {
  const podman = `/run/containers/storage/overlay-containers/${ID}/userdata/hosts`;
  test.each([
    [
      "Docker's file",
      `/var/lib/docker/containers/${ID}/hosts`,
      `/var/lib/docker/containers/${ID}/hosts`,
    ],
    ["podman's file", podman, podman],
    ["the host's own file", "/etc/hosts", undefined],
    ["a file of the user's", "/srv/hosts", undefined],
    ["another file of the container's", `/var/lib/docker/containers/${ID}/hostname`, undefined],
    ["a file with the id for its name", `/srv/${ID}`, undefined],
  ])("%s", (_, source, expected) => {
    const mounts = [{ destination: "/etc/hosts", source }];
    expect(findEngineFile({ mounts }, ID, "/etc/hosts")).toBe(expected);
    expect(findEngineFile({ mounts }, ID, "/etc/resolv.conf")).toBeUndefined();
  });

  test("of two mounts on one place the last one counts", () => {
    const engine = { destination: "/etc/hosts", source: podman };
    const own = { destination: "/etc/hosts", source: "/srv/hosts" };
    expect(findEngineFile({ mounts: [engine, own] }, ID, "/etc/hosts")).toBeUndefined();
  });
});

describe("readDockerContainer", () => {
  test("reads what dockerd 20.10 has written when create is called", () => {
    put("hostconfig.json", {
      NetworkMode: "none",
      PortBindings: {
        "80/tcp": [{ HostIp: "", HostPort: "8080" }],
        "443/tcp": [{ HostIp: "::1", HostPort: "8443" }],
        "81/tcp": [{ HostIp: "", HostPort: "9100-9105" }],
        "90/tcp": [{ HostIp: "", HostPort: "" }],
      },
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
      AutoRemove: true,
      Dns: ["1.1.1.1"],
      DnsOptions: ["ndots:3"],
      DnsSearch: ["ex.org"],
      ExtraHosts: ["foo:1.2.3.4"],
      PublishAllPorts: true,
      UsernsMode: "host",
    });
    put("config.v2.json", {
      Config: {
        Hostname: "web.example.org",
        Domainname: "",
        ExposedPorts: { "80/tcp": {}, "9000/sctp": {} },
        Labels: { "cni.ip": "10.9.9.9" },
      },
      Image: "sha256:f1d7",
      Name: "/web",
      State: { Restarting: true },
      Driver: "overlay2",
    });
    expect(readDockerContainer(directory)).toEqual({
      directory,
      name: "web",
      hostname: "web.example.org",
      domainname: undefined,
      networkMode: "none",
      ips: [],
      aliases: [],
      links: [],
      linkLocalIps: [],
      driverOpts: [],
      autoRemove: true,
      restarting: true,
      portBindings: [
        { port: "80/tcp", hostIp: "", hostPort: "8080" },
        { port: "443/tcp", hostIp: "::1", hostPort: "8443" },
        { port: "81/tcp", hostIp: "", hostPort: "9100-9105" },
        { port: "90/tcp", hostIp: "", hostPort: "" },
      ],
      publishAllPorts: true,
      exposedPorts: ["80/tcp", "9000/sctp"],
      labels: { "cni.ip": "10.9.9.9" },
      annotations: {},
      dns: ["1.1.1.1"],
      dnsSearch: ["ex.org"],
      dnsOptions: ["ndots:3"],
      imageId: "sha256:f1d7",
      imageManifest: undefined,
      storageDriver: "overlay2",
      warnings: [],
    });
  });

  test("ignores wrong types with a warning that names the field, and keeps the rest", () => {
    put("hostconfig.json", {
      NetworkMode: 7,
      AutoRemove: "yes",
      Dns: ["1.1.1.1", 2],
      PortBindings: [],
      Annotations: { good: "1", bad: 2 },
    });
    put("config.v2.json", { Config: null, Name: "/web", ImageManifest: { digest: "sha256:aa" } });
    const container = readDockerContainer(directory);
    expect(container).toMatchObject({
      name: "web",
      networkMode: undefined,
      autoRemove: false,
      annotations: { good: "1" },
      imageManifest: "sha256:aa",
    });
    expect(container.warnings).toEqual([
      "hostconfig.json: NetworkMode ignored: expected a string, found a number",
      "hostconfig.json: AutoRemove ignored: expected true or false, found a string",
      "hostconfig.json: PortBindings ignored: expected an object, found a list",
      "hostconfig.json: Annotations.bad ignored: expected a string, found a number",
      "hostconfig.json: Dns ignored: expected a list of strings, found a list",
    ]);
  });

  test("missing and broken files are warnings", () => {
    writeFileSync(join(directory, "config.v2.json"), '{"Name":');
    const container = readDockerContainer(directory);
    expect(container).toMatchObject({ name: undefined, labels: {}, portBindings: [] });
    expect(container.warnings).toEqual([
      `${directory}/hostconfig.json cannot be read: ENOENT`,
      `${directory}/config.v2.json is not JSON`,
    ]);
  });

  test("a label named __proto__ is a label like any other", () => {
    writeFileSync(
      join(directory, "config.v2.json"),
      '{"Config":{"Labels":{"__proto__":"x","a":"b"}}}',
    );
    const { labels } = readDockerContainer(directory);
    expect(Object.entries(labels)).toEqual([
      ["__proto__", "x"],
      ["a", "b"],
    ]);
  });
});

const entry = (digit: string) => ({ digest: digest(digit) });
const index = (...digits: string[]) => ({ manifests: digits.map(entry) });
const manifest = (digit: string) => ({ config: entry(digit), layers: [] });

describe("readImageConfigs", () => {
  const HEX = "f".repeat(64);
  const image = { rootfs: {}, config: { Labels: { "cni.ip": "10.9.9.9" }, Env: ["IPV4=1.2.3.4"] } };
  const expected = [{ labels: { "cni.ip": "10.9.9.9" }, env: ["IPV4=1.2.3.4"] }];

  test("finds the image in Docker's own store", () => {
    putAt(join(root, "image/overlay2/imagedb/content/sha256", HEX), image);
    expect(
      readImageConfigs({
        directory,
        imageId: `sha256:${HEX}`,
        imageManifest: undefined,
        storageDriver: "overlay2",
      }),
    ).toEqual(expected);
  });

  const harmless = { rootfs: {}, config: {} };
  const chain = Array.from({ length: 9 }, (_, place): [string, object] => [
    String(place),
    index(String(place + 1)),
  ]);

  test.each<{ title: string; blobs: Record<string, object>; expected: object[] | undefined }>([
    {
      title: "follows index and manifest",
      blobs: { 0: index("1"), 1: manifest("2"), 2: image },
      expected,
    },
    {
      title: "finds every platform's",
      blobs: { 0: index("1", "3"), 1: manifest("2"), 2: image, 3: manifest("4"), 4: harmless },
      expected: [...expected, { labels: {}, env: [] }],
    },
    {
      title: "follows an index in an index",
      blobs: {
        0: index("1", "5"),
        1: manifest("2"),
        2: harmless,
        5: index("6"),
        6: manifest("7"),
        7: image,
      },
      expected: [{ labels: {}, env: [] }, ...expected],
    },
    {
      title: "cannot tell where a sibling is deeper than it looks",
      blobs: { ...Object.fromEntries(chain), 0: index("a", "1"), a: manifest("b"), b: harmless },
      expected: undefined,
    },
    {
      title: "cannot tell where a sibling is not there",
      blobs: { 0: index("1", "3"), 1: manifest("2"), 2: harmless },
      expected: undefined,
    },
    {
      title: "cannot tell where a sibling's configuration is not there",
      blobs: { 0: index("1", "3"), 1: manifest("2"), 2: harmless, 3: manifest("4") },
      expected: undefined,
    },
    {
      title: "cannot tell where a sibling is none that it knows",
      blobs: { 0: index("1", "3"), 1: manifest("2"), 2: harmless, 3: { fsLayers: [] } },
      expected: undefined,
    },
    {
      title: "cannot tell where a descriptor has no digest",
      blobs: { 0: { manifests: [entry("1"), { digest: 7 }] }, 1: manifest("2"), 2: harmless },
      expected: undefined,
    },
    {
      title: "cannot tell where there are more branches than it reads",
      blobs: { 0: index(...Array.from({ length: 600 }, () => "1")), 1: manifest("2"), 2: harmless },
      expected: undefined,
    },
    { title: "cannot tell of an empty index", blobs: { 0: index() }, expected: undefined },
  ])("in a content store of containerd $title", ({ blobs, expected: found }) => {
    const folder = join(root, "containerd/daemon/io.containerd.content.v1.content/blobs/sha256");
    for (const [digit, blob] of Object.entries(blobs)) putAt(join(folder, digit.repeat(64)), blob);
    const reference = { directory, imageManifest: undefined, storageDriver: "overlayfs" };
    const stores = ["/nowhere", "<docker root>/containerd/daemon"];
    expect(readImageConfigs({ ...reference, imageId: digest("0") }, stores)).toEqual(found);
  });

  test("takes the manifest that the engine names, whatever else the image's index leads to", () => {
    const folder = join(root, "containerd/daemon/io.containerd.content.v1.content/blobs/sha256");
    const blobs = { 0: index("1", "3"), 1: manifest("2"), 2: image };
    for (const [digit, blob] of Object.entries(blobs)) putAt(join(folder, digit.repeat(64)), blob);
    const named = { imageId: digest("0"), imageManifest: digest("1"), storageDriver: "overlayfs" };
    expect(readImageConfigs({ directory, ...named }, ["<docker root>/containerd/daemon"])).toEqual(
      expected,
    );
  });

  test.each([
    ["an image that is gone", `sha256:${HEX}`, "overlay2"],
    ["no image id", undefined, "overlay2"],
    ["an id that is a path", "sha256:../../x", "overlay2"],
    ["a driver that is a path", `sha256:${HEX}`, "../.."],
  ])("cannot tell with %s", (_, imageId, storageDriver) => {
    const reference = { directory, imageId, imageManifest: undefined, storageDriver };
    expect(readImageConfigs(reference, ["/nowhere"])).toBeUndefined();
  });
});

describe("readPodmanImage", () => {
  const IMAGE = "c".repeat(64);
  const mounts = (folder: string) => [
    {
      destination: "/etc/hosts",
      source: join(root, "run/overlay-containers", ID, "userdata/hosts"),
    },
    {
      destination: "/dev/shm",
      source: join(root, folder, "overlay-containers", ID, "userdata/shm"),
    },
  ];

  test("finds the annotations that the image brought along", () => {
    putAt(join(root, "graph/overlay-containers/containers.json"), [
      { id: "x" },
      { id: ID, image: IMAGE },
    ]);
    putAt(join(root, "graph/overlay-images", IMAGE, "manifest"), {
      annotations: { "cni.ip": "10.9.9.9", n: 1 },
    });
    expect(readPodmanImage({ mounts: mounts("graph") }, ID)).toEqual([
      { labels: { "cni.ip": "10.9.9.9" }, env: [] },
    ]);
  });

  test("knows a container that has no image", () => {
    putAt(join(root, "run/overlay-containers/volatile-containers.json"), [{ id: ID }]);
    expect(readPodmanImage({ mounts: mounts("graph") }, ID)).toEqual([]);
  });

  test.each([
    ["an image that is gone", [{ id: ID, image: IMAGE }]],
    ["an image that is a path", [{ id: ID, image: "../.." }]],
    ["no such container", [{ id: "x", image: IMAGE }]],
    ["another file", { id: ID }],
  ])("cannot tell with %s", (_, containers) => {
    putAt(join(root, "graph/overlay-containers/containers.json"), containers);
    expect(readPodmanImage({ mounts: mounts("graph") }, ID)).toBeUndefined();
  });

  test("is asked for podman's containers alone", () => {
    expect(isPodman({ mounts: mounts("graph") }, ID)).toBe(true);
    expect(isPodman({ mounts: mounts("graph") }, "other")).toBe(false);
    expect(isPodman({ mounts: [{ source: `/var/lib/docker/containers/${ID}/hosts` }] }, ID)).toBe(
      false,
    );
  });
});

function digest(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

function put(name: string, value: unknown): void {
  putAt(join(directory, name), value);
}

function putAt(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
}
