import { expect, test } from "vitest";
import { leftRules } from "../../src/networks/left-rules.ts";

const CHAIN = "CNI-0123456789abcdef01234567";
const LINES = String.raw`*filter
:FORWARD ACCEPT [0:0]
:CNI-FORWARD - [0:0]
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A FORWARD -i cni-web -j ACCEPT
-A CNI-FORWARD -d 10.9.0.7/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.8.0.7/32 -j ACCEPT
-A CNI-ISOLATION-STAGE-1 -i cni-web ! -o cni-web -j CNI-ISOLATION-STAGE-2
-A CNI-ISOLATION-STAGE-1 -i cni-web2 ! -o cni-web2 -j CNI-ISOLATION-STAGE-2
COMMIT
*nat
:${CHAIN} - [0:0]
-A POSTROUTING -s 10.9.0.7/32 -m comment --comment "name: \"web\" id: \"c1\"" -j ${CHAIN}
-A POSTROUTING -s 10.8.0.7/32 -m comment --comment "name: \"web2\" id: \"c1\"" -j CNI-1123456789abcdef01234567
-A ${CHAIN} -d 10.9.0.0/24 -m comment --comment "name: \"web\" id: \"c1\"" -j ACCEPT
-A ${CHAIN} ! -d 224.0.0.0/4 -m comment --comment "name: \"web\" id: \"c1\"" -j MASQUERADE
COMMIT`.split("\n");

test("rules with the network's name, bridge or addresses go, and those of others stay", () => {
  const owner = { network: "web", bridge: "cni-web", subnets: ["10.9.0.0/24"] };
  expect(leftRules(LINES, owner).map((argv) => argv.slice(2).join(" "))).toEqual([
    "filter -D CNI-FORWARD -d 10.9.0.7/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "filter -D CNI-ISOLATION-STAGE-1 -i cni-web ! -o cni-web -j CNI-ISOLATION-STAGE-2",
    `nat -D POSTROUTING -s 10.9.0.7/32 -m comment --comment name: "web" id: "c1" -j ${CHAIN}`,
    `nat -F ${CHAIN}`,
    `nat -X ${CHAIN}`,
  ]);
});

test("where bridge and addresses are another's too, only the name counts", () => {
  const owner = { network: "web", bridge: undefined, subnets: [] };
  expect(leftRules(LINES, owner).map((argv) => argv[2])).toEqual(["nat", "nat", "nat"]);
  expect(leftRules(LINES, { ...owner, network: "other" })).toEqual([]);
});
