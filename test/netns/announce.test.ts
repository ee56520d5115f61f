import { expect, test } from "vitest";
import { announcement } from "../../src/netns/announce.ts";

const MAC = Buffer.from("0242c0a80007", "hex");

test("an IPv4 address is announced by an ARP request for itself, to all", () => {
  expect(announcement(MAC, "192.168.0.7").toString("hex")).toBe(
    [
      "ffffffffffff0242c0a800070806",
      "0001080006040001",
      "0242c0a80007c0a80007",
      "000000000000c0a80007",
    ].join(""),
  );
});

test("an IPv6 address is announced by a neighbour advertisement that overrides, to all nodes", () => {
  const frame = announcement(MAC, "fd00:1::7").toString("hex");
  expect(frame).toBe(
    [
      "3333000000010242c0a8000786dd",
      "6000000000203aff",
      "fd000001000000000000000000000007",
      "ff020000000000000000000000000001",
      "8800",
      frame.slice(112, 116),
      "20000000",
      "fd000001000000000000000000000007",
      "02010242c0a80007",
    ].join(""),
  );
});

test("the sum over an advertisement, its pseudo header and its checksum is all ones (RFC 4443, 2.3)", () => {
  const frame = announcement(MAC, "fd00:1::7");
  const summed = Buffer.concat([
    frame.subarray(22, 54),
    Buffer.from([0, 32, 0, 58]),
    frame.subarray(54),
  ]);
  let sum = 0;
  for (let place = 0; place < summed.length; place += 2) sum += summed.readUInt16BE(place);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  expect(sum).toBe(0xffff);
});
