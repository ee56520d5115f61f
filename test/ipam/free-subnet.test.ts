import { describe, expect, test } from "vitest";
import { freeSubnet } from "../../src/ipam/free-subnet.ts";

describe("a free subnet", () => {
  test.each([
    ["is the first one that is tried", 4, 20, [], "10.64.0.0/20"],
    ["is beside a route that holds it", 4, 20, ["10.64.0.0/10"], "10.128.0.0/20"],
    ["is beside a single address in it", 4, 24, ["10.64.0.9"], "10.65.0.0/24"],
    ["overlaps nothing of the other family", 6, 64, ["10.64.0.0/20"], "fd5e:7c0a:4000::/64"],
    ["is beside another of IPv6", 6, 64, ["fd5e:7c0a:4000::/64"], "fd5e:7c0a:4100::/64"],
    ["is not there where all is taken", 4, 20, ["10.0.0.0/8"], undefined],
    ["does not mind what is no subnet", 4, 20, ["default"], "10.64.0.0/20"],
  ] as const)("%s", (_, family, length, used, free) => {
    expect(freeSubnet({ family, length }, used)).toBe(free);
  });
});
