import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asJson } from "../../src/cli/container-json.ts";
import type { SandboxView } from "../../src/sandbox/view.ts";

const root = join(import.meta.dirname, "../..");
const has = (command: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-packages-"));
  executable("program", "exit 0");
  if (!has("dpkg-deb")) return;
  const args = ["packaging/package.ts", "--out", dir, "--program", join(dir, "program")];
  execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function executable(name: string, script: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(dir, name), 0o755);
}

/** The packed file whose name ends so. */
function packed(ending: string): string {
  return join(dir, readdirSync(dir).find((name) => name.endsWith(ending)) ?? "none");
}

describe.skipIf(!has("dpkg-deb"))("the packages bring", () => {
  test("a file for logrotate, which stays as the operator changes it", () => {
    const contents = execFileSync("dpkg-deb", ["-c", packed(".deb")], { encoding: "utf8" });
    expect(contents).toMatch(/^-rw-r--r-- root\/root .* \.\/etc\/logrotate\.d\/docker-cni$/m);
    const conffiles = execFileSync("dpkg-deb", ["-I", packed(".deb"), "conffiles"], {
      encoding: "utf8",
    });
    expect(conffiles).toBe("/etc/docker/cni.yaml\n/etc/logrotate.d/docker-cni\n");
    const archive = execFileSync("tar", ["-tzf", packed(".tar.gz")], { encoding: "utf8" });
    expect(archive).toMatch(/^[^/]+\/etc\/logrotate\.d\/docker-cni$/m);
  });

  test("the plugin of Docker's client, as a link to the launcher", () => {
    const contents = execFileSync("dpkg-deb", ["-c", packed(".deb")], { encoding: "utf8" });
    expect(contents).toMatch(
      /^l.* \.\/usr\/libexec\/docker\/cli-plugins\/docker-cni -> \.\.\/\.\.\/\.\.\/bin\/docker-cni$/m,
    );
  });

  test.each([
    "lib/docker-cni/config/cni.yaml",
    "lib/docker-cni/config/net.d/10-docker-cni.conflist",
    "lib/docker-cni/systemd/docker-cni-gc.service",
    "lib/docker-cni/systemd/docker-cni-gc.path",
    "lib/systemd/system/docker-cni-heal.service",
    "lib/systemd/system/docker-cni-dhcp.socket",
    "lib/systemd/system/docker-cni-dns.service",
    "lib/systemd/system/docker-cni-metrics.timer",
    "share/man/man1/docker-cni.1.gz",
    "share/man/man5/cni.yaml.5.gz",
    "share/bash-completion/completions/docker-cni",
    "share/fish/vendor_completions.d/docker-cni.fish",
  ])("%s", (file) => {
    const contents = execFileSync("dpkg-deb", ["-c", packed(".deb")], { encoding: "utf8" });
    expect(contents).toMatch(new RegExp(`^-rw-r--r-- root/root .* \\./usr/${file}$`, "m"));
    const archive = execFileSync("tar", ["-tzf", packed(".tar.gz")], { encoding: "utf8" });
    expect(archive).toMatch(new RegExp(`^[^/]+/${file}$`, "m"));
  });

  test("an installer for the archive, which puts units for the operator beside the program", () => {
    execFileSync("tar", ["-C", dir, "-xzf", packed(".tar.gz")]);
    const folder = packed(`-${process.arch}`);
    const script = readFileSync(join(folder, "install"), "utf8");
    writeFileSync(join(folder, "install"), script.replaceAll(/(?<= )\/etc\//g, `${dir}/etc/`));
    const prefix = join(dir, "prefix");
    execFileSync(join(folder, "install"), [prefix]);
    const units = join(prefix, "lib/systemd/system");
    expect(readdirSync(units).toSorted()).toEqual([
      "docker-cni-dhcp.service",
      "docker-cni-dhcp.socket",
      "docker-cni-dns.service",
      "docker-cni-heal.service",
      "docker-cni-metrics.service",
      "docker-cni-metrics.timer",
    ]);
    expect(readFileSync(join(units, "docker-cni-heal.service"), "utf8")).toContain(
      `ExecStart=${prefix}/bin/docker-cni heal --watch\n`,
    );
    expect(existsSync(join(dir, "etc/docker/cni.yaml"))).toBe(true);
  });

  test("every script of packaging/deb", () => {
    const scripts = join(dir, "scripts");
    execFileSync("dpkg-deb", ["-e", packed(".deb"), scripts]);
    for (const name of readdirSync(join(root, "packaging/deb"))) {
      expect(readFileSync(join(scripts, name), "utf8")).toBe(
        readFileSync(join(root, "packaging/deb", name), "utf8"),
      );
    }
  });
});

test("the file for logrotate names the log's default place, and logrotate reads it", () => {
  const file = join(root, "config/logrotate");
  expect(readFileSync(file, "utf8")).toContain("/var/log/docker-cni.log {\n");
  if (!has("logrotate")) return;
  const state = ["--state", join(dir, "logrotate-state")];
  expect(spawnSync("logrotate", ["--debug", ...state, file]).status).toBe(0);
});

test("the file for logrotate leaves the last log as it is, and has heal --watch open the new one", () => {
  const text = readFileSync(join(root, "config/logrotate"), "utf8");
  expect(text).toMatch(/^ +delaycompress$/m);
  expect(text).toMatch(/^ +postrotate\n.* -s HUP docker-cni-heal\.service .*\n +endscript$/m);
  expect(existsSync(join(root, "systemd/docker-cni-heal.service"))).toBe(true);
});

function view(id: string): SandboxView {
  const createdAt = "2026-01-01T00:00:00Z";
  const attachment = { network: "lan", ifName: "eth0", list: "{}", cniArgs: [], addresses: [] };
  const attachments = [{ ...attachment, capabilityArgs: {} }];
  const own = { id, netns: id, bootId: "b", createdAt, keep: true, runtimeDir: "/r", attachments };
  return { id, state: "running", record: { version: 1, state: "attached", ...own } };
}

/** Runs the script that dpkg calls before it takes the package away, with a `docker-cni` that does as `listed` says. */
function remove(how: string, listed: string, note = join(dir, "no-note")) {
  const commands = join(dir, "commands");
  mkdirSync(commands, { recursive: true });
  executable("commands/docker-cni", listed);
  executable("commands/systemctl", `echo "$*" >>${join(dir, "systemctl.seen")}`);
  const env = { PATH: `${commands}:${process.env["PATH"]}` };
  const script = readFileSync(join(root, "packaging/deb/prerm"), "utf8");
  executable("prerm", script.replace("/var/lib/docker-cni/install.json", note));
  return spawnSync("sh", [join(dir, "prerm"), how], { env, encoding: "utf8" });
}

function list(...views: SandboxView[]): string {
  return `cat <<'JSON'\n${JSON.stringify(views.map(asJson), null, 2)}\nJSON`;
}

describe("the removal of the package", () => {
  test("tells how many containers have a network, and what to do", () => {
    const { status, stderr } = remove("remove", list(view("a1"), view("b2"), view("c3")));
    expect(status).toBe(0);
    expect(stderr).toMatch(/^docker-cni: containers with a network of docker-cni's: 3 /);
    expect(stderr).toContain("docker rm -f");
  });

  test("tells how to take the registration back, while there is one", () => {
    const note = join(dir, "install.json");
    writeFileSync(note, "{}");
    expect(remove("remove", list(), note).stderr).toMatch(
      /\n {2}To take that back, install it again, run docker cni uninstall, and remove it then\.\n$/,
    );
    expect(remove("upgrade", list(), note).stderr).toBe("");
  });

  test("ends what runs by systemd's units", () => {
    remove("remove", list());
    const called = existsSync("/run/systemd/system")
      ? readFileSync(join(dir, "systemctl.seen"), "utf8")
      : readFileSync(join(root, "packaging/deb/prerm"), "utf8");
    for (const unit of ["gc.path", "heal.service", "metrics.timer"]) {
      expect(called).toContain(`docker-cni-${unit}`);
    }
  });

  test.each([
    ["no container has one", "remove", list()],
    ["the package is upgraded", "upgrade", list(view("a1"))],
    ["docker-cni cannot tell", "remove", "exit 1"],
  ])("says nothing where %s", (_, how, listed) => {
    expect(remove(how, listed)).toMatchObject({ status: 0, stderr: "" });
  });
});
