import type { Pool } from "../ipam/pools.ts";
import { isOfPool, type Lease } from "../ipam/leases.ts";
import type { SandboxView } from "../sandbox/view.ts";
import type { Family } from "./exposition.ts";

/** How many attachments there are by network and state, and how many removals failed. */
export function attachmentFamilies(views: readonly SandboxView[]): Family[] {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const { state, record } of views) {
    for (const { network } of record.attachments) {
      const labels = { network, state };
      const key = JSON.stringify(labels);
      const sample = counts.get(key) ?? { labels, value: 0 };
      sample.value += 1;
      counts.set(key, sample);
    }
  }
  const failed = views.filter(({ retry }) => retry !== undefined).length;
  return [
    {
      name: "docker_cni_attachments",
      help: "Attachments of containers to CNI networks.",
      type: "gauge",
      samples: [...counts.values()],
    },
    {
      name: "docker_cni_failed_removals",
      help: "Containers that are gone and whose networks could not be undone yet.",
      type: "gauge",
      samples: [{ labels: {}, value: failed }],
    },
  ];
}

/** How many addresses the ranges of host-local have, and how many are given out. */
export function poolFamilies(pools: readonly Pool[], leases: readonly Lease[]): Family[] {
  const labelled = pools.map((pool) => ({
    pool,
    labels: { network: pool.network, subnet: pool.subnet },
  }));
  return [
    {
      name: "docker_cni_pool_addresses",
      help: "Addresses that a range of host-local can give out.",
      type: "gauge",
      samples: labelled.map(({ pool, labels }) => ({ labels, value: pool.size })),
    },
    {
      name: "docker_cni_pool_used_addresses",
      help: "Addresses of the range that are given out.",
      type: "gauge",
      samples: labelled.map(({ pool, labels }) => ({
        labels,
        value: leases.filter((lease) => isOfPool(lease, pool)).length,
      })),
    },
  ];
}
