import { describe, expect, test } from "vitest";
import { addAddress, addRoute } from "../../src/netlink/address.ts";
import { setUp } from "../../src/netlink/link.ts";
import {
  attribute,
  decode,
  encode,
  errnoName,
  type NetlinkRequest,
  readAttributes,
  u32,
} from "../../src/netlink/message.ts";

const INDEX = 0x2981;
const SEQUENCE = 0x6b0a670f;
const v4 = (text: string) => ({ family: 4 as const, text });

/** What strace(1) shows that ip(8) of iproute2 6.1 sends. */
const golden: [command: string, request: NetlinkRequest, bytes: string][] = [
  [
    "ip address replace 10.99.1.5/24 brd + dev L",
    addAddress({ index: INDEX, address: v4("10.99.1.5"), prefix: 24 }),
    `30000000140005050f670a6b00000000 0218000081290000080002000a630105
     080001000a630105080004000a6301ff`,
  ],
  [
    "ip -6 address replace fd99:1::5/64 dev L nodad",
    addAddress({ index: INDEX, address: { family: 6, text: "fd99:1::5" }, prefix: 64 }),
    `40000000140005050f670a6b00000000 0a4002008129000014000200fd990001
     00000000000000000000000514000100 fd990001000000000000000000000005`,
  ],
  [
    "ip link set L up",
    setUp(INDEX),
    "20000000100005000f670a6b00000000 00000000812900000100000001000000",
  ],
  [
    "ip route add 10.98.0.0/16 via 10.99.1.1 dev L",
    addRoute({
      index: INDEX,
      destination: { address: v4("10.98.0.0"), prefix: 16 },
      gateway: "10.99.1.1",
    }),
    `34000000180005060f670a6b00000000 02100000fe0300010000000008000100
     0a620000080005000a63010108000400 81290000`,
  ],
  [
    "ip route add 10.97.0.0/16 dev L",
    addRoute({ index: INDEX, destination: { address: v4("10.97.0.0"), prefix: 16 } }),
    `2c000000180005060f670a6b00000000 02100000fe03fd010000000008000100
     0a6100000800040081290000`,
  ],
];

describe("requests to the kernel", () => {
  test.each(golden)("are those of %s, to the byte", (_, request, bytes) => {
    expect(encode(request, SEQUENCE).toString("hex")).toBe(bytes.replaceAll(/\s/g, ""));
  });
});

const refusal = (error: number) => Buffer.concat([u32(-error), Buffer.alloc(16)]);

describe("answers of the kernel", () => {
  test("are told apart: one that was refused, and one that was done", () => {
    const bytes = Buffer.concat([
      encode({ type: 2, flags: 0, body: refusal(17) }, 5),
      encode({ type: 2, flags: 0, body: refusal(0) }, 6),
    ]);
    expect(decode(bytes).map(({ sequence, error }) => [sequence, error])).toEqual([
      [5, 17],
      [6, -0],
    ]);
    expect(errnoName(17)).toBe("EEXIST");
  });

  test("that are cut off end with the last whole message", () => {
    const bytes = encode({ type: 16, flags: 0, body: Buffer.alloc(16) }, 1);
    expect(decode(Buffer.concat([bytes, bytes.subarray(0, 20)]))).toHaveLength(1);
  });

  test("have attributes, padded to four bytes", () => {
    const bytes = Buffer.concat([attribute(3, Buffer.from("eth0\0")), attribute(4, u32(1500))]);
    expect(bytes).toHaveLength(20);
    expect(readAttributes(bytes).get(4)?.readUInt32LE()).toBe(1500);
  });
});
