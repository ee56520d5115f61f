import { shortId } from "../lib/short-id.ts";
import type { SandboxView } from "../sandbox/view.ts";
import { broken, command, fine, type Finding, ownCommand, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** How long a start may be under way, ms. */
const LONGEST_START_MS = 15 * 60_000;

/** What docker-cni has of containers, and whether each is as it should be. */
export async function sandboxStates(subject: Subject): Promise<Finding[]> {
  const title = "sandboxes";
  const views = await subject.sandboxes();
  const findings = views.flatMap((view) => oneSandbox(subject, view));
  const over = views.filter(({ state, retry }) => state === "over" && retry === undefined);
  if (over.length > 0) {
    const detail = `${over.map(label).join(", ")}: the container is gone, and its network is not`;
    findings.push(warning("stale sandboxes", detail, ownCommand("docker-cni", "gc")));
  }
  if (findings.length > 0) return findings;
  const running = views.filter(({ state }) => state === "running").length;
  const reserved = views.filter(({ state }) => state === "reserved").length;
  const kept = `${running} running, ${views.length - running - reserved} kept`;
  return [fine(title, reserved === 0 ? kept : `${kept}, ${reserved} reserved`)];
}

function oneSandbox({ host, isAlive }: Subject, view: SandboxView): Finding[] {
  const { id, state, record, retry } = view;
  const title = `sandbox ${label(view)}`;
  if (retry !== undefined) {
    const detail = `could not be undone, ${retry.attempts} times: ${retry.error}`;
    return [broken(title, detail, command("docker-cni", "gc", "--forget", id))];
  }
  if (state === "unreadable") {
    const detail = "its record cannot be read, and what is known of it was recovered";
    return [broken(title, detail, ownCommand("docker-cni", "heal", id))];
  }
  if (state === "running" && !isAlive(record.netns)) {
    const detail = `runs, and its network namespace has lost its name (/run/netns/${record.netns})`;
    return [broken(title, detail, ownCommand("docker-cni", "heal", id))];
  }
  const age = host.now() - Date.parse(record.createdAt);
  if (state !== "creating" || age < LONGEST_START_MS) return [];
  const detail = "its start was never finished, nor undone";
  return [warning(title, detail, ownCommand("docker-cni", "gc", "--container", id))];
}

/** Whether two containers have one address or one MAC on a network. */
export async function duplicates({ sandboxes }: Subject): Promise<Finding[]> {
  const holders = new Map<string, SandboxView>();
  const findings: Finding[] = [];
  for (const view of await sandboxes()) {
    if (view.state === "over" || view.state === "removing") continue;
    for (const { network, addresses, mac } of view.record.attachments) {
      for (const what of [...addresses, mac].filter((each) => each !== undefined)) {
        const key = `${network} ${what}`;
        const other = holders.get(key);
        if (other === undefined || other.id === view.id) holders.set(key, view);
        else findings.push(twice({ network, what }, other, view));
      }
    }
  }
  return findings.length > 0 ? findings : [fine("duplicates", "no address is held twice")];
}

function twice(
  { network, what }: { network: string; what: string },
  first: SandboxView,
  second: SandboxView,
): Finding {
  const detail = `${label(first)} and ${label(second)} both have ${what} on ${network}`;
  return broken("duplicates", detail, command("docker", "rm", "-f", second.name ?? second.id));
}

function label({ id, name }: SandboxView): string {
  return name ?? shortId(id);
}
