import { expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";

const test = dockerTest();
const COUNT = 30;

test("30 containers started in parallel on an empty bridge get distinct addresses, reach each other, and leave nothing", async ({
  host,
  noLeaks,
}) => {
  const ids = await Promise.all(Array.from({ length: COUNT }, () => host.sleeper()));
  const interfaces = await Promise.all(ids.map((id) => host.interface(id)));
  const addresses = interfaces.map((link) => link.address);
  expect(new Set(addresses).size).toBe(COUNT);
  expect(new Set(interfaces.map((link) => link.mac)).size).toBe(COUNT);

  const pings = `for to in ${addresses.join(" ")}; do ping -q -c 1 -W 2 $to >/dev/null || echo $to; done`;
  for (const id of ids) {
    expect(await host.ok("exec", id, "sh", "-c", pings), `unreachable from ${id}`).toBe("");
  }

  await host.ok("rm", "-f", ...ids);
  await noLeaks();
});
