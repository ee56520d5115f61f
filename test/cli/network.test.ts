import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { networkCommand } from "../../src/cli/network.ts";
import { attachment, keptRecord, useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

let networks: string;
beforeEach(() => {
  const { dir, context } = bench.current;
  networks = join(dir, "networks");
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { name: "web" }));
  mkdirSync(networks);
  write("10-lan.conflist", "lan", ["10.9.0.0/24"]);
  const mark = { created: "2026-01-31T12:00:00.000Z", labels: { team: "a" }, internal: true };
  const subnets = ["10.123.124.0/24", "fd5e:7c0a:4000::/64"];
  write("50-a-long-name-for-a-network.conflist", "a-long-name-for-a-network", subnets, mark);
});

function write(file: string, name: string, subnets: readonly string[], dockerCni?: object): void {
  const ipam = { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]) };
  const plugins = [{ type: "bridge", ipam }];
  writeFileSync(
    join(networks, file),
    JSON.stringify({ cniVersion: "1.0.0", name, dockerCni, plugins }),
  );
}

async function network(...args: string[]): Promise<string[]> {
  const { call, lines } = operatorCall(bench.current.context);
  call.config = { ...call.config, cniConfDir: networks };
  await networkCommand(call).parseAsync(args, { from: "user" });
  return lines;
}

describe("network ls", () => {
  test("is a table of 80 columns at most, with a star behind the default network", async () => {
    expect(await network("ls")).toEqual([
      "NAME                  DRIVER  SCOPE  SUBNET                    CONTAINERS",
      "lan *                 bridge  local  10.9.0.0/24               1",
      "a-long-name-for-a-n…  bridge  local  10.123.124.0/24,fd5e:7c…  0",
    ]);
  });

  test.each([
    { args: ["-q"], lines: ["lan", "a-long-name-for-a-network"] },
    {
      args: ["--format", "{{.Name}} {{.CreatedAt}} {{.Internal}} {{.IPv6}}"],
      lines: ["lan  false false", "a-long-name-for-a-network 2026-01-31T12:00:00.000Z true true"],
    },
    {
      args: ["--format", "table {{.Name}}\\t{{.Containers}}"],
      lines: ["NAME                       CONTAINERS", "lan                        web"],
    },
    { args: ["-q", "--filter", "label=team=a"], lines: ["a-long-name-for-a-network"] },
    { args: ["-q", "-f", "driver=bridge", "-f", "name=lan"], lines: ["lan"] },
    { args: ["-q", "-f", "type=builtin"], lines: ["lan"] },
    { args: ["-q", "-f", "dangling=true"], lines: ["a-long-name-for-a-network"] },
    { args: ["--format", "{{json .Labels}}"], lines: ["{}", '{"team":"a"}'] },
  ])("$args", async ({ args, lines }) => {
    expect(await network("ls", ...args)).toEqual(expect.arrayContaining(lines));
  });

  test("--no-trunc shows names and subnets whole", async () => {
    const shown = (await network("ls", "--no-trunc")).join("\n");
    expect(shown).toContain("10.123.124.0/24,fd5e:7c0a:4000::/64");
    expect(shown).toContain("a-long-name-for-a-network ");
  });

  test("json is the same by both options", async () => {
    const lines = await network("ls", "--format", "json");
    const [all = ""] = await network("ls", "--json");
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(JSON.parse(all));
  });
});

test("network inspect tells of containers, and has the file", async () => {
  const [text = ""] = await network("inspect", "lan");
  expect(JSON.parse(text)).toMatchObject([
    {
      default: true,
      containers: [{ id: "c1", name: "web", state: "kept", interfaces: [{ interface: "eth0" }] }],
      config: { name: "lan", plugins: [{ type: "bridge" }] },
    },
  ]);
});

describe("what cannot be", () => {
  test.each([
    ["inspects nothing that there is not", ["inspect", "nosuch"], 'has no network "nosuch"'],
    ["makes nothing the default", ["set-default", "../x"], 'has no network "../x"'],
    ["removes no file of others", ["rm", "lan"], "was not made by network create"],
    ["removes nothing unasked", ["prune"], "nobody can answer"],
    ["knows no filter of that name", ["ls", "-f", "colour=red"], "there is no such filter"],
    ["knows no such value of a filter", ["ls", "-f", "type=mine"], "there is no such filter"],
    ["shows no member that there is not", ["ls", "--format", "{{.Nosuch}}"], "cannot show"],
  ])("%s", async (_, args, message) => {
    const before = readdirSync(networks);
    await expect(network(...args)).rejects.toThrow(message);
    expect(readdirSync(networks)).toEqual(before);
  });
});

test("network ls --filter leaves out what fits one label of two", async () => {
  expect(await network("ls", "-q", "-f", "label=team", "-f", "label=nosuch")).toEqual([]);
});

test("network rm leaves a network to which a container is being connected", async () => {
  const { context } = bench.current;
  const half = { ...attachment, network: "a-long-name-for-a-network", ifName: "eth1" };
  const changing = [{ change: "connecting" as const, attachment: half }];
  context.store.write(keptRecord(bench.current, { name: "web", changing }));
  await expect(network("rm", half.network)).rejects.toThrow("has containers: web (kept)");
});

test("network set-default gives the file a name in front, and back, with its bytes", async () => {
  const name = "a-long-name-for-a-network";
  const text = readFileSync(join(networks, `50-${name}.conflist`), "utf8");
  expect(await network("set-default", name)).toEqual([name]);
  expect(readdirSync(networks)).toEqual([`10-${name}.conflist`, "10-lan.conflist"]);
  expect(readFileSync(join(networks, `10-${name}.conflist`), "utf8")).toBe(text);
  await network("set-default", "lan");
  expect(readdirSync(networks)).toEqual(["09-lan.conflist", `10-${name}.conflist`]);
});
