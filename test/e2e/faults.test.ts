import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { defaultNetwork, dockerCniRuntime, REPOSITORY, type Json } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import type { Place } from "./harness/place.ts";

const NETWORK = "10-default.conflist";
const RUNC = "/nonexistent/runc";
const CONFIG = "/nonexistent/cni.yaml";

const test = dockerTest({
  runtimes: (place) => ({
    "cni-without-runc": dockerCniRuntime(place, RUNC),
    "cni-without-config": {
      path: join(REPOSITORY, "bin/docker-cni"),
      runtimeArgs: ["--config", CONFIG, "--"],
    },
  }),
});

interface Fault {
  title: string;
  arrange: (host: DockerHost) => void;
  /** What follows `OCI runtime create failed: ` on the line that docker run prints. */
  line: (place: Place) => string;
  runtime?: string;
}

const detailsIn = ({ dir }: Place) =>
  `(see the network's file and the plugin's documentation; details are in ${dir}/docker-cni.log)`;

const failedAdd = (words: string) => (place: Place) =>
  `docker-cni: plugin type="bad" name="${place.network}" failed (add): ${words} ${detailsIn(place)}`;

const faults: Fault[] = [
  {
    title: "there is no network in the conf dir",
    arrange: ({ removeNetwork }) => removeNetwork(NETWORK),
    line: ({ dir }) =>
      `docker-cni: no network configuration in ${dir}/net.d (put a network list there, such as config/net.d/10-docker-cni.conflist, or correct cni_conf_dir)`,
  },
  {
    title: "the only network is no JSON",
    arrange: ({ writeNetwork }) => writeNetwork(NETWORK, "["),
    line: ({ dir }) =>
      `docker-cni: no network configuration in ${dir}/net.d; skipped ${dir}/net.d/${NETWORK}: invalid network configuration: it is not JSON: line 1, column 2: it ends there, and is not complete (correct the files that were skipped)`,
  },
  {
    title: "the binary of a plugin far down the chain is missing",
    arrange: (host) => addPlugin(host, { type: "nosuch" }),
    line: ({ dir, network }) =>
      `docker-cni: plugin type="nosuch" name="${network}" failed (add): there is no plugin binary "nosuch"; searched ${dir}/plugins, /opt/cni/bin, /usr/lib/cni (install the plugin, or name its folder in cni_bin_dir)`,
  },
  {
    title: "a plugin prints an error",
    arrange: badPlugin(
      `echo '{"cniVersion":"1.0.0","code":100,"msg":"no carrier","details":"eth7 is down"}'; exit 1`,
    ),
    line: failedAdd("no carrier; eth7 is down (code 100)"),
  },
  {
    title: "a plugin prints no JSON",
    arrange: badPlugin("echo hello"),
    line: failedAdd("it printed no JSON: hello"),
  },
  {
    title: "a plugin prints nothing",
    arrange: badPlugin("exit 0"),
    line: failedAdd("it printed no result"),
  },
  {
    title: "a plugin fails with words on stderr alone",
    arrange: badPlugin("echo out of luck >&2; exit 3"),
    line: failedAdd("exit status 3: out of luck"),
  },
  {
    title: "a plugin misses a file and a right, which is not the fault of the container's command",
    arrange: badPlugin("echo open /x.sh: no such file or directory, permission denied >&2; exit 3"),
    line: failedAdd("exit status 3: open /x.sh: no such file or folder, permission refused"),
  },
  {
    title: "a plugin dies of a signal",
    arrange: badPlugin("kill -SEGV $$"),
    line: failedAdd("it was killed by SIGSEGV"),
  },
  {
    title: "a plugin hangs, with a child that does too",
    arrange: (host) => {
      badPlugin("sleep 300 & wait")(host);
      host.writeConfig({ plugin_timeout: "1s" });
    },
    line: ({ dir, network }) =>
      `docker-cni: plugin type="bad" name="${network}" failed (add): it did not finish within 1 s and was killed; its ADD hung since TIME, in what it called: sleep (find out what the plugin waits for, or raise plugin_timeout (half a second is added to it for each published port); details are in ${dir}/docker-cni.log)`,
  },
  {
    title: "cni.yaml is no YAML",
    arrange: ({ writeConfig }) => writeConfig("cni_conf_dir: [\n"),
    line: ({ dir }) => `docker-cni: ${dir}/cni.yaml:2: not valid YAML: deficient indentation`,
  },
  {
    title: "cni.yaml has an unknown key",
    arrange: ({ writeConfig }) => writeConfig({ cni_conf_dri: "/etc/cni/net.d" }),
    line: ({ dir }) =>
      `docker-cni: ${dir}/cni.yaml:6: unknown key "cni_conf_dri": did you mean cni_conf_dir?`,
  },
  {
    title: "cni.yaml has a bad value",
    arrange: ({ writeConfig }) => writeConfig({ plugin_timeout: "soon" }),
    line: ({ dir }) =>
      `docker-cni: ${dir}/cni.yaml:6: plugin_timeout: expected a time with its unit (ms, s, m, h, d), such as 60s, at most 1h; got "soon"`,
  },
  {
    title: "cni.yaml is not there",
    arrange: () => {},
    runtime: "cni-without-config",
    line: () =>
      `docker-cni: cannot read the configuration file ${CONFIG}: no such file (create it, or correct --config in the runtimeArgs of daemon.json)`,
  },
  {
    title: "runc is not there",
    arrange: () => {},
    runtime: "cni-without-runc",
    line: () =>
      `docker-cni: the low-level runtime ${RUNC} is not there (install runc, or name it with --runtime-path or oci_bin)`,
  },
];

describe("docker run fails, says so in one line and leaves nothing behind when", () => {
  const table = faults.map((fault) => [fault.title, fault] as const);
  test.for(table)("%s", async ([, { arrange, line, runtime = "cni" }], { host, noLeaks }) => {
    host.writeConfig();
    host.writeNetwork(NETWORK, defaultNetwork(host.place));
    arrange(host);
    const args = ["--name", "faulty", "--runtime", runtime, "--net", "none", "busybox", "true"];
    const { exitCode, stderr } = await host.docker("run", ...args);
    const fault = faultOf(stderr)?.replace(/since [\d-]+T[\d:]+Z/, "since TIME");
    expect(fault).toBe(line(host.place));
    expect(exitCode).toBe(125);
    expect((await host.inspect("faulty")).State.Status).toBe("created");
    await noLeaks();
  });

  test("runc itself fails, in whose own words it is said", async ({ host, noLeaks }) => {
    host.writeConfig();
    host.writeNetwork(NETWORK, defaultNetwork(host.place));
    const args = ["--name", "faulty", "--runtime", "cni", "--net", "none", "busybox", "nosuch"];
    const { exitCode, stderr } = await host.docker("run", ...args);
    expect(faultOf(stderr)).toContain('exec: "nosuch": executable file not found in $PATH');
    expect(exitCode).toBe(127);
    await noLeaks();
  });

  test("a plugin fails and hangs at DEL, which is not waited for, and undone later", async ({
    host,
    noLeaks,
  }) => {
    host.writeConfig();
    addPlugin(host, { type: "bad" });
    const away = join(host.place.dir, "away");
    writeFileSync(away, "");
    const script = `[ "$CNI_COMMAND" = ADD ] && echo away >&2 && exit 3\nwhile [ -e ${away} ]; do sleep 0.1; done`;
    host.writePlugin("bad", `#!/bin/sh\n${script}\n`);
    const start = Date.now();
    const args = ["--rm", "--runtime", "cni", "--net", "none", "busybox", "true"];
    const { stderr } = await host.docker("run", ...args);
    expect(Date.now() - start).toBeLessThan(8000);
    expect(faultOf(stderr)).toBe(failedAdd("exit status 3: away")(host.place));
    rmSync(away);
    await noLeaks();
  });

  test("the network has no address left, and runs again when there is one", async ({
    host,
    noLeaks,
  }) => {
    const { prefix } = host.place;
    const list = defaultNetwork(host.place);
    const range = { subnet: host.place.subnet, rangeStart: `${prefix}.9`, rangeEnd: `${prefix}.9` };
    for (const plugin of list.plugins) {
      if (plugin.type === "bridge") Object.assign(plugin["ipam"] ?? {}, { ranges: [[range]] });
    }
    host.writeConfig();
    host.writeNetwork(NETWORK, list);
    const id = await host.sleeper();
    const args = ["--rm", "--runtime", "cni", "--net", "none", "busybox", "true"];
    const refused = await host.docker("run", ...args);
    expect(faultOf(refused.stderr)).toMatch(
      /failed \(add\): .*no IP addresses available in range set: [0-9.]+\.9-[0-9.]+\.9/,
    );
    await host.ok("stop", id);
    await host.ok("rm", id);
    await noLeaks();
    expect(await host.docker("run", ...args)).toMatchObject({ exitCode: 0 });
  });
});

/** The runtime's own words in what `docker run` prints; the whole when it is of another form. */
function faultOf(stderr: string): string {
  return /OCI runtime create failed: (.*?)(: unknown\.?)?$/m.exec(stderr)?.[1] ?? stderr;
}

/** The default network with one more plugin at the end of its chain. */
function addPlugin(host: DockerHost, plugin: Json & { type: string }): void {
  const list = defaultNetwork(host.place);
  host.writeNetwork(NETWORK, { ...list, plugins: [...list.plugins, plugin] });
}

/** A plugin at the end of the chain whose ADD is this script; DEL does nothing and succeeds. */
function badPlugin(script: string): (host: DockerHost) => void {
  return (host) => {
    addPlugin(host, { type: "bad" });
    host.writePlugin("bad", `#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] || exit 0\n${script}\n`);
  };
}
