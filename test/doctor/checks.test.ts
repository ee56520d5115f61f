import { describe, expect, test } from "vitest";
import { examine } from "../../src/doctor/examine.ts";
import { describeRemedy } from "../../src/doctor/finding.ts";
import {
  changed,
  fakeSubject,
  GONE,
  healthy,
  ID,
  LAN,
  LAUNCHER,
  sandbox,
  type World,
} from "./subject.ts";

interface Row {
  /** What is wrong. */
  of: string;
  check: string;
  status?: "warning" | "broken";
  world: Partial<World>;
  says: RegExp | string;
  remedy?: string;
}

/** One of nftables itself, and one of iptables-nft. */
const NFT_CHAINS = JSON.stringify({
  nftables: [
    { chain: { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" } },
    { chain: { family: "inet", table: "mine", name: "forward", hook: "forward", policy: "drop" } },
  ],
});

const lan = (change: object): Record<string, string> => ({
  "10-lan.conflist": JSON.stringify({ ...LAN, ...change }),
});
const bridge = { ...LAN.plugins[0] };
const noFirewall = lan({ plugins: [bridge] });
const port = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const publishing = { capabilityArgs: { portMappings: [port] } };
const DROP = "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT";
const CHAIN = "CNI-aaaaaaaaaaaaaaaaaaaaaaaa";
const comment = `name: \\"lan\\" id: \\"${GONE}\\"`;
const NAT = `*nat\n:${CHAIN} - [0:0]\n-A POSTROUTING -s 10.9.0.9/32 -m comment --comment "${comment}" -j ${CHAIN}\nCOMMIT`;

const rows: Row[] = [
  {
    of: "an engine that does not answer",
    check: "engine-reachable",
    world: { engine: { "/version": undefined, "/info": undefined } },
    says: "ECONNREFUSED",
    remedy: "systemctl start docker",
  },
  {
    of: "an engine without the runtime",
    check: "runtime-registered",
    world: { engine: { "/info": { Runtimes: { runc: { path: "runc" } } } } },
    says: "no runtime of the engine's is docker-cni",
    remedy: "docker-cni install",
  },
  {
    of: "an engine without the runtime whose configuration is elsewhere",
    check: "runtime-registered",
    world: {
      engine: { "/info": { Runtimes: {} } },
      more: { daemonConfigs: () => ["/srv/daemon.json"] },
    },
    says: "no runtime of the engine's is docker-cni",
    remedy: "docker-cni install --config-file /srv/daemon.json",
  },
  {
    of: "a runtime that is another docker-cni",
    check: "runtime-launcher",
    status: "warning",
    world: {
      engine: { "/info": { Runtimes: { cni: { path: "/old/docker-cni" } } } },
      files: { "/old/docker-cni": "" },
    },
    says: `it runs /old/docker-cni, and you called ${LAUNCHER}`,
    remedy: "docker-cni install",
  },
  {
    of: "a runtime whose file is gone",
    check: "runtime-launcher",
    world: { engine: { "/info": { Runtimes: { cni: { path: "/gone/docker-cni" } } } } },
    says: "/gone/docker-cni is not there",
    remedy: "docker-cni install",
  },
  {
    of: "a runtime with another configuration",
    check: "runtime-launcher",
    status: "warning",
    world: {
      engine: {
        "/info": { Runtimes: { cni: { path: LAUNCHER, runtimeArgs: ["--config=/b.yaml"] } } },
      },
    },
    says: "its configuration is /b.yaml",
    remedy: "docker-cni --config /b.yaml doctor",
  },
  {
    of: "a client without the plugin",
    check: "cli-plugin",
    status: "warning",
    world: { files: { "/usr/libexec/docker/cli-plugins/docker-cni": undefined } },
    says: "does not have it yet",
    remedy: `mkdir -p /root/.docker/cli-plugins && ln -sn ${LAUNCHER} /root/.docker/cli-plugins/docker-cni`,
  },
  {
    of: "another's plugin of that name",
    check: "cli-plugin",
    status: "warning",
    world: {
      links: { "/usr/libexec/docker/cli-plugins/docker-cni": "/opt/other/docker-cni" },
    },
    says: "is another docker-cni than",
    remedy: `ln -sfn ${LAUNCHER} /usr/libexec/docker/cli-plugins/docker-cni`,
  },
  {
    of: "no low-level runtime",
    check: "low-level-runtime",
    world: { more: { runtimePath: "" } },
    says: "neither runc nor crun is on PATH",
    remedy: "apt-get install runc",
  },
  {
    of: "a low-level runtime that is gone",
    check: "low-level-runtime",
    world: { files: { "/usr/sbin/runc": undefined } },
    says: "/usr/sbin/runc is not there",
    remedy: "sensible-editor /etc/docker/cni.yaml",
  },
  {
    of: "a configuration with an error",
    check: "config-file",
    world: { more: { configError: "/etc/docker/cni.yaml:7: unknown key" } },
    says: "/etc/docker/cni.yaml:7: unknown key",
    remedy: "sensible-editor +7 /etc/docker/cni.yaml",
  },
  {
    of: "a configuration that anybody can write",
    check: "config-file",
    world: { files: { "/etc/docker/cni.yaml": { mode: 0o666 } } },
    says: "others than root can write",
    remedy: "chmod go-w /etc/docker/cni.yaml",
  },
  {
    of: "no network",
    check: "any-network",
    world: { networks: {} },
    says: "no network in /etc/cni/net.d",
    remedy: "docker-cni install",
  },
  {
    of: "a network file that is no JSON",
    check: "network-files",
    world: { networks: { ...healthy.networks, "20-x.conflist": "{" } },
    says: /JSON/,
    remedy: "sensible-editor /etc/cni/net.d/20-x.conflist",
  },
  {
    of: "two files for one network",
    check: "network-names",
    status: "warning",
    world: { networks: { ...healthy.networks, "20-x.conflist": JSON.stringify(LAN) } },
    says: "20-x.conflist is for it too",
    remedy: "mv /etc/cni/net.d/20-x.conflist /etc/cni/net.d/20-x.conflist.disabled",
  },
  {
    of: "a plugin that is not installed",
    check: "plugins",
    world: { files: { "/opt/cni/bin/portmap": undefined } },
    says: "not in /opt/cni/bin or /usr/lib/cni; network lan needs it",
    remedy: "apt-get install containernetworking-plugins",
  },
  {
    of: "a plugin that may not be executed",
    check: "plugins",
    world: { files: { "/opt/cni/bin/host-local": { mode: 0o644 } } },
    says: "may not be executed",
    remedy: "chmod 0755 /opt/cni/bin/host-local",
  },
  {
    of: "a plugin that is older than its network",
    check: "plugins",
    world: { versions: { bridge: ["0.3.1", "0.4.0"] } },
    says: "network lan is of CNI 1.0.0, and it speaks 0.3.1, 0.4.0",
    remedy: `sed -i 's/"cniVersion": *"1\\.0\\.0"/"cniVersion": "0.4.0"/' /etc/cni/net.d/10-lan.conflist`,
  },
  {
    of: "a plugin that cannot run",
    check: "plugins",
    world: { versions: { firewall: undefined } },
    says: "does not answer to VERSION: exec format error",
    remedy: "file /opt/cni/bin/firewall",
  },
  {
    of: "a network that says it cannot serve",
    check: "status",
    world: { status: { lan: "no daemon" } },
    says: "no daemon",
    remedy: "docker-cni doctor",
  },
  {
    of: "a subnet that the host has elsewhere",
    check: "subnets",
    world: {
      commands: {
        "ip -json -4 route show": JSON.stringify([{ dst: "10.9.0.0/16", dev: "tun0" }]),
      },
    },
    says: "10.9.0.0/24 overlaps 10.9.0.0/16, which the host reaches by tun0",
    remedy: `sed -i 's|"10.9.0.0/24"|"10.64.0.0/24"|' /etc/cni/net.d/10-lan.conflist`,
  },
  {
    of: "two networks that give out the same addresses",
    check: "subnets",
    world: {
      networks: { ...healthy.networks, "20-b.conflist": JSON.stringify({ ...LAN, name: "b" }) },
    },
    says: "also those of network lan: both give them out",
    remedy: `sed -i 's|"10.9.0.0/24"|"10.64.0.0/24"|' /etc/cni/net.d/20-b.conflist`,
  },
  {
    of: "a network whose packets are larger than the uplink takes",
    check: "mtu",
    status: "warning",
    world: { commands: { "ip -json link show": JSON.stringify([{ ifname: "eth0", mtu: 1450 }]) } },
    says: "its MTU is 1500, and that of the uplink eth0 1450",
    remedy: `sed -i -E 's/"type": *"bridge"/&, "mtu": 1450/' /etc/cni/net.d/10-lan.conflist`,
  },
  {
    of: "a network whose file says a larger MTU",
    check: "mtu",
    status: "warning",
    world: { networks: lan({ plugins: [{ ...bridge, mtu: 9000 }] }) },
    says: "its MTU is 9000",
    remedy: `sed -i -E 's/"mtu": *[0-9]+/"mtu": 1500/' /etc/cni/net.d/10-lan.conflist`,
  },
  {
    of: "forwarding that is off",
    check: "ip-forward",
    world: { files: { "/proc/sys/net/ipv4/ip_forward": "0\n" } },
    says: "containers of lan reach the host and no further",
    remedy: "sysctl -w net.ipv4.ip_forward=1",
  },
  {
    of: "a policy that drops what a network without firewall plugin sends",
    check: "forward-policy",
    world: { networks: noFirewall, commands: { "iptables-save": DROP } },
    says: "drops what containers of lan send",
    remedy: "iptables -I DOCKER-USER -i br0 -j ACCEPT && iptables -I DOCKER-USER -o br0 -j ACCEPT",
  },
  {
    of: "Docker on nftables beside portmap on iptables",
    check: "docker-firewall",
    status: "warning",
    world: {
      engine: { "/info": { FirewallBackend: { Driver: "nftables" }, Runtimes: {} } },
    },
    says: "Docker uses nftables, and portmap of lan iptables",
    remedy: `sed -i 's/"type": *"portmap"/&, "backend": "nftables"/' /etc/cni/net.d/10-lan.conflist`,
  },
  {
    of: "no iptables",
    check: "iptables-kinds",
    status: "warning",
    world: { commands: { "iptables --version": undefined } },
    says: "plugins of lan need it",
    remedy: "apt-get install iptables",
  },
  {
    of: "a chain of nftables that drops what is forwarded",
    check: "nft-forward-policy",
    status: "warning",
    world: { commands: { "nft --json list chains": NFT_CHAINS } },
    says: "the chain inet mine forward drops",
    remedy:
      'accept the networks\' bridges in the file that makes it, such as: nft add rule inet mine forward iifname "cni-*" accept',
  },
  {
    of: "rules of both kinds of iptables",
    check: "iptables-kinds",
    status: "warning",
    world: {
      files: { "/proc/net/ip_tables_names": "nat\n" },
      commands: { "iptables-legacy-save": "*nat\n-A POSTROUTING -j DOCKER\nCOMMIT" },
    },
    says: "1 rules of iptables-legacy beside 1 of nf_tables",
    remedy: "update-alternatives --set iptables /usr/sbin/iptables-legacy",
  },
  {
    of: "a firewalld that does not know the bridge",
    check: "firewalld",
    status: "warning",
    world: { commands: { "firewall-cmd --state": "running", "firewall-cmd --zone": "docker0" } },
    says: "drops what comes by br0",
    remedy:
      "firewall-cmd --permanent --zone=trusted --add-interface=br0 && firewall-cmd --zone=trusted --add-interface=br0",
  },
  {
    of: "NetworkManager with a bridge in its care",
    check: "network-manager",
    status: "warning",
    world: { commands: { nmcli: "eth0:connected\nbr0:connected\nveth1:unmanaged" } },
    says: "NetworkManager manages br0",
    remedy: String.raw`printf '[keyfile]\nunmanaged-devices=interface-name:veth*;interface-name:br0\n' >/etc/NetworkManager/conf.d/docker-cni.conf && nmcli general reload`,
  },
  {
    of: "systemd-networkd with veths in its care",
    check: "networkd",
    status: "warning",
    world: {
      commands: {
        networkctl: " 1 lo loopback carrier unmanaged\n 5 veth1 ether routable configured",
      },
    },
    says: "systemd-networkd manages veth1",
    remedy: String.raw`printf '[Match]\nName=veth* br0\n[Link]\nUnmanaged=yes\n' >/etc/systemd/network/05-docker-cni.network && networkctl reload`,
  },
  {
    of: "a kernel without bridges",
    check: "kernel",
    world: { commands: { "unshare --net": { code: 2, stderr: "Error: Unknown device type." } } },
    says: "no interfaces of the kind bridge",
    remedy: "modprobe bridge",
  },
  {
    of: "a kernel that does not take the plugins' rules",
    check: "kernel-rules",
    world: {
      commands: {
        "unshare --net -- iptables -t nat": {
          code: 4,
          stderr: "RULE_APPEND failed: No such device",
        },
      },
    },
    says: "a rule as plugins make it in the table nat fails: RULE_APPEND failed",
    remedy: "modprobe -a iptable_nat nft_compat nf_conntrack",
  },
  {
    of: "/run/netns that is not shared",
    check: "netns-shared",
    world: { files: { "/proc/self/mountinfo": "2 1 0:2 / /run/netns rw - tmpfs tmpfs rw" } },
    says: "not shared",
    remedy: "mount --make-shared /run/netns",
  },
  {
    of: "a disk that is full",
    check: "disk",
    world: { disk: { freeBytes: 0, freeFiles: 1e6 } },
    says: "0 MB free for /var/lib/docker-cni",
    remedy: "docker system prune",
  },
  {
    of: "no inodes",
    check: "disk",
    status: "warning",
    world: { disk: { freeBytes: 5e10, freeFiles: 0 } },
    says: "no inodes",
    remedy: "docker system prune",
  },
  {
    of: "names by DNS without a name server",
    check: "name-server",
    status: "warning",
    world: { networks: lan({ dockerCni: { names: "dns" } }) },
    says: "aardvark-dns is not installed: names on lan are in hosts files only",
    remedy: "apt-get install aardvark-dns",
  },
  {
    of: "a name server that was killed, whose number is another's now",
    check: "name-server",
    status: "warning",
    world: {
      files: {
        "/usr/lib/podman/aardvark-dns": { mode: 0o755 },
        "/run/docker-cni/dns/lan~": "10.9.0.1\n",
        "/run/docker-cni/dns/aardvark.pid": "4711",
        "/proc/4711/cmdline": "/usr/sbin/named\0-f\0",
      },
    },
    says: "does not run, and containers ask it",
    remedy: "docker-cni heal",
  },
  {
    of: "units that are not enabled",
    check: "units",
    status: "warning",
    world: { commands: { "systemctl is-enabled": { code: 1, stdout: "disabled" } } },
    says: "not enabled",
    remedy: "systemctl enable --now docker-cni-gc.path docker-cni-gc.service",
  },
  {
    of: "a unit that watches another data root",
    check: "units",
    status: "warning",
    world: { commands: { "systemctl cat": "PathChanged=/data/containers" } },
    says: "another folder than /var/lib/docker/containers",
    remedy: "systemctl edit docker-cni-gc.path",
  },
  {
    of: "a clock that was set back",
    check: "clock",
    status: "warning",
    world: {
      sandboxes: [
        sandbox(
          "web",
          ID,
          {},
          {
            record: { ...sandbox("web", ID, {}).record, createdAt: "2027-01-01T00:00:00Z" },
          },
        ),
      ],
    },
    says: "web was made at 2027-01-01T00:00:00Z, which is in the future",
    remedy: "timedatectl set-ntp true",
  },
  {
    of: "a network whose container is gone",
    check: "sandboxes",
    status: "warning",
    world: { sandboxes: [sandbox("web", ID, {}, { state: "over" })] },
    says: "web: the container is gone, and its network is not",
    remedy: "docker-cni gc",
  },
  {
    of: "a removal that fails",
    check: "sandboxes",
    world: {
      sandboxes: [
        sandbox(
          "web",
          ID,
          {},
          { state: "removing", retry: { attempts: 3, error: "x", nextAt: 0 } },
        ),
      ],
    },
    says: "could not be undone, 3 times: x",
    remedy: `docker-cni gc --forget ${ID}`,
  },
  {
    of: "a record that cannot be read",
    check: "sandboxes",
    world: { sandboxes: [sandbox("web", ID, {}, { state: "unreadable" })] },
    says: "its record cannot be read",
    remedy: `docker-cni heal ${ID}`,
  },
  {
    of: "a namespace that has lost its name",
    check: "sandboxes",
    world: { alive: [] },
    says: "has lost its name",
    remedy: `docker-cni heal ${ID}`,
  },
  {
    of: "a lease of a container that is gone",
    check: "leases",
    world: { files: { "/var/lib/cni/networks/lan/10.9.0.3": `${GONE}\neth0` } },
    says: "10.9.0.3 (bbbbbbbbbbbb): of containers that are gone",
    remedy: "rm -- /var/lib/cni/networks/lan/10.9.0.3",
  },
  {
    of: "a chain of a container that is gone",
    check: "chains",
    world: { commands: { "iptables-save": NAT } },
    says: "it was of bbbbbbbbbbbb, which is gone",
    remedy: `iptables -w -t nat -D POSTROUTING -s 10.9.0.9/32 -m comment --comment 'name: "lan" id: "${GONE}"' -j ${CHAIN} && iptables -w -t nat -F ${CHAIN} && iptables -w -t nat -X ${CHAIN}`,
  },
  {
    of: "an address that two containers have",
    check: "duplicates",
    world: {
      sandboxes: [sandbox("a", ID, {}), sandbox("b", GONE, { mac: "02:00:00:00:00:02" })],
    },
    says: "a and b both have 10.9.0.2/24 on lan",
    remedy: "docker rm -f b",
  },
  {
    of: "a container of the runtime without a network",
    check: "without-network",
    status: "warning",
    world: {
      containers: [
        { id: GONE, name: "api", directory: "/d", runtime: "cni", running: true, wasStarted: true },
      ],
    },
    says: "no CNI network: it was never asked for",
    remedy: "docker-cni inspect api",
  },
  {
    of: "a port that two containers publish",
    check: "ports",
    world: {
      sandboxes: [
        sandbox("a", ID, publishing),
        sandbox("b", GONE, { ...publishing, addresses: [], mac: "02:00:00:00:00:02" }),
      ],
    },
    says: "a and b both publish it",
    remedy: "docker stop b",
  },
  {
    of: "a port on which a process of the host listens too",
    check: "ports",
    status: "warning",
    world: {
      sandboxes: [sandbox("a", ID, publishing)],
      listeners: [{ protocol: "tcp", hostPort: 8080, holder: "process nginx (812)" }],
    },
    says: "process nginx (812) listens on it too",
    remedy: "docker stop a",
  },
];

const other = (name: string, runtime = "cni") => ({
  id: GONE,
  name,
  directory: "/d",
  runtime,
  running: true,
  wasStarted: true,
});

/** What is as it should be, though it looks like one of the rows above. */
const harmless: { of: string; check: string; world: Partial<World>; status?: "warning" }[] = [
  {
    of: "a lease of another runtime's container",
    check: "leases",
    status: "warning",
    world: { log: [], files: { "/var/lib/cni/networks/lan/10.9.0.3": `${GONE}\neth0` } },
  },
  {
    of: "a chain of another runtime's container",
    check: "chains",
    status: "warning",
    world: { log: [], commands: { "iptables-save": NAT } },
  },
  {
    of: "a lease while the engine does not answer",
    check: "leases",
    status: "warning",
    world: {
      engine: { "/info": undefined },
      files: { "/var/lib/cni/networks/lan/10.9.0.3": `${GONE}\neth0` },
    },
  },
  {
    of: "a container on the host's network",
    check: "without-network",
    world: { containers: [other("api")], modes: { api: "host" } },
  },
  {
    of: "a container on Docker's network under the default runtime",
    check: "without-network",
    world: {
      containers: [other("api")],
      modes: { api: "bridge" },
      engine: { "/info": { Runtimes: { cni: { path: LAUNCHER } }, DefaultRuntime: "cni" } },
    },
  },
  {
    of: "a container of another runtime",
    check: "without-network",
    world: { containers: [other("api", "runc")], modes: { api: "none" } },
  },
  {
    of: "forwarding that is off before the first container",
    check: "ip-forward",
    world: { sandboxes: [], files: { "/proc/sys/net/ipv4/ip_forward": "0\n" } },
  },
];

const PLUGIN = "/usr/libexec/docker/cli-plugins/docker-cni";

describe("doctor", () => {
  test("has nothing to say of a healthy host", async () => {
    const found = await examine(fakeSubject(healthy).subject);
    expect(found.filter(({ status }) => status !== "fine")).toEqual([]);
  });

  test.each(rows)("tells of $of, and what to do", async ({ check, world, says, ...row }) => {
    const { status = "broken", remedy } = row;
    const found = await examine(fakeSubject(changed(world)).subject);
    const of = found.filter((each) => each.check === check && each.status !== "fine");
    expect(of.map((each) => each.status)).toEqual([status]);
    expect(of[0]?.detail).toMatch(says);
    expect(of[0]?.remedy && describeRemedy(of[0].remedy)).toBe(remedy);
  });

  test.each(harmless)("leaves $of alone", async ({ check, world, status }) => {
    const found = await examine(fakeSubject(changed(world)).subject);
    const of = found.filter((each) => each.check === check && each.status !== "fine");
    expect(of.map((each) => each.status)).toEqual(status === undefined ? [] : [status]);
    expect(of.filter(({ remedy }) => remedy !== undefined)).toEqual([]);
  });

  test.each([
    { of: "nobody's plugin", world: { files: { [PLUGIN]: undefined } }, safe: true },
    { of: "another's plugin", world: { links: { [PLUGIN]: "/opt/docker-cni" } }, safe: undefined },
  ])("has --fix link to the launcher in the place of $of: $safe", async ({ world, safe }) => {
    const found = await examine(fakeSubject(changed(world)).subject);
    expect(found.find(({ check }) => check === "cli-plugin")?.remedy?.safe).toBe(safe);
  });

  test("has a remedy for everything that is broken", async () => {
    const worlds = rows.map(({ world }) => examine(fakeSubject(changed(world)).subject));
    const broken = (await Promise.all(worlds)).flat().filter(({ status }) => status === "broken");
    expect(broken.filter(({ remedy }) => remedy === undefined)).toEqual([]);
  });

  test("goes on where a check fails itself", async () => {
    const more = { sandboxes: () => Promise.reject(new Error("EIO")) };
    const found = await examine(fakeSubject(changed({ more })).subject);
    expect(found.find(({ check }) => check === "sandboxes")).toMatchObject({
      status: "warning",
      detail: "could not be looked at: EIO",
    });
    expect(found.some(({ check }) => check === "ports")).toBe(true);
  });
});
