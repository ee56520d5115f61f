import { expect, test } from "vitest";
import { planNetwork } from "../../src/networks/new-network.ts";

const around = {
  networks: [],
  routes: [],
  links: ["br79"],
  bridges: ["br79"],
  now: "2026-01-31T12:00:00.000Z",
};
const nothing = {
  name: "web",
  plugins: [],
  subnets: [],
  gateways: [],
  ipRanges: [],
  ipv6: false,
  internal: false,
  labels: [],
};

test("the driver routed has a route for each container, and hides no address behind the host's", () => {
  const list = planNetwork({ ...nothing, driver: "routed", subnets: ["10.77.1.0/24"] }, around);
  expect(list.plugins.map(({ type }) => type)).toEqual(["ptp", "portmap", "firewall"]);
  expect(list.plugins[0]).toMatchObject({ ipMasq: false, capabilities: { ips: true } });
});

test("the driver routed tells which subnet it needs", () => {
  expect(() => planNetwork({ ...nothing, driver: "routed" }, around)).toThrow("needs a subnet");
});

test("the driver evpn leaves room for the headers of VXLAN, on a bridge that is there", () => {
  const asked = { ...nothing, driver: "evpn", parent: "br79", subnets: ["10.79.0.0/16"] };
  expect(planNetwork(asked, around).plugins[0]).toMatchObject({ bridge: "br79", mtu: 1450 });
  expect(() => planNetwork({ ...asked, parent: "br80" }, around)).toThrow("no such interface");
});

test.each(["flannel", "calico"])("the addresses of the driver %s are its own matter", (driver) => {
  expect(planNetwork({ ...nothing, driver }, around).plugins[0]?.type).toBe(driver);
  const asked = { ...nothing, driver, subnets: ["10.1.0.0/24"] };
  expect(planNetwork(asked, around).plugins[0]?.type).toBe(driver);
});
