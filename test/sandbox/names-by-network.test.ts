import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { howNamed } from "../../src/sandbox/hosts.ts";
import { isNameServer, nameServerPid } from "../../src/sandbox/name-server.ts";
import { isLeftAlone, toldByHosts } from "../../src/sandbox/names-by-network.ts";
import type { Member } from "../../src/state/member-index.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-names-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A container on networks, each with what its file says of names. */
function on(networks: Record<string, string | undefined>, dns?: Member["dns"]): Member {
  const attachments = Object.entries(networks).map(([network, names]) => ({
    network,
    ifName: "eth0",
    addresses: [],
    list: JSON.stringify({ name: network, ...(names && { dockerCni: { names } }) }),
  }));
  return { id: "c", createdAt: "", attachments, ...(dns && { dns }) };
}

const asked = { a: ["10.0.0.1"] };

test.each([
  ["hosts alone is the plain way", "hosts", on({ a: undefined }), "hosts"],
  ["so is off", "off", on({ a: undefined }), "off"],
  ["dns is looked at", "dns", on({ a: undefined }), undefined],
  ["a network that says how is looked at", "off", on({ a: "hosts" }), undefined],
  ["so is who was started with a name server", "hosts", on({ a: undefined }, asked), undefined],
] as const)("%s", (_, names, member, how) => {
  expect(howNamed({ names, dnsDir: join(dir, "dns") }, [member])).toBe(how);
});

test("while the name server's folder is there, all are looked at", () => {
  expect(howNamed({ names: "hosts", dnsDir: dir }, [])).toBeUndefined();
});

test.each([
  ["hosts tells of every network", "hosts", on({ a: undefined, b: undefined }), ["a", "b"]],
  ["not of one that is off", "hosts", on({ a: undefined, b: "off" }), ["a"]],
  ["not of one whose names come by DNS", "dns", on({ a: undefined, b: "hosts" }, asked), ["b"]],
  ["of one that should but has no server", "dns", on({ a: undefined }), ["a"]],
  ["a network's word goes before the configuration's", "off", on({ a: "hosts" }), ["a"]],
] as const)("the hosts file, of networks: %s", (_, names, member, networks) => {
  expect(toldByHosts({ names }, member)).toEqual(networks);
});

test.each([
  ["all networks are off", "hosts", on({ a: "off" }), true],
  ["one of them is not", "off", on({ a: undefined, b: "hosts" }), false],
  ["there is no network any more, and old lines have to go", "off", on({}), false],
] as const)("a hosts file where %s", (_, names, member, isLeft) => {
  expect(isLeftAlone({ names }, member)).toBe(isLeft);
});

describe("a process is the name server", () => {
  test.each([
    ["by its program and folder", "/usr/lib/podman/aardvark-dns\0--config\0/run/d\0run\0", true],
    ["not of another folder", "/usr/lib/podman/aardvark-dns\0--config\0/run/e\0run\0", false],
    ["not as another program", "/usr/sbin/named\0/run/d\0", false],
    ["not when it is gone", undefined, false],
  ])("%s", (_, commandLine, isServer) => {
    expect(isNameServer(commandLine, "/run/d")).toBe(isServer);
  });

  test.each(["", "x", "-1", "1", "0", `${process.pid}`])("not by the pid file %j", (text) => {
    writeFileSync(join(dir, "aardvark.pid"), text);
    expect(nameServerPid(dir)).toBeUndefined();
  });
});
