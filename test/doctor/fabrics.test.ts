import { expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { addressElsewhere } from "../../src/doctor/address-elsewhere.ts";
import { fabricNeeds } from "../../src/doctor/fabrics.ts";
import { changed, fakeSubject, ID, sandbox, type World } from "./subject.ts";

const ptp = { type: "ptp", ipMasq: false };
const flannel = { type: "flannel" };
const calico = { type: "calico", etcd_endpoints: "http://192.0.2.10:2379" };

function subject(plugin: object, world: Partial<World>) {
  const text = JSON.stringify({ cniVersion: "1.0.0", name: "wide", plugins: [plugin] });
  const list = parseNetworkList(text);
  return { ...fakeSubject(changed(world)).subject, networks: async () => [list] };
}

const bird = "BIRD 2.0.12 ready.\nfrom_1 BGP --- up 12:00 Established\n";
const down = "from_2 BGP --- start 12:00 Active Socket: refused\n";
const peers = { ipv4Unicast: { peers: { "192.0.2.12": { state: "Established" } } } };
const health = "curl -ksSf --max-time 3 http://192.0.2.10:2379/health";
const subnetEnv = { "/run/flannel/subnet.env": "FLANNEL_SUBNET=10.1.2.1/24\n" };

test.each<[string, object, Partial<World>, string[]]>([
  ["a session of BIRD", ptp, { commands: { "birdc show protocols": bird } }, ["fine"]],
  ["one of two sessions", ptp, { commands: { "birdc show protocols": bird + down } }, ["warning"]],
  ["no session", ptp, { commands: { "birdc show protocols": down } }, ["broken"]],
  [
    "a session of FRR",
    ptp,
    { commands: { "vtysh -c show bgp summary json": JSON.stringify(peers) } },
    ["fine"],
  ],
  ["no daemon of BGP", ptp, {}, ["broken"]],
  ["flannel with its file", flannel, { files: subnetEnv }, ["fine"]],
  ["flannel without", flannel, {}, ["broken"]],
  [
    "calico with its name and its store",
    calico,
    { files: { "/var/lib/calico/nodename": "a\n" }, commands: { [health]: "{}" } },
    ["fine", "fine"],
  ],
  [
    "calico with a store that hangs",
    calico,
    { commands: { [health]: { code: 28, stdout: "", stderr: "timed out" } } },
    ["broken", "broken"],
  ],
  ["calico without a store", { type: "calico" }, {}, ["broken", "broken"]],
  ["no network over several hosts", { type: "bridge" }, {}, []],
])("the doctor tells of %s", async (_, plugin, world, statuses) => {
  const found = await fabricNeeds(subject(plugin, world));
  expect(found.map(({ status }) => status)).toEqual(statuses);
});

test("the doctor tells of a container whose address another host announces", async () => {
  const routes = JSON.stringify([{ dst: "10.78.0.9", gateway: "192.0.2.12" }]);
  const mine = sandbox("shop", ID, { network: "wide", addresses: ["10.78.0.9/24"] });
  const there = { commands: { "ip -json route show proto bird": routes }, sandboxes: [mine] };
  const [found, ...others] = await addressElsewhere(subject(ptp, there));
  expect(found?.title).toBe("address elsewhere: 10.78.0.9");
  expect(found?.detail).toContain("192.0.2.12 announces it too");
  expect(found?.remedy?.steps).toEqual([["docker", "rm", "-f", ID]]);
  expect(others).toEqual([]);
  expect(await addressElsewhere(subject(ptp, { sandboxes: [mine] }))).toEqual([]);
});
