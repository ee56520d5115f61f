import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";

import { editInPlace } from "../../src/names/file-in-place.ts";
import { composeName, hostLines, namesOf, type NetworkMember } from "../../src/names/hosts-file.ts";
import { withOwnLines } from "../../src/names/own-lines-text.ts";
import { writeOwnLines } from "../../src/names/own-lines.ts";
import { mergeDns, withResultDns } from "../../src/names/resolv-conf.ts";

const markers = withOwnLines("", "x\n")
  .split("\n")
  .filter((line) => line.startsWith("#"))
  .map((line) => `${line}\n`);

describe("withResultDns", () => {
  const before = "search old.example\nnameserver 9.9.9.9\n# a word\noptions edns0\n";
  const said = { dns: [], dnsSearch: [], dnsOptions: [] };
  const dns = {
    nameservers: ["10.1.0.1", "fd00::1"],
    domain: "d.example",
    search: ["a", "b"],
    options: ["ndots:2"],
  };

  test.each([
    [
      "replaces what the network gives",
      dns,
      said,
      "# a word\nnameserver 10.1.0.1\nnameserver fd00::1\nsearch a b\noptions ndots:2\n",
    ],
    [
      "keeps what it does not give",
      { nameservers: ["10.1.0.1"] },
      said,
      "search old.example\n# a word\noptions edns0\nnameserver 10.1.0.1\n",
    ],
    [
      "takes the domain for want of a search list",
      { domain: "d.example" },
      said,
      "nameserver 9.9.9.9\n# a word\noptions edns0\nsearch d.example\n",
    ],
    ["changes nothing after --dns", dns, { ...said, dns: ["1.1.1.1"] }, before],
    [
      "keeps the search list of --dns-search",
      { search: ["a"] },
      { ...said, dnsSearch: ["x"] },
      before,
    ],
    [
      "keeps the options of --dns-option",
      { options: ["a"] },
      { ...said, dnsOptions: ["x"] },
      before,
    ],
    ["changes nothing for an empty result", {}, said, before],
    [
      "leaves out what is no word",
      { nameservers: ["1.1.1.1\nevil x", "10.1.0.1"] },
      said,
      "search old.example\n# a word\noptions edns0\nnameserver 10.1.0.1\n",
    ],
  ])("%s", (_, result, operator, expected) => {
    const once = withResultDns(before, result, operator);
    expect(once).toBe(expected);
    expect(withResultDns(once, result, operator)).toBe(once);
  });

  test("several networks' settings are one, in their order", () => {
    expect(
      mergeDns([{ nameservers: ["a"] }, { nameservers: ["b", "a"], domain: "d" }, { domain: "e" }]),
    ).toEqual({
      nameservers: ["a", "b"],
      search: [],
      options: [],
      domain: "d",
    });
  });
});

describe("withOwnLines", () => {
  test("takes no longer for a file that a container made to take long", () => {
    const begin = withOwnLines("", web).split("\n")[0] ?? "";
    const hostile = `${`${begin}\n`.repeat(3000)}${"\n".repeat(900_000)}`;
    const before = process.cpuUsage();
    for (let times = 0; times < 20; times++) withOwnLines(hostile, web);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(200);
  });

  test("takes out the same as who looks at each line", () => {
    const [begin = "", , end = ""] = withOwnLines("", "x\n").split("\n");
    const expected = (text: string): string => {
      const kept: string[] = [];
      let from: number | undefined;
      for (const line of text.split("\n")) {
        if (line === begin) from = kept.length;
        else if (line === end) {
          if (from !== undefined) kept.length = from;
          from = undefined;
        } else kept.push(line);
      }
      return kept.join("\n");
    };
    const part = fc.constantFrom("\n", "a", begin, end, "# docker-cni: ", " ", "\n", "\n");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const text = parts.join("");
        expect(withOwnLines(text, "")).toBe(expected(text));
      }),
      { numRuns: 2000 },
    );
  });

  const docker = "127.0.0.1\tlocalhost\n1.2.3.4\tfoo\n";
  const web = "10.1.0.7\tweb.example.org web\nfd00::7\tweb.example.org web\n";

  test("puts its lines between markers behind what is there", () => {
    expect(withOwnLines(docker, web)).toBe(
      `${docker}# docker-cni: from here on kept by docker-cni
10.1.0.7\tweb.example.org web
fd00::7\tweb.example.org web
# docker-cni: up to here
`,
    );
  });

  test("keeps what a user adds behind it", () => {
    const edited = `${withOwnLines(docker, web)}5.6.7.8 mine\n`;
    const again = withOwnLines(edited, "10.1.0.8\tdb\n");
    expect(again).toContain("5.6.7.8 mine\n");
    expect(again).not.toContain("web");
  });

  test("a begin without an end costs nobody a line", () => {
    const cut = withOwnLines(docker, web).replace(/# docker-cni: up to here\n$/, "");
    const again = withOwnLines(cut, web);
    expect(again.startsWith(`${docker}10.1.0.7\tweb.example.org web\n`)).toBe(true);
    expect(withOwnLines(again, "")).toContain("10.1.0.7");
  });

  test("twice is the same as once, and nothing to say takes the lines away again", () => {
    const word = fc.stringMatching(/^[a-z0-9. #\t]{0,20}$/);
    const lines = fc.array(word).map((each) => each.map((line) => `${line}\n`).join(""));
    fc.assert(
      fc.property(lines, lines, (before, own) => {
        const once = withOwnLines(before, own);
        expect(withOwnLines(once, own)).toBe(once);
        expect(withOwnLines(once, "")).toBe(before);
      }),
    );
  });
});

test.each([
  [
    { hostname: "web.example.org", name: "w1", aliases: ["db"] },
    ["web.example.org", "web", "w1", "db"],
  ],
  [{ hostname: "web", domainname: "example.org" }, ["web.example.org", "web"]],
  [{ hostname: "localhost", name: "my_app" }, ["my_app"]],
  [{}, []],
])("the names of %j", (container, expected) => {
  expect(namesOf(container)).toEqual(expected);
});

function textOf(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString();
}

describe("the lines of a hosts file", () => {
  const self = {
    id: "a",
    names: ["web"],
    networks: [{ network: "front", addresses: ["10.1.0.7"], aliases: ["www"] }],
  };
  const db = {
    id: "b",
    names: ["db"],
    networks: [
      { network: "front", addresses: ["10.1.0.8"], aliases: [] },
      { network: "back", addresses: ["10.2.0.8", "fd00::8"], aliases: ["sql"] },
    ],
  };
  const alone = {
    id: "c",
    names: ["alone"],
    networks: [{ network: "back", addresses: ["10.2.0.9"], aliases: [] }],
  };
  const linesOf = (id: string, members: NetworkMember[] = [self, db, alone]): string =>
    textOf(hostLines(members)(members.findIndex((member) => member.id === id)));

  test.each([
    [
      "itself, and who is on its network, under the address there",
      "a",
      "10.1.0.7\tweb www\n10.1.0.8\tdb\n",
    ],
    [
      "itself with all its addresses and aliases, first, and who is on any of its networks",
      "b",
      "10.1.0.8\tdb sql\n10.2.0.8\tdb sql\nfd00::8\tdb sql\n10.1.0.7\tweb www\n10.2.0.9\talone\n",
    ],
    [
      "all addresses of a peer on the network",
      "c",
      "10.2.0.9\talone\n10.2.0.8\tdb sql\nfd00::8\tdb sql\n",
    ],
  ])("are those of %s", (_, id, expected) => {
    expect(linesOf(id)).toBe(expected);
  });

  test("do not depend on who was asked for before", () => {
    const members = [self, db, alone, { ...alone, id: "d", names: ["late"] }];
    const linesAt = hostLines(members);
    for (const [place, { id }] of [...members.entries(), ...members.entries()]) {
      expect(textOf(linesAt(place))).toBe(linesOf(id, members));
    }
  });

  test("leave out names that cannot stand in a hosts file", () => {
    const names = ["a b", "x\n1.1.1.1 bank", "localhost", "ok", "ok"];
    expect(linesOf("a", [{ ...self, names }])).toBe("10.1.0.7\tok www\n");
    const networks = [{ network: "front", addresses: ["10.1.0.7"], aliases: [] }];
    expect(linesOf("a", [{ ...self, names: ["a b"], networks }])).toBe("");
  });

  test("have a compose service's name within its project", () => {
    const networks = [{ network: "front", addresses: ["10.1.0.7"], aliases: [] }];
    const member = (id: string, project: string): NetworkMember => {
      const service = composeName({
        "com.docker.compose.project": project,
        "com.docker.compose.service": "db",
      });
      return { id, names: [id], service, networks };
    };
    const members = [member("a", "shop"), member("c", "shop"), member("b", "bank")];
    expect(linesOf("a", members)).toBe("10.1.0.7\ta db\n10.1.0.7\tc db\n10.1.0.7\tb\n");
    expect(linesOf("b", members)).toBe("10.1.0.7\tb db\n10.1.0.7\ta\n10.1.0.7\tc\n");
    expect(composeName({ "com.docker.compose.service": "db" })).toBeUndefined();
  });
});

describe("writeOwnLines", () => {
  const folder = mkdtempSync(join(tmpdir(), "docker-cni-names-"));
  const file = join(folder, "hosts");
  afterAll(() => rmSync(folder, { recursive: true }));
  const line = fc.stringMatching(/^[a-z0-9. ]{0,12}\n$/);
  const part = fc.constantFrom("a\n", "127.0.0.1 localhost\n", "\n", "x", ...markers);

  test("leaves the same as withOwnLines, whatever is in the file", () => {
    const pieces = fc.array(line, { maxLength: 8 });
    const before = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(before, pieces, pieces, (text, first, second) => {
        writeFileSync(file, text);
        let expected = text;
        for (const lines of [first, second, [...second, "one more\n"], second]) {
          expected = withOwnLines(expected, lines.join(""));
          const given = lines.map((each) => Buffer.from(each));
          const written = writeOwnLines(file, given);
          if (written === "unusual") editInPlace(file, (old) => withOwnLines(old, lines.join("")));
          expect(readFileSync(file, "utf8")).toBe(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("writes nothing when the lines are there", () => {
    writeFileSync(file, "127.0.0.1 localhost\n");
    const lines = [Buffer.from("10.1.0.7 web\n")];
    writeOwnLines(file, lines);
    utimesSync(file, 1, 1);
    writeOwnLines(file, lines);
    expect(statSync(file).mtimeMs).toBe(1000);
  });
});

describe("editInPlace", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "docker-cni-engine-"));
    file = join(folder, "hosts");
    writeFileSync(file, "a long line\nand another\n");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test.each([
    ["shorter", "ü\n"],
    ["longer", "x".repeat(5000)],
    ["empty", ""],
  ])("keeps the inode when the text gets %s", (_, text) => {
    const { ino } = statSync(file);
    expect(editInPlace(file, () => text)).toBe(true);
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(statSync(file).ino).toBe(ino);
  });

  test("writes nothing when nothing changes", () => {
    const { mtimeNs } = statSync(file, { bigint: true });
    expect(editInPlace(file, (text) => text)).toBe(true);
    expect(statSync(file, { bigint: true }).mtimeNs).toBe(mtimeNs);
  });

  test("does not follow a link, touch a folder, or read a huge file", () => {
    symlinkSync(file, join(folder, "link"));
    writeFileSync(join(folder, "huge"), "");
    truncateSync(join(folder, "huge"), (1 << 20) + 1);
    for (const name of ["link", ".", "huge", "gone"]) {
      expect(editInPlace(join(folder, name), () => "changed")).toBe(false);
    }
    expect(editInPlace(file, () => "changed", 10)).toBe(false);
    expect(readFileSync(file, "utf8")).toBe("a long line\nand another\n");
  });
});
