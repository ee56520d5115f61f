import type { LabHost } from "./lab-host.ts";

/** What a container may leave on a host: a title for each thing. */
export async function traces(host: LabHost): Promise<string[]> {
  const script = `
for name in /run/netns/*; do [ ! -e "$name" ] || echo "netns $name"; done
ip -o link show type veth | awk -F': ' '{ print "link " $2 }' | grep -v ' eth0@' || true
ip -o route show | awk '$1 !~ /\\// && $1 != "default" { print "route " $1 }'
iptables-save | grep -E '^-A' | grep -E 'CNI|cni|web-' | grep -vE '^-A (FORWARD|PREROUTING|OUTPUT|POSTROUTING|CNI-HOSTPORT-|CNI-FORWARD -m comment)' || true
find /var/lib/cni /var/lib/docker-cni/sandboxes -path '*/[0-9]*' -type f -o -path '*/sandboxes/*' 2>/dev/null | grep -v last_reserved_ip || true
`;
  return (await host.sh(script)).split("\n").filter((line) => line !== "");
}
