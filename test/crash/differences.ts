import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRecord, publishedPorts } from "../../src/state/record.ts";
import { readIptables } from "../e2e/harness/iptables.ts";
import { must } from "../e2e/harness/shell.ts";
import type { Container } from "./container.ts";
import type { Place } from "./place.ts";

/** What a container has otherwise than its record says, which is to say that nothing is under way. */
export async function findDifferences(place: Place, { id, number }: Container): Promise<string[]> {
  const text = readFileSync(join(place.dir, "state/sandboxes", id, "record.json"), "utf8");
  const record = parseRecord(text);
  if (record === undefined) return ["its record is unreadable"];
  const { attachments, changing, unpublishing, ports, state } = record;
  const isRunning = await hasProcess(place, id);
  const found: string[] = [];
  if (changing !== undefined) found.push(`it is still ${changing[0]?.change}`);
  if (unpublishing !== undefined) found.push("ports are still to be given up");
  if (state !== "attached") found.push(`it is ${state}`);
  if (isRunning && ports !== undefined) found.push(`its ports are ${ports}`);
  const ip = ["ip", "-n", id.slice(0, 12)];
  const links: { ifname: string }[] = JSON.parse(await must([...ip, "-j", "link", "show"]));
  const seen = links.map(({ ifname }) => ifname).filter((name) => name !== "lo");
  const wanted = attachments.map(({ ifName }) => ifName);
  if (seen.toSorted().join() !== wanted.toSorted().join()) {
    found.push(`it has ${seen.join()} in the place of ${wanted.join()}`);
  }
  const routes = await must([...ip, "route", "show"]);
  const taking = attachments.find(({ defaultRoute }) => defaultRoute !== undefined);
  const defaults = routes.split("\n").filter((line) => line.startsWith("default"));
  const device = `dev ${taking?.ifName ?? "eth0"}`;
  if (defaults.length !== 1 || defaults[0]?.includes(device) !== true) {
    found.push(`its default routes are ${JSON.stringify(defaults)}, not ${device}`);
  }
  if (routes.includes("/1 ")) found.push(`stand-ins are left: ${routes}`);
  const rules = (await readIptables([])).filter(({ family }) => family === "iptables");
  const published = new Set(publishedPorts(record).map(({ hostPort }) => hostPort));
  for (const port of [20_000 + number, 30_000 + number]) {
    const count = rules.filter(({ text: rule }) => rule.includes(`--dport ${port} `)).length;
    const isThere = rules.some(
      ({ text: rule }) => rule.includes(`--dport ${port} `) && rule.includes("-j DNAT"),
    );
    if (isRunning && isThere !== published.has(port)) {
      found.push(`port ${port} is in ${count} rules, and ${[...published].join()} are published`);
    }
  }
  return found;
}

async function hasProcess({ dir }: Place, id: string): Promise<boolean> {
  const found = await must(["sh", "-c", `ls ${dir}/runc/${id} 2>/dev/null || true`]);
  return found.trim() !== "";
}
