import { expect, test } from "vitest";
import { serverFiles, type ServedMember } from "../../src/names/server-files.ts";

function member(id: string, more: Partial<ServedMember> & { addresses?: string[] } = {}) {
  const { addresses = [`10.0.0.${id.length + 1}`], ...rest } = more;
  return {
    id,
    names: [id],
    networks: [{ network: "front", addresses, aliases: [] }],
    dns: { front: ["10.0.0.1"] },
    ...rest,
  };
}

const gateway = "gateway 10.0.0.1  gateway.front\n";

test.each<[title: string, members: ServedMember[], files: Record<string, string>]>([
  ["nobody who asks has no file", [member("a", { dns: {} })], {}],
  [
    "who asks is named, shortly and with the network, and the gateway may ask too",
    [member("web")],
    { "front~": `10.0.0.1\n${gateway}web 10.0.0.4  web,web.front\n` },
  ],
  [
    "who does not ask is told of as well",
    [member("web"), member("db", { dns: {} })],
    {
      "front~": `10.0.0.1\n${gateway}web 10.0.0.4  web,web.front\ndb 10.0.0.3  db,db.front\n`,
    },
  ],
  [
    "both families stand apart",
    [member("web", { addresses: ["10.0.0.4", "fd00::4"] })],
    { "front~": `10.0.0.1\n${gateway}web 10.0.0.4 fd00::4 web,web.front\n` },
  ],
  [
    "aliases are names on their network",
    [
      member("web", {
        networks: [
          { network: "front", addresses: ["10.0.0.4"], aliases: ["shop"] },
          { network: "back", addresses: ["10.1.0.4"], aliases: ["store"] },
        ],
      }),
    ],
    { "front~": `10.0.0.1\n${gateway}web 10.0.0.4  web,shop,web.front,shop.front\n` },
  ],
  [
    "names that are none, which could be further fields or lines, are left out",
    [member("web", { names: ["web 1.2.3.4", "a,b", "x\ny"] })],
    { "front~": `10.0.0.1\n${gateway}web 10.0.0.4  c-web,c-web.front\n` },
  ],
])("%s", (_, members, files) => {
  expect(Object.fromEntries(serverFiles(members))).toEqual(files);
});

test("a service's name is good in its project alone", () => {
  const files = serverFiles([
    member("one", { service: { project: "p", service: "web" } }),
    member("two!", { names: ["two"], service: { project: "q", service: "web" } }),
  ]);
  const [all = "", p = "", q = ""] = [...files.values()];
  expect(files.size).toBe(3);
  expect(all).not.toContain("web");
  expect([p, q]).toEqual([
    "10.0.0.1\none 10.0.0.4  web,web.front\n",
    "10.0.0.1\ntwo! 10.0.0.5  web,web.front\n",
  ]);
});
