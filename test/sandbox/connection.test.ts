import { describe, expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { connectRequest, type ConnectWords } from "../../src/request/connect-request.ts";
import { type ConnectionFacts, planConnection } from "../../src/sandbox/connection.ts";
import { chooseRoutes, planStandIns } from "../../src/sandbox/stand-in-routes.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment } from "./context.ts";

const record: SandboxRecord = {
  version: 1,
  id: "c1",
  state: "attached",
  netns: "c1",
  bootId: "boot-1",
  createdAt: "2026-01-01T00:00:00Z",
  keep: true,
  runtimeDir: "/run/runc/c1",
  attachments: [attachment],
};
const LIST = parseNetworkList(
  JSON.stringify({
    cniVersion: "1.0.0",
    name: "back",
    plugins: [{ type: "bridge", capabilities: { aliases: true } }],
  }),
);
const db = {
  name: "db",
  isRunning: true,
  attachments: [
    { ...attachment, network: "back", addresses: ["10.8.0.7/24"], mac: "02:42:0a:08:00:07" },
  ],
};

function facts(words: Partial<ConnectWords>, more: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    name: "web",
    record,
    list: LIST,
    request: connectRequest({ network: "back", ...words }),
    links: ["lo", "eth0"],
    others: [db],
    workloadArgs: [["DOCKER_CONTAINER_ID", "c1"]],
    ...more,
  };
}

describe("a connection", () => {
  test("asks a network for what was asked of it", () => {
    const words = { ip: "10.8.0.9", mac: "02:00:00:00:00:09", alias: ["shop"], defaultRoute: true };
    expect(planConnection(facts(words))).toEqual({
      network: "back",
      ifName: "eth1",
      list: LIST.raw,
      cniArgs: [
        ["IgnoreUnknown", "1"],
        ["DOCKER_CONTAINER_ID", "c1"],
        ["IP", "10.8.0.9"],
        ["MAC", "02:00:00:00:00:09"],
      ],
      capabilityArgs: { aliases: ["shop"] },
      addresses: [],
      aliases: ["shop"],
      defaultRoute: [],
      connected: true,
    });
  });

  test.each<[string, Partial<ConnectionFacts>, string]>([
    ["the next one", {}, "eth1"],
    ["one that no link of the container's has", { links: ["eth0", "eth1"] }, "eth2"],
    ["eth0 where it is free", { record: { ...record, attachments: [] }, links: ["lo"] }, "eth0"],
  ])("has an interface: %s", (_, more, ifName) => {
    expect(planConnection(facts({}, more)).ifName).toBe(ifName);
  });

  test("to a network that it was asked for with is no addition", () => {
    const more = { record: { ...record, disconnected: ["back"] } };
    expect(planConnection(facts({}, more))).not.toHaveProperty("connected");
  });

  test.each<[string, Partial<ConnectWords>, Partial<ConnectionFacts>, string]>([
    [
      "a network that it is on",
      {},
      { record: { ...record, attachments: [{ ...attachment, network: "back" }] } },
      "container web is connected to network back already, as eth0",
    ],
    [
      "an interface of another network",
      { ifname: "eth0" },
      {},
      "has an interface of this name, of network lan",
    ],
    [
      "an interface of the container's own",
      { ifname: "tun0" },
      { links: ["tun0"] },
      "of the container itself",
    ],
    ["another's address", { ip: "10.8.0.7" }, {}, "--ip 10.8.0.7: container db has it"],
    [
      "another's MAC",
      { mac: "02:42:0A:08:00:07" },
      {},
      "--mac 02:42:0a:08:00:07: container db has it",
    ],
    [
      "too many networks",
      {},
      {
        record: {
          ...record,
          attachments: Array.from({ length: 64 }, (_, place) => ({
            ...attachment,
            network: `n${place}`,
          })),
        },
      },
      "has 64 networks, which is the most",
    ],
  ])("is refused for %s", (_, words, more, message) => {
    expect(() => planConnection(facts(words, more))).toThrow(message);
  });

  test("may have the address of a container that is stopped", () => {
    const others = [{ ...db, isRunning: false }];
    expect(planConnection(facts({ ip: "10.8.0.7" }, { others })).cniArgs).toContainEqual([
      "IP",
      "10.8.0.7",
    ]);
  });

  test.each<[Partial<ConnectWords>, string]>([
    [{ network: "a/b" }, "cannot be the name of a network"],
    [{ ip: "10.8.0.999" }, "not an IP address"],
    [{ mac: "01:00:00:00:00:00" }, "not the address of a single interface"],
    [{ ifname: "../x" }, "cannot be the name of an interface"],
    [{ alias: ["a b"] }, "cannot be a host name"],
  ])("of %j is refused", (words, message) => {
    expect(() => facts(words)).toThrow(message);
  });
});

describe("routes that stand in for default routes", () => {
  const v4 = { family: 4, text: "default via 10.9.0.1 dev eth0" } as const;
  const v6 = { family: 6, text: "default via fe80::1 dev eth0 metric 1024 pref medium" } as const;

  test("cover all addresses of the family", () => {
    expect(planStandIns([v4, v6], []).standIns.map(({ text }) => text)).toEqual([
      "0.0.0.0/1 via 10.9.0.1 dev eth0",
      "128.0.0.0/1 via 10.9.0.1 dev eth0",
      "::/1 via fe80::1 dev eth0 metric 1024 pref medium",
      "8000::/1 via fe80::1 dev eth0 metric 1024 pref medium",
    ]);
  });

  test("leave what a VPN has put there", () => {
    expect(planStandIns([v4], ["0.0.0.0/1", "128.0.0.0/1"]).standIns).toEqual([]);
  });

  const other4 = { family: 4, text: "default via 10.8.0.1 dev eth1" } as const;
  const other6 = { family: 6, text: "default via fd00::1 dev eth1" } as const;
  test.each([
    ["stay", [v4, v6], [other4, other6], false, [v4, v6]],
    ["come where there was none of the family", [v4], [other4, other6], false, [v4, other6]],
    ["change where it is asked for", [v4, v6], [other4], true, [other4, v6]],
    ["are none where there are none", [], [], true, []],
  ])("of an ADD %s", (_, before, brought, isAsked, wanted) => {
    expect(chooseRoutes(before, brought, isAsked)).toEqual(wanted);
  });
});
