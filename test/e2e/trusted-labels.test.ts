import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { program } from "./life/program.ts";
import { must } from "./harness/shell.ts";

const test = dockerTest({ iptables: true });
const RUN = ["run", "--rm", "--runtime", "cni", "--net", "none"];
const SHOW = ["ip", "-o", "address"];

/** Makes an image that tries to choose its own network, and gives its name. */
async function hostileImage(host: DockerHost): Promise<string> {
  const folder = join(host.place.dir, "hostile");
  mkdirSync(join(folder, "bin"), { recursive: true });
  await must(["cp", "/bin/busybox", join(folder, "bin/busybox")]);
  for (const name of ["sh", "sleep", "ip"]) {
    await must(["ln", "-sf", "busybox", join(folder, "bin", name)]);
  }
  await must(["tar", "-C", folder, "-cf", `${folder}.tar`, "."]);
  const requests = [
    `LABEL cni.ip=${host.place.prefix}.99 cni.mac=02:66:66:66:66:66 cni.networks=nowhere`,
    `LABEL cni.ports=8080:80 cni.args=POOL=evil cni.aliases=bank cni.keep=false`,
    `LABEL k8s.v1.cni.cncf.io/networks=nowhere team=evil`,
    `ENV IPV4=${host.place.prefix}.98 IPPOOL=evil`,
    `EXPOSE 80`,
  ];
  const changes = requests.flatMap((line) => ["--change", line]);
  await host.ok("import", ...changes, `${folder}.tar`, "hostile");
  return "hostile";
}

describe("an image", () => {
  test("does not choose its network, address, MAC, ports, arguments or names", async ({ host }) => {
    const image = await hostileImage(host);
    host.writeConfig({ env_addresses: true, workload_args: ["label:team"] });
    const options = ["-d", "--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];
    const id = (await host.ok("run", ...options, image, "sleep", "3600")).trim();
    const seen = await host.ok("exec", id, ...SHOW);
    expect(seen).toContain(`inet ${host.place.prefix}.`);
    expect(seen).not.toMatch(/\.9[89]\//);
    const file = join(host.place.dir, "state/sandboxes", id, "record.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      keep: true,
      attachments: [{ ifName: "eth0", cniArgs: [["IgnoreUnknown", "1"]], capabilityArgs: {} }],
    });
    expect(
      readFileSync(join(host.place.dir, "data/containers", id, "hosts"), "utf8"),
    ).not.toContain("bank");
    expect(readFileSync(join(host.place.dir, "docker-cni.log"), "utf8")).toContain(
      "label cni.ip ignored: the image carries it with the same value",
    );
    host.writeConfig();
  });

  test("of docker commit keeps the labels of its container, which are ignored: inspect says so", async ({
    host,
  }) => {
    const label = ["--label", `cni.ip=${host.place.prefix}.66`];
    const first = await host.sleeper(...label);
    await host.ok("commit", first, "committed");
    await host.ok("rm", "-f", first);
    const options = ["-d", "--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];
    const id = (await host.ok("run", ...options, "committed", "sleep", "3600")).trim();
    const { stdout } = await program(host, "inspect", id);
    expect(stdout).toMatch(/^Note: +label cni\.ip ignored: the image carries it/m);
    await host.ok("rm", "-f", id);
    await host.ok("rmi", "committed");
  });

  test("does not have its container attached where only labelled ones are", async ({ host }) => {
    const image = await hostileImage(host);
    host.writeConfig({ attach: "labelled" });
    expect(await host.ok(...RUN, image, ...SHOW)).not.toContain("eth0");
    const label = ["--label", `cni.networks=${host.place.network}`];
    expect(await host.ok(...RUN, ...label, "busybox", ...SHOW)).toContain("eth0");
    host.writeConfig();
  });

  test("is overruled by what the operator says under the same name", async ({ host }) => {
    const image = await hostileImage(host);
    const labels = [
      "--label",
      `cni.ip=${host.place.prefix}.77`,
      "--label",
      `cni.networks=${host.place.network}`,
    ];
    expect(await host.ok(...RUN, ...labels, image, ...SHOW)).toContain(
      `inet ${host.place.prefix}.77/`,
    );
  });

  test("that is gone tells nothing: its labels are ignored unless the configuration allows them", async ({
    host,
  }) => {
    const image = await hostileImage(host);
    const options = [
      "--runtime",
      "cni",
      "--net",
      "none",
      "--stop-signal",
      "KILL",
      "--label",
      "cni.aliases=mine",
    ];
    const id = (await host.ok("create", ...options, image, "sleep", "3600")).trim();
    const hosts = join(host.place.dir, "data/containers", id, "hosts");
    const digest = (await host.ok("image", "inspect", "-f", "{{.Id}}", image)).replace(
      "sha256:",
      "",
    );
    rmSync(join(host.place.dir, "data/image/overlay2/imagedb/content/sha256", digest));
    await host.ok("start", id);
    expect(readFileSync(hosts, "utf8")).not.toContain("mine");
    expect(readFileSync(join(host.place.dir, "docker-cni.log"), "utf8")).toContain(
      "it cannot be told whether the image set the label",
    );
  });
});

describe("the environment", () => {
  test.for([
    [false, /\.(?!88)\d+\//],
    [true, /\.88\//],
  ] as const)(
    "has a say only where the configuration allows it: %s",
    async ([allowed, address], { host }) => {
      host.writeConfig({ env_addresses: allowed });
      const out = await host.ok(
        ...RUN,
        "-e",
        `IPV4=${host.place.prefix}.88`,
        "busybox",
        "ip",
        "-4",
        "-o",
        "address",
        "show",
        "eth0",
      );
      expect(out).toMatch(address);
      host.writeConfig();
    },
  );
});

describe("a bad request fails before anything exists, and says how to put it right", () => {
  test.for([
    [
      ["--label", "cni.ip=10.1.0.777"],
      '--label cni.ip="10.1.0.777": "10.1.0.777" is not an IP address (for example --label cni.ip=10.1.0.7 or 10.1.0.7/24,fd00::7/64)',
    ],
    [
      ["--label", "cni.mac=x"],
      '--label cni.mac="x": not a MAC address (for example --label cni.mac=02:42:0a:01:00:07)',
    ],
    [["--label", "cni.networks=nowhere"], 'no network "nowhere" in'],
    [
      ["--label", "cni.networks=a b"],
      '"a b" cannot be the name of a network (for example --label cni.networks=front,back@net1 or none)',
    ],
    [
      ["--label", "cni.ip.back=10.1.0.7"],
      'no network or interface "back" was asked for (name one of these or its interface: ',
    ],
    [["--label", "cni.bandwidth=ingress=10M"], "cni.bandwidth was asked for, but network"],
    [
      ["--label", "cni.bandwidth=10M"],
      "(for example --label cni.bandwidth=ingress=10M,egress=5M (bits a second; k, M and G are powers of 1000))",
    ],
    [["--label", "cni.args=IP=10.1.0.7"], "IP is reserved: use cni.ip"],
    [["--label", "cni.aliases=a_b c"], '"a_b c" cannot be a host name'],
    [["--label", "cni.keep=maybe"], "neither true nor false (for example --label cni.keep=true)"],
    [["--label", "k8s.v1.cni.cncf.io/networks=[{"], "looks like JSON but is not"],
  ] as const)("%j", async ([options, message], { host, noLeaks }) => {
    const { stderr, exitCode } = await host.docker(...RUN, ...options, "busybox", "true");
    expect(stderr).toContain(`docker-cni: `);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(125);
    await noLeaks();
  });
});

describe("a flag of Docker's that says something about the network is met, or refused by its name", () => {
  test.for([
    ["--link", ["--link", "other:sql"], /links are only supported|--link other:sql: a CNI network/],
    ["--link-local-ip", ["--link-local-ip", "169.254.8.8"], /--link-local-ip 169\.254\.8\.8|link/i],
    ["--ip", ["--ip", "10.1.0.7"], /IP address is supported|inet /i],
    ["--ip6", ["--ip6", "fd00::7"], /IP address is supported|inet6? /i],
    ["--network-alias", ["--network-alias", "sql"], /alias(?:es are only| is) supported|inet /i],
    ["--dns", ["--dns", "1.2.3.4"], /nameserver 1\.2\.3\.4/],
    ["--dns-search", ["--dns-search", "a.example"], /search a\.example/],
    ["--dns-option", ["--dns-option", "ndots:3"], /options .*ndots:3/],
    ["--add-host", ["--add-host", "there:1.2.3.4"], /1\.2\.3\.4\s+there/],
    ["--hostname", ["-h", "db"], /\sdb\b/],
    ["--domainname", ["-h", "db", "--domainname", "a.example"], /\sdb\.a\.example db\b/],
    ["--mac-address", ["--mac-address", "02:42:00:00:00:07"], /02:42:00:00:00:07/],
    ["--expose", ["--expose", "80"], /inet /],
    ["-P", ["-P", "--expose", "80"], /inet /],
  ] as const)("%s", async ([, options, words], { host }) => {
    await host.sleeper("--name", "other");
    const look = "ip address; cat /etc/resolv.conf /etc/hosts";
    const { stdout, stderr } = await host.docker(...RUN, ...options, "busybox", "sh", "-c", look);
    expect(`${stdout}${stderr}`).toMatch(words);
  });
});

describe("as with Docker's networks", () => {
  test("--sysctl net.* is set in the container's namespace", async ({ host }) => {
    const sysctl = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "net.core.somaxconn=77"];
    const read = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn";
    expect(await host.ok(...RUN, ...sysctl, "busybox", "sh", "-c", read)).toBe("1\n77");
  });

  test("--cap-add NET_ADMIN lets it change its own network", async ({ host }) => {
    const change = ["sh", "-c", "ip link set eth0 mtu 1400 && cat /sys/class/net/eth0/mtu"];
    expect((await host.docker(...RUN, "busybox", ...change)).exitCode).not.toBe(0);
    expect(await host.ok(...RUN, "--cap-add", "NET_ADMIN", "busybox", ...change)).toBe("1400");
  });

  test("--privileged has its network, and no other", async ({ host, skip }) => {
    const plain = await host.docker(
      "run",
      "--rm",
      "--privileged",
      "--net",
      "none",
      "busybox",
      "true",
    );
    skip(plain.exitCode !== 0, `this machine has no privileged containers: ${plain.stderr}`);
    const out = await host.ok(
      ...RUN,
      "--privileged",
      "busybox",
      "sh",
      "-c",
      "ls /sys/class/net; ip -4 -o address show eth0",
    );
    expect(out).toMatch(new RegExp(`^eth0\\nlo\\n.*inet ${host.place.prefix}\\.`));
  });
});
