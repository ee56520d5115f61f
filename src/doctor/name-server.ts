import { join } from "node:path";
import { namesBy } from "../lib/network-mark.ts";
import { isNameServer, NAME_SERVERS, PID_FILE } from "../sandbox/name-server.ts";
import { command, fine, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the name server is there where names come by DNS, and runs while containers ask it. */
export async function nameServer({ host, config, networks }: Subject): Promise<Finding[]> {
  const title = "name server";
  const names = (await networks())
    .filter(({ raw }) => (namesBy(raw) ?? config.names) === "dns")
    .map(({ name }) => name);
  const files = host.list(config.dnsDir).filter((name) => name !== PID_FILE);
  if (names.length === 0 && files.length === 0) return [];
  if (!NAME_SERVERS.some((path) => host.stat(path) !== undefined)) {
    const detail = `aardvark-dns is not installed: names on ${names.join(", ") || "networks"} are in hosts files only`;
    return [warning(title, detail, command("apt-get", "install", "aardvark-dns"))];
  }
  if (files.length === 0) return [fine(title, "installed, and no container asks it now")];
  const pid = (host.read(join(config.dnsDir, PID_FILE)) ?? "").trim();
  const runs = isNameServer(host.read(`/proc/${Number(pid)}/cmdline`), config.dnsDir);
  if (runs) return [fine(title, "aardvark-dns runs")];
  const detail = "aardvark-dns does not run, and containers ask it";
  return [warning(title, detail, command("docker-cni", "heal"))];
}
