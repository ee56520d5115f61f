import { expect, test } from "vitest";
import { chooseDefaultRoutes, type RouteOffer } from "../../src/sandbox/default-route.ts";

const V4 = { dst: "0.0.0.0/0" };
const V6 = { dst: "::/0" };

const SILENT: Partial<RouteOffer> = {
  gateways: [],
  routes: [],
  seen: [{ family: 4, text: "default via 169.254.1.1 dev eth0" }],
};

function offer(ifName: string, more: Partial<RouteOffer> = {}): RouteOffer {
  const gateways = [`10.0.${ifName.at(-1)}.1`, `fd00:${ifName.at(-1)}::1`];
  return { ifName, defaultRoute: undefined, gateways, routes: [V4, V6], ...more };
}

test.each<[string, RouteOffer[], string[]]>([
  ["one network keeps what its plugins made", [offer("eth0")], []],
  ["of two the first has it", [offer("eth0"), offer("eth1")], ["10.0.0.1 eth0", "fd00:0::1 eth0"]],
  [
    "of two the one that was asked has it",
    [offer("eth0"), offer("eth1", { defaultRoute: [] })],
    ["10.0.1.1 eth1", "fd00:1::1 eth1"],
  ],
  [
    "a gateway that was named is the gateway, and leaves the other family alone",
    [offer("eth0"), offer("eth1", { defaultRoute: ["10.0.1.9"], routes: [] })],
    ["10.0.1.9 eth1"],
  ],
  [
    "where only one brings a default route nothing is done",
    [offer("eth0", { routes: [] }), offer("eth1")],
    [],
  ],
  [
    "a network with a gateway that brings no route can be asked",
    [offer("eth0", { defaultRoute: [], routes: [] })],
    ["10.0.0.1 eth0", "fd00:0::1 eth0"],
  ],
  [
    "the route's own gateway comes before that of the addresses",
    [offer("eth0", { routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.254" }] }), offer("eth1")],
    ["10.0.0.254 eth0"],
  ],
  [
    "one that was seen counts where the result tells none",
    [offer("eth0", SILENT), offer("eth1")],
    ["default via 169.254.1.1 dev eth0"],
  ],
  [
    "the only one that was seen is told",
    [offer("eth0", { routes: [] }), offer("eth1", SILENT)],
    ["default via 169.254.1.1 dev eth0"],
  ],
  [
    "one that was seen can be asked for",
    [offer("eth0"), offer("eth1", { ...SILENT, defaultRoute: [] })],
    ["default via 169.254.1.1 dev eth0"],
  ],
  ["a route without any gateway is no offer", [offer("eth0", { gateways: [] }), offer("eth1")], []],
])("%s", (_, offers, expected) => {
  const chosen = chooseDefaultRoutes(offers).map((route) =>
    "text" in route ? route.text : `${route.gateway} ${route.ifName}`,
  );
  expect(chosen).toEqual(expected);
});
