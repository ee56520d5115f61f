import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { knownKeys } from "../../src/config/schema.ts";

const read = (file: string) => fs.readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

describe("config/cni.yaml", () => {
  const text = read("config/cni.yaml");
  const settings = [...text.matchAll(/^#(?=\w)(.*)$/gm)].map(([, line]) => line);

  test("is all defaults as it is", () => {
    expect(parseConfig("cni.yaml", text)).toEqual(parseConfig("cni.yaml", ""));
  });

  test("shows the defaults: nothing changes when its lines are put in force", () => {
    const inForce = parseConfig("cni.yaml", settings.join("\n"));
    expect(inForce).toEqual(parseConfig("cni.yaml", ""));
  });

  test("has every key, each once", () => {
    const keys = settings.map((line) => line?.split(":")[0] ?? "");
    expect(keys.toSorted()).toEqual(knownKeys.toSorted());
  });
});

describe("config/net.d", () => {
  interface Plugin {
    type: string;
    capabilities?: Record<string, boolean>;
    ipam?: { ranges: { subnet: string }[][] };
  }
  interface List {
    cniVersion: string;
    name: string;
    plugins: Plugin[];
  }
  const list = (name: string): List => {
    const parsed: List = JSON.parse(read(`config/net.d/${name}`));
    return parsed;
  };
  const subnets = ({ plugins }: List) =>
    plugins[0]?.ipam?.ranges.map((range) => range.map(({ subnet }) => subnet));

  test.each([
    ["10-docker-cni.conflist", [["10.203.64.0/20"]]],
    ["10-docker-cni-dual-stack.conflist.example", [["10.203.64.0/20"], ["fd5e:7c0a:d0c5::/64"]]],
  ])("%s: bridge, portmap and firewall, with what restarts and -p need", (name, ranges) => {
    const { cniVersion, plugins } = list(name);
    // The firewall plugin knows no version before 0.4.0; CHECK came with 0.4.0 too.
    expect(cniVersion).toBe("1.0.0");
    expect(plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "firewall"]);
    expect(plugins.map(({ capabilities }) => capabilities)).toEqual([
      { ips: true, mac: true },
      { portMappings: true },
      undefined,
    ]);
    expect(subnets(list(name))).toEqual(ranges);
  });

  test("both are the same network, so that one replaces the other", () => {
    const names = ["10-docker-cni.conflist", "10-docker-cni-dual-stack.conflist.example"];
    expect(names.map((name) => list(name).name)).toEqual(["docker-cni", "docker-cni"]);
  });
});

test("daemon.json.example is the short form", () => {
  const parsed: unknown = JSON.parse(read("daemon.json.example"));
  expect(parsed).toEqual({
    runtimes: {
      cni: {
        path: "/usr/local/bin/docker-cni",
      },
    },
  });
});
