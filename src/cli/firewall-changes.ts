import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { UserError } from "../lib/errors.ts";

/** How long nothing may come for a change to count as complete, ms; and the longest wait for that. */
const QUIET_MS = 100;
const LONGEST_MS = 500;

/**
 * Says each time that rules or chains of the firewall have been removed, by nft(8), which prints the kernel's own events: those of
 * iptables in its usual form (iptables-nft) are among them. Many that come together are one. Ends with `signal`; throws NO_NFT
 * where there is no nft, or it ends.
 */
export function firewallChanges(signal: AbortSignal): AsyncGenerator<void> {
  // At once: what is removed before anybody asks for the first change counts, too.
  return changesOf(monitorFirewall(signal), signal);
}

function monitorFirewall(signal: AbortSignal) {
  return execa("nft", ["monitor", "destroy"], {
    stdin: "ignore",
    reject: false,
    buffer: { stdout: false, stderr: true },
    cancelSignal: signal,
  });
}

async function* changesOf(
  monitor: ReturnType<typeof monitorFirewall>,
  signal: AbortSignal,
): AsyncGenerator<void> {
  for await (const _ of monitor.stdout) {
    for (let left = LONGEST_MS; left > 0; left -= QUIET_MS) {
      await pause(QUIET_MS);
      if (monitor.stdout.read() === null) break;
    }
    yield;
  }
  const end = await monitor;
  if (!signal.aborted) throw monitorEnded(end);
}

function monitorEnded({
  code,
  stderr,
}: {
  code?: string | undefined;
  stderr?: unknown;
}): UserError {
  const isMissing = code === "ENOENT";
  return new UserError(
    "NO_NFT",
    isMissing
      ? "heal --watch needs nft to learn of changes of the firewall, and it is not installed"
      : `nft monitor, which tells of changes of the firewall, has ended: ${String(stderr)}`,
    {
      hint: isMissing
        ? "install the package nftables, or run docker-cni heal after each reload"
        : "start it again; it needs root and a kernel with nf_tables",
    },
  );
}
