import { bridgeNameOf } from "../lib/bridge-name.ts";
import { byHand, fine, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Interfaces that plugins make, whose addresses nobody else is to change. */
const MADE_BY_PLUGINS = /^(veth|cni|dcni)/;

/** Whether NetworkManager has interfaces of plugins in its care. */
export async function networkManager(subject: Subject): Promise<Finding[]> {
  const title = "NetworkManager";
  const { code, stdout } = await subject.host.run(["nmcli", "-t", "-f", "DEVICE,STATE", "device"]);
  if (code !== 0) return [fine(title, "does not run")];
  const bridges = await bridgeNames(subject);
  const seized = stdout
    .split("\n")
    .map((line) => line.split(":"))
    .filter(
      ([device = "", state = ""]) => isOurs(device, bridges) && !state.startsWith("unmanaged"),
    )
    .map(([device]) => device ?? "");
  if (seized.length === 0) return [fine(title, "leaves the interfaces of plugins alone")];
  const devices = ["veth*", ...bridges].map((name) => `interface-name:${name}`).join(";");
  const file = "/etc/NetworkManager/conf.d/docker-cni.conf";
  const text = `printf '[keyfile]\\nunmanaged-devices=${devices}\\n' >${file} && nmcli general reload`;
  return [warning(title, taken(title, seized), byHand(text))];
}

/** Whether systemd-networkd has. */
export async function networkd(subject: Subject): Promise<Finding[]> {
  const title = "systemd-networkd";
  const { code, stdout } = await subject.host.run([
    "networkctl",
    "list",
    "--no-legend",
    "--no-pager",
  ]);
  if (code !== 0) return [fine(title, "does not run")];
  const bridges = await bridgeNames(subject);
  const seized = stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, link = "", , , setup = "unmanaged"]) => isOurs(link, bridges) && setup !== "unmanaged",
    )
    .map(([, link]) => link ?? "");
  if (seized.length === 0) return [fine(title, "leaves the interfaces of plugins alone")];
  const names = ["veth*", ...bridges].join(" ");
  const file = "/etc/systemd/network/05-docker-cni.network";
  const text = `printf '[Match]\\nName=${names}\\n[Link]\\nUnmanaged=yes\\n' >${file} && networkctl reload`;
  return [warning(title, taken(title, seized), byHand(text))];
}

function isOurs(name: string, bridges: readonly string[]): boolean {
  return MADE_BY_PLUGINS.test(name) || bridges.includes(name);
}

function taken(who: string, names: readonly string[]): string {
  const some = names.slice(0, 5).join(", ") + (names.length > 5 ? " …" : "");
  return `${who} manages ${some}: it may change the addresses and routes that plugins gave`;
}

async function bridgeNames({ networks }: Subject): Promise<string[]> {
  const plugins = (await networks()).flatMap((list) => list.plugins);
  const names = plugins.flatMap((plugin) => bridgeNameOf(plugin) ?? []);
  // The names stand in a line for a shell.
  return [...new Set(names)].filter((name) => /^[\w.-]{1,15}$/.test(name));
}
