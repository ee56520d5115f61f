import { execFileSync, spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ipNetns } from "../../src/netns/netns.ts";

const isRoot = process.getuid?.() === 0;
const name = `unit-show-${process.pid}`;

// A container with CAP_NET_ADMIN calls its interfaces what it likes, and ip(8) writes that into its JSON as it is.
describe.skipIf(!isRoot)("what a namespace holds can be read where an interface is called", () => {
  beforeEach(() => void execFileSync("ip", ["netns", "add", name]));
  afterEach(() => void spawnSync("ip", ["netns", "delete", name]));

  test.each([
    ["by an escape sequence", "a\u001B[31mb"],
    ["by a bell and a backspace", "a\u0007\bb"],
    ["by a quotation mark and a backslash", 'a"\\b'],
    ["by C1 control characters", "a\u009Bb"],
  ])("%s", async (_, ifName) => {
    execFileSync("ip", ["-n", name, "link", "add", ifName, "type", "veth", "peer", "name", "p0"]);
    execFileSync("ip", ["-n", name, "link", "set", ifName, "up"]);
    execFileSync("ip", ["-n", name, "address", "add", "10.9.8.7/24", "dev", ifName]);
    const { interfaces, routes } = await ipNetns("/var/lib/docker-cni-test").show(name);
    expect(interfaces.map((each) => each.name).toSorted()).toEqual(["lo", "p0", ifName].toSorted());
    expect(interfaces.find((each) => each.name === ifName)).toMatchObject({
      mac: expect.stringMatching(/^[0-9a-f:]{17}$/),
      mtu: 1500,
      up: true,
      addresses: ["10.9.8.7/24"],
    });
    expect(routes).toEqual([
      { dst: "10.9.8.0/24", gateway: null, interface: ifName, table: "main" },
    ]);
  });
});

test.skipIf(!isRoot)("routes are told without those that the kernel makes for itself", async () => {
  execFileSync("ip", ["netns", "add", name]);
  try {
    const commands = [
      "link add eth0 type veth peer name p0",
      "link set eth0 up",
      "link set p0 up",
      "address add 10.9.8.7/24 dev eth0",
      "route add default via 10.9.8.1",
      "route add 10.1.0.0/16 via 10.9.8.2 table 100",
    ];
    for (const command of commands) execFileSync("ip", ["-n", name, ...command.split(" ")]);
    const { routes } = await ipNetns("/var/lib/docker-cni-test").show(name);
    expect(routes.filter(({ dst }) => !dst.startsWith("fe80:"))).toEqual(
      expect.arrayContaining([
        { dst: "default", gateway: "10.9.8.1", interface: "eth0", table: "main" },
        { dst: "10.9.8.0/24", gateway: null, interface: "eth0", table: "main" },
        { dst: "10.1.0.0/16", gateway: "10.9.8.2", interface: "eth0", table: "100" },
      ]),
    );
    expect(routes.some(({ table }) => table === "local")).toBe(false);
  } finally {
    spawnSync("ip", ["netns", "delete", name]);
  }
});
