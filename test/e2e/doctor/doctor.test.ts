import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { must } from "../harness/shell.ts";
import { complaints, doctor, type DoctorJson, doctorJson, type } from "./doctor.ts";
import { rows } from "./rows.ts";

const test = dockerTest({ iptables: true, dockerBridge: true });

/** Whether a command is on PATH. */
const has = (command = "sh"): boolean =>
  spawnSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" }).status === 0;

test.skip.for(rows.filter(({ needs }) => !has(needs)))(
  "doctor tells of $of, and it is put right: $needs is not installed",
  () => {},
);

test.for(rows.filter(({ needs }) => has(needs)))(
  "doctor tells of $of, and it is put right",
  async (row, { host, noLeaks }) => {
    try {
      await row.break(host);
      const [found] = await complaints(host, row.check);
      expect(found?.detail).toMatch(row.says);
      if (found?.status === "broken") expect(await doctor(host)).toMatchObject({ exitCode: 1 });
      if (row.by === "--fix") {
        const { fixed } = await doctorJson(host, "--fix");
        expect(fixed.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([]);
        expect(fixed.length).toBeGreaterThan(0);
      } else if (row.by === "the line") await type(host, found?.remedy?.command ?? "false");
      else await row.by(host);
      expect(await complaints(host, row.check)).toEqual([]);
    } finally {
      await row.after?.(host);
      await host.docker("rm", "-f", "web", "out");
    }
    await noLeaks();
  },
);

test("docker cni doctor is there once --fix has put the plugin in its place", async ({ host }) => {
  await doctorJson(host, "--fix");
  const config = join(host.place.dir, "cni.yaml");
  try {
    const { stdout } = await host.docker("cni", "--config", config, "doctor", "--json");
    const { findings }: DoctorJson = JSON.parse(stdout);
    const plugin = findings.find(({ check }) => check === "cli-plugin");
    expect(plugin).toMatchObject({ status: "fine" });
    // The engine that the client was told of, and no other.
    expect(findings[0]).toMatchObject({ check: "engine-reachable", status: "fine" });
  } finally {
    rmSync(join(host.place.dir, "docker-config/cli-plugins"), { recursive: true, force: true });
  }
});

test("doctor --bundle packs what a bug report needs, for its owner alone, without secrets", async ({
  host,
}) => {
  const secret = "s3cr3t-w0rd";
  const [plain, bundle] = [
    join(host.place.dir, "net.d/10-default.conflist"),
    join(host.place.dir, "b.tar.gz"),
  ];
  const before = readFileSync(plain, "utf8");
  writeFileSync(
    plain,
    before.replace('"type":"portmap"', `"type":"portmap","apiToken":"${secret}"`),
  );
  await host.sleeper("--name", "web");
  writeFileSync(
    plain,
    before.replace('"type":"firewall"', `"type":"firewall","tsigKey":"${secret}"`),
  );
  try {
    const { stdout, exitCode } = await doctor(host, "--bundle", bundle);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`packed into ${bundle}`);
    expect(statSync(bundle).mode & 0o777).toBe(0o600);
    const names = (await must(["tar", "-tzf", bundle])).split("\n");
    expect(names).toEqual(
      expect.arrayContaining(
        [
          "report.txt",
          "report.json",
          "configuration/cni.yaml",
          "configuration/daemon.json",
          "configuration/net.d/10-default.conflist",
          "log/docker-cni.log",
          "engine/info.json",
          "host/iptables.txt",
          "host/links.txt",
        ].map((name) => `b/${name}`),
      ),
    );
    expect(names.some((name) => /^b\/state\/[0-9a-f]{64}\/record\.json$/.test(name))).toBe(true);
    const everything = await must(["tar", "-xzOf", bundle]);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
    expect(everything).toContain("(removed)");
  } finally {
    writeFileSync(plain, before);
    rmSync(bundle, { force: true });
  }
});

test("doctor says with exit status 1 where its bundle cannot be written", async ({ host }) => {
  const { stderr, exitCode } = await doctor(host, "--bundle", "/nonexistent/b.tar.gz");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("cannot write /nonexistent/b.tar.gz: ENOENT");
});

test("doctor of a host that is well has 80 columns and exit status 0", async ({ host }) => {
  await host.sleeper("--name", "web", "-p", "18098:80");
  const { stdout, exitCode } = await doctor(host);
  expect({ exitCode, stdout }).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(" 0 broken"),
  });
  const lines = stdout.split("\n").filter((line) => !line.trimStart().startsWith("→"));
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(await doctor(host, "--nosuch")).toMatchObject({ exitCode: 2 });
});
