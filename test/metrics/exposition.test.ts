import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { poolsOf } from "../../src/ipam/pools.ts";
import { attachmentFamilies, poolFamilies } from "../../src/metrics/attachments.ts";
import { type Family, formatFamilies } from "../../src/metrics/exposition.ts";
import { operationFamilies } from "../../src/metrics/operations.ts";
import { trafficFamilies } from "../../src/metrics/traffic.ts";
import { GONE, ID, LAN, sandbox } from "../doctor/subject.ts";

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

const counts = { bytes: 5_000_000_000, packets: 7, drops: 1, errors: 0 };
const line = (more: object) =>
  JSON.stringify({ level: 30, network: "lan", plugin: "bridge", msg: "plugin done", ...more });
const LOG = [
  line({ step: "ADD", ms: 4 }),
  line({ step: "ADD", ms: 60 }),
  line({ step: "ADD", ms: 90_000, msg: "plugin failed" }),
  line({ step: "DEL", ms: 5 }),
  line({ step: "ADD", msg: "plugin done", ms: "x" }),
  '{"level":50,"msg":"the network could not be undone"}',
  '{"msg":"plugin done',
  "no JSON",
];
const HOSTILE = 'a"b\\c\nd\u001B[31m\u202Ee}\uD800';

const gauge = (labels: Record<string, string>): Family => ({
  name: "docker_cni_x",
  help: "Two\nlines and a \\.",
  type: "gauge",
  samples: [{ labels, value: 1 }],
});

/** All metrics of a host with hostile names. */
function everything(): Family[] {
  const views = [
    sandbox(HOSTILE, ID, { network: "lan" }),
    sandbox("b", GONE, {}, { state: "kept", retry: { attempts: 1, error: "x", nextAt: 0 } }),
  ];
  const pools = poolsOf(LAN);
  const leases = [{ network: "lan", address: "10.9.0.2", containerId: ID, file: "/x" }];
  const traffic = views.map((view) => ({
    view,
    network: "lan",
    ifName: "eth0",
    counters: { receive: counts, transmit: counts },
  }));
  return [
    ...attachmentFamilies(views),
    ...poolFamilies(pools, leases),
    ...operationFamilies(LOG),
    ...trafficFamilies(traffic),
  ];
}

test("a name keeps to its label, whatever is in it", () => {
  expect(formatFamilies([gauge({ name: HOSTILE })])).toBe(
    "# HELP docker_cni_x Two\\nlines and a \\\\.\n# TYPE docker_cni_x gauge\n" +
      'docker_cni_x{name="a\\"b\\\\c\\nd\uFFFD[31m\uFFFDe}\uFFFD"} 1\n',
  );
});

test("a metric without samples is left out", () => {
  expect(formatFamilies([{ ...gauge({}), samples: [] }])).toBe("");
});

test("plugins' times are counted up to each limit, and failures beside them", () => {
  const lines = formatFamilies(operationFamilies(LOG)).split("\n");
  const add = 'command="ADD",network="lan",plugin="bridge"';
  expect(lines).toEqual(
    expect.arrayContaining([
      `docker_cni_plugin_duration_seconds_bucket{${add},le="0.005"} 1`,
      `docker_cni_plugin_duration_seconds_bucket{${add},le="0.05"} 1`,
      `docker_cni_plugin_duration_seconds_bucket{${add},le="0.1"} 2`,
      `docker_cni_plugin_duration_seconds_bucket{${add},le="60"} 2`,
      `docker_cni_plugin_duration_seconds_bucket{${add},le="+Inf"} 3`,
      `docker_cni_plugin_duration_seconds_sum{${add}} 90.064`,
      `docker_cni_plugin_duration_seconds_count{${add}} 3`,
      `docker_cni_plugin_failures_total{${add}} 1`,
      "docker_cni_errors_total 1",
    ]),
  );
});

test("attachments, addresses and traffic are told by container, network and interface", () => {
  const text = formatFamilies(everything());
  for (const expected of [
    'docker_cni_attachments{network="lan",state="running"} 1',
    'docker_cni_attachments{network="lan",state="kept"} 1',
    "docker_cni_failed_removals 1",
    'docker_cni_pool_addresses{network="lan",subnet="10.9.0.0/24"} 253',
    'docker_cni_pool_used_addresses{network="lan",subnet="10.9.0.0/24"} 1',
    `docker_cni_interface_receive_bytes_total{container="b",id="${GONE}",network="lan",interface="eth0"} 5000000000`,
    `docker_cni_interface_transmit_drops_total{container="b",id="${GONE}",network="lan",interface="eth0"} 1`,
  ]) {
    expect(text).toContain(`${expected}\n`);
  }
});

test.skipIf(!hasPromtool)("promtool check metrics has nothing to say (needs promtool)", () => {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: formatFamilies(everything()),
    encoding: "utf8",
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});
