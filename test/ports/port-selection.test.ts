import { describe, expect, test } from "vitest";
import { parseSelections, type PortSelection } from "../../src/ports/port-selection.ts";

function parse(value: string): PortSelection[] {
  return parseSelections({ flag: "unpublish", value });
}

describe("published ports are named", () => {
  test.each<[string, Omit<PortSelection, "text">]>([
    ["8080", { hostPorts: [8080, 8080], protocol: "tcp" }],
    ["53/udp", { hostPorts: [53, 53], protocol: "udp" }],
    ["8080:80", { hostPorts: [8080, 8080], containerPorts: [80, 80], protocol: "tcp" }],
    ["7000-7002", { hostPorts: [7000, 7002], protocol: "tcp" }],
    [
      "7000-7002:6000-6002/sctp",
      { hostPorts: [7000, 7002], containerPorts: [6000, 6002], protocol: "sctp" },
    ],
    ["127.0.0.1:8443", { hostPorts: [8443, 8443], protocol: "tcp", hostIP: "127.0.0.1" }],
    [
      "[::1]:8443:443",
      { hostPorts: [8443, 8443], containerPorts: [443, 443], protocol: "tcp", hostIP: "::1" },
    ],
  ])("%s", (text, selection) => {
    expect(parse(text)).toEqual([{ text, ...selection }]);
  });

  test("by several at once", () => {
    expect(parse("8080, 53/udp").map(({ text }) => text)).toEqual(["8080", "53/udp"]);
  });

  test.each([
    ["web", "not a port of the host"],
    ["0", "a port is a number"],
    ["80-70", "a port is a number"],
    ["70000", "a port is a number"],
    ["80/xyz", "the protocol is not"],
    ["999.1.1.1:80", "the host address is not an IP"],
    ["", "the value is empty"],
  ])("but not by %j", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
