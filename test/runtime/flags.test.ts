import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { resolveConfig } from "../../src/config/config.ts";
import { readDockerContainer } from "../../src/engine/docker-container.ts";
import { namesOf } from "../../src/names/hosts-file.ts";
import { recordingLog } from "../../src/lib/log.ts";
import { planAttachments } from "../../src/runtime/new-record.ts";
import { readNetworkRequest } from "../../src/runtime/network-request.ts";
import { fileStore } from "../../src/state/store.ts";

const ID = "0123456789ab".padEnd(64, "c");
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-flags-"));
  for (const folder of ["net.d", "plugins", `containers/${ID}`]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  writeFileSync(join(dir, "plugins/bridge"), "");
  writeFileSync(join(dir, "net.d/10-lan.conflist"), LIST);
});
afterEach(() => rmSync(dir, { recursive: true }));

const capabilities = { ips: true, mac: true, dns: true, aliases: true, portMappings: true };
const LIST = JSON.stringify({
  cniVersion: "1.0.0",
  name: "lan",
  plugins: [{ type: "bridge", capabilities }],
});

/** What a flag of `docker run --network none` leaves in Docker's files. */
interface Said {
  hostConfig?: object;
  config?: object;
  /** NetworkSettings.Networks.none */
  endpoint?: object;
  labels?: Record<string, string>;
}

/** What plugins, and the hosts files of others, are told. */
async function told({ hostConfig, config, endpoint, labels = {} }: Said) {
  const directory = join(dir, "containers", ID);
  const write = (name: string, value: object): void =>
    writeFileSync(join(directory, name), JSON.stringify(value));
  write("hostconfig.json", { NetworkMode: "none", ...hostConfig });
  write("config.v2.json", {
    Name: "/web",
    Config: { Labels: labels, ...config },
    NetworkSettings: { Networks: { none: { ...endpoint } } },
  });
  const docker = readDockerContainer(directory);
  expect(docker.warnings).toEqual([]);
  const networkRequest = await readNetworkRequest({
    config: resolveConfig({ cni_conf_dir: join(dir, "net.d"), image_labels: "allow" }),
    log: recordingLog().log,
    store: fileStore(join(dir, "state")),
    id: ID,
    spec: {},
    docker,
  });
  const options = {
    networkRequest,
    lists: [parseNetworkList(LIST)],
    docker,
    workload: { id: ID, name: docker.name, labels: {} },
    workloadArgs: [],
  };
  const [attachment] = planAttachments(options, { all: [], byNetwork: [], chosen: [] });
  return { ...attachment?.capabilityArgs, ports: networkRequest.ports, names: namesOf(docker) };
}

const asked80 = expect.objectContaining({ containerPort: 80 });

describe("a flag that Docker accepts with --network none is met", () => {
  test.each<[string, Said, object]>([
    ["--dns", { hostConfig: { Dns: ["1.1.1.1"] } }, { dns: { servers: ["1.1.1.1"] } }],
    ["--dns-search", { hostConfig: { DnsSearch: ["a.org"] } }, { dns: { searches: ["a.org"] } }],
    [
      "--dns-option",
      { hostConfig: { DnsOptions: ["ndots:2"] } },
      { dns: { options: ["ndots:2"] } },
    ],
    ["--hostname", { config: { Hostname: "db.a.org" } }, { names: ["db.a.org", "db", "web"] }],
    [
      "--domainname",
      { config: { Hostname: "db", Domainname: "a.org" } },
      { names: ["db.a.org", "db", "web"] },
    ],
    ["--ip", { endpoint: { IPAMConfig: { IPv4Address: "10.1.0.7" } } }, { ips: ["10.1.0.7"] }],
    ["--ip6", { endpoint: { IPAMConfig: { IPv6Address: "fd00::7" } } }, { ips: ["fd00::7"] }],
    ["--network-alias", { endpoint: { Aliases: ["sql"] } }, { aliases: ["sql"] }],
    [
      "--mac-address",
      { config: { MacAddress: "02:00:00:00:00:07" } },
      { mac: "02:00:00:00:00:07" },
    ],
    [
      "-p",
      { hostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] } } },
      { ports: [asked80] },
    ],
    [
      "-P with --expose",
      { hostConfig: { PublishAllPorts: true }, config: { ExposedPorts: { "80/tcp": {} } } },
      { ports: [asked80] },
    ],
    [
      "--expose alone, which publishes nothing",
      { config: { ExposedPorts: { "80/tcp": {} } } },
      { ports: [] },
    ],
    // dockerd itself writes these into the container's hosts file.
    ["--add-host", { hostConfig: { ExtraHosts: ["other:1.2.3.4"] } }, { names: ["web"] }],
    [
      "no flag at all",
      { endpoint: { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null } },
      {},
    ],
  ])("%s", async (_, said, expected) => {
    expect(await told(said)).toMatchObject(expected);
  });

  test("--ip and --network-alias beside labels: the label's address, and both names", async () => {
    const endpoint = { IPAMConfig: { IPv4Address: "10.1.0.7" }, Aliases: ["sql"] };
    const labels = { "cni.ip": "10.1.0.9", "cni.aliases": "db" };
    expect(await told({ endpoint, labels })).toMatchObject({
      ips: ["10.1.0.9"],
      aliases: ["db", "sql"],
    });
  });
});

describe("a flag that Docker accepts with --network none is an error that names it", () => {
  test.each<[string, Said, string]>([
    [
      "--link",
      { hostConfig: { Links: ["/db:/web/sql", "/mq:/web/mq"] } },
      "--link db:sql, mq:mq: ",
    ],
    [
      "--link-local-ip",
      { endpoint: { IPAMConfig: { LinkLocalIPs: ["169.254.8.8"] } } },
      "--link-local-ip 169.254.8.8: ",
    ],
    [
      "driver options",
      { endpoint: { DriverOpts: { "com.example.speed": "9" } } },
      "--network none,driver-opt=com.example.speed: ",
    ],
    ["--ip that is none", { endpoint: { IPAMConfig: { IPv4Address: "10.1.0.777" } } }, "--ip"],
  ])("%s", async (_, said, expected) => {
    await expect(told(said)).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining(expected),
      hint: expect.any(String),
    });
  });

  test("and none where the container is to have no network", async () => {
    const said = { hostConfig: { Links: ["/db:/web/sql"] }, labels: { "cni.networks": "none" } };
    expect(await told(said)).toMatchObject({ ports: [] });
  });
});
