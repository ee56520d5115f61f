import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import { run } from "./harness/shell.ts";
import { program, programJson } from "./life/program.ts";

const test = dockerTest({ iptables: true });

test("metrics count what containers on a network do", async ({ host }) => {
  const { network, prefix } = host.place;
  const [web, db] = [await host.sleeper("--name", "web"), await host.sleeper("--name", "db")];
  await host.ok("stop", db);
  await host.ok("exec", "web", "ping", "-c", "2", `${prefix}.1`);
  const { stdout } = await program(host, "metrics");
  expect(stdout).toContain(`docker_cni_attachments{network="${network}",state="running"} 1\n`);
  expect(stdout).toContain(`docker_cni_attachments{network="${network}",state="kept"} 1\n`);
  expect(stdout).toContain(
    `docker_cni_pool_used_addresses{network="${network}",subnet="${host.place.subnet}"} 2\n`,
  );
  const labels = `container="web",id="${web}",network="${network}",interface="eth0"`;
  const packets = new RegExp(
    `^docker_cni_interface_transmit_packets_total{${labels}} (\\d+)$`,
    "m",
  );
  expect(Number(packets.exec(stdout)?.[1])).toBeGreaterThanOrEqual(2);
  const add = `command="ADD",network="${network}",plugin="bridge"`;
  expect(stdout).toMatch(
    new RegExp(`^docker_cni_plugin_duration_seconds_bucket{${add},le="\\+Inf"} \\d+$`, "m"),
  );
  const families = await programJson<{ name: string }[]>(host, "metrics");
  expect(families.map(({ name }) => name)).toContain("docker_cni_attachments");
  const promtool = await run(["promtool", "check", "metrics"], { input: `${stdout}\n` });
  if (promtool.exitCode !== -1) expect(promtool).toMatchObject({ exitCode: 0, stderr: "" });
});

test("metrics --output replaces the file at once, for another user to read", async ({ host }) => {
  const folder = join(host.place.dir, "textfile");
  await host.ok("version");
  const file = join(folder, "docker-cni.prom");
  expect(await program(host, "metrics", "--output", file)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining(`cannot write ${file}: ENOENT`),
  });
  await run(["mkdir", folder]);
  for (const _ of [1, 2]) {
    expect(await program(host, "metrics", "-o", file)).toMatchObject({ exitCode: 0, stdout: "" });
  }
  expect(statSync(file).mode & 0o777).toBe(0o644);
  expect(readFileSync(file, "utf8")).toMatch(/^# HELP docker_cni_build_info/);
  expect(readdirSync(folder)).toEqual(["docker-cni.prom"]);
  rmSync(folder, { recursive: true });
});
