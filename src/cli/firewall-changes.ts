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
export async function* firewallChanges(signal: AbortSignal): AsyncGenerator<void> {
  const monitor = execa("nft", ["monitor", "destroy"], {
    stdin: "ignore",
    reject: false,
    buffer: { stdout: false, stderr: true },
    cancelSignal: signal,
  });
  let isChanged = false;
  let wake = (): void => {};
  monitor.stdout.on("data", () => {
    isChanged = true;
    wake();
  });
  let end: Awaited<typeof monitor> | undefined;
  const ended = monitor.then((result) => {
    end = result;
    wake();
  });
  while (end === undefined) {
    if (!isChanged) await new Promise<void>((resolve) => (wake = resolve));
    for (let left = LONGEST_MS; isChanged && left > 0; left -= QUIET_MS) {
      isChanged = false;
      await pause(QUIET_MS);
    }
    isChanged = false;
    if (end === undefined) yield;
  }
  await ended;
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
