import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Graph } from "../../src/graph/model.ts";
import { dockerTest } from "./harness/fixture.ts";
import { program, programJson } from "./life/program.ts";

const test = dockerTest({ iptables: true });

test("graph shows who is on which network, in each of its formats", async ({ host }) => {
  const { network, bridge, dir } = host.place;
  await host.sleeper("--name", "web", "-p", "18080:80");
  await host.ok("stop", await host.sleeper("--name", "db"));
  const { address } = await host.interface("web");
  const { nodes, edges } = await programJson<Graph>(host, "graph");
  expect(nodes.map(({ kind, label, isStopped }) => [kind, label, isStopped])).toEqual(
    expect.arrayContaining([
      ["interface", bridge, false],
      ["network", network, false],
      ["container", "web", false],
      ["container", "db", true],
    ]),
  );
  const web = nodes.find(({ label }) => label === "web");
  expect(web?.lines).toEqual([`eth0 ${address}/25`, "18080->80/tcp"]);
  expect(edges).toContainEqual({ from: `network:${network}`, to: web?.id, label: "eth0" });
  for (const [format, begins] of [
    ["html", "<!doctype html>"],
    ["svg", "<svg "],
    ["mermaid", "flowchart LR"],
    ["dot", "digraph cni {"],
  ] as const) {
    const { stdout } = await program(host, "graph", "--format", format);
    expect(stdout.slice(0, begins.length)).toBe(begins);
    expect(stdout).toContain("web");
    expect(stdout).toContain(`${address}/25`);
  }
  const file = join(dir, "networks.svg");
  expect(await program(host, "graph", "-o", file)).toMatchObject({ exitCode: 0, stdout: "" });
  expect(readFileSync(file, "utf8")).toMatch(/^<svg /);
  rmSync(file);
  expect(await program(host, "graph", "--format", "png")).toMatchObject({ exitCode: 2 });
  expect(await program(host, "graph", "-o", "/nonexistent/x.html")).toMatchObject({ exitCode: 1 });
});
