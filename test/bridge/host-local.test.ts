import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reserve } from "../../src/bridge/host-local.ts";
import { readLocalRanges } from "../../src/bridge/host-local-conf.ts";
import { isOf, release } from "../../src/bridge/leases.ts";
import type { Result } from "../../src/cni/index.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "docker-cni-host-local-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

interface Asked {
  ipam?: Record<string, unknown>;
  ips?: string[];
  args?: string;
}

const read = ({ ipam = {}, ips, args = "" }: Asked) =>
  readLocalRanges({
    args,
    config: {
      cniVersion: "1.0.0",
      name: "lan",
      ipam: { type: "host-local", dataDir, ...ipam },
      ...(ips && { runtimeConfig: { ips } }),
    },
  });

const four = { ranges: [[{ subnet: "10.1.0.0/29" }]] };
const dual = { ranges: [[{ subnet: "10.1.0.0/29" }], [{ subnet: "fd00::/64" }]] };

async function add(containerId: string, asked: Asked): Promise<string[]> {
  const ranges = read(asked);
  if (ranges === undefined) throw new Error("not read");
  const result: Result = await reserve(ranges, { containerId, ifName: "eth0" }, () => true);
  return (result.ips ?? []).map(({ address }) => address);
}

describe("addresses are given as host-local gives them", () => {
  test("the first is the one after the gateway, the next the one after that, of each family", async () => {
    expect(await add("c1", { ipam: dual })).toEqual(["10.1.0.2/29", "fd00::2/64"]);
    expect(await add("c2", { ipam: dual })).toEqual(["10.1.0.3/29", "fd00::3/64"]);
    const folder = join(dataDir, "lan");
    expect(readFileSync(join(folder, "10.1.0.3"), "utf8")).toBe("c2\r\neth0");
    expect(readFileSync(join(folder, "last_reserved_ip.1"), "utf8")).toBe("fd00::3");
  });

  test("one that was given back comes again only after all others", async () => {
    const folder = join(dataDir, "lan");
    const given: string[] = [];
    for (const id of ["c1", "c2", "c3", "c4", "c5", "c6"]) {
      given.push(...(await add(id, { ipam: four })));
      release(folder, (lease) => isOf(lease, { containerId: id, ifName: "eth0" }));
    }
    expect(given.map((each) => each.split("/")[0])).toEqual([
      "10.1.0.2",
      "10.1.0.3",
      "10.1.0.4",
      "10.1.0.5",
      "10.1.0.6",
      "10.1.0.2",
    ]);
  });

  test("the one that is asked for, by capability or CNI_ARGS", async () => {
    expect(await add("c1", { ipam: four, ips: ["10.1.0.5/29"] })).toEqual(["10.1.0.5/29"]);
    const args = "IgnoreUnknown=1;IP=10.1.0.4";
    expect(await add("c2", { ipam: four, args })).toEqual(["10.1.0.4/29"]);
    await expect(add("c3", { ipam: four, ips: ["10.1.0.5"] })).rejects.toThrow("is taken");
    await expect(add("c3", { ipam: four, ips: ["10.1.0.1"] })).rejects.toThrow("the gateway's");
    await expect(add("c3", { ipam: four, ips: ["10.2.0.1"] })).rejects.toThrow("in no range");
  });

  test("none twice to the same interface", async () => {
    await add("c1", { ipam: four });
    await expect(add("c1", { ipam: four })).rejects.toThrow("already");
  });

  test("where none of one family is left, that of the other is given back", async () => {
    const full = { ranges: [[{ subnet: "fd00::/64" }], [{ subnet: "10.1.0.0/30" }]] };
    await add("c1", { ipam: full });
    await expect(add("c2", { ipam: full })).rejects.toThrow("no address is free in 10.1.0.0/30");
    const files = readdirSync(join(dataDir, "lan")).filter((name) => /^[\d.]+$|:/.test(name));
    expect(files.sort()).toEqual(["10.1.0.2", "fd00::2"]);
  });
});

test.each<[string, Asked]>([
  ["keys that are not known here", { ipam: { ...four, resolvConf: "/etc/resolv.conf" } }],
  ["another plugin's", { ipam: { ...four, type: "static" } }],
  ["no range", {}],
  ["a range outside of its subnet", { ipam: { subnet: "10.1.0.0/24", rangeStart: "10.2.0.1" } }],
  ["an address that is none", { ipam: four, args: "IP=10.1" }],
])("host-local itself is asked for %s", (_, asked) => {
  expect(read(asked)).toBeUndefined();
});
