import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { type TakenPort, clash, findPortConflict } from "../../src/ports/port-conflict.ts";
import { choosePorts } from "../../src/ports/port-choice.ts";
import {
  type PortMapping,
  type PortRequest,
  describePort,
  parsePorts,
  portsOfBindings,
} from "../../src/ports/ports.ts";

describe("ports that Docker was asked to publish", () => {
  test.each([
    ["-p 8080:80", "80/tcp", "", "8080", ":80/tcp from 8080-8080"],
    ["-p 127.0.0.1:53:53/udp", "53/udp", "127.0.0.1", "53", "127.0.0.1:53/udp from 53-53"],
    ["-p [::1]:8443:443", "443/tcp", "::1", "8443", "::1:443/tcp from 8443-8443"],
    ["-p 9100-9105:81", "81/tcp", "", "9100-9105", ":81/tcp from 9100-9105"],
    ["-p 90", "90/tcp", "", "", ":90/tcp from any"],
    ["-p 0:90/sctp", "90/sctp", "", "0", ":90/sctp from any"],
  ])("%s", (_, port, hostIp, hostPort, expected) => {
    const ports = portsOfBindings({
      portBindings: [{ port, hostIp, hostPort }],
      publishAllPorts: false,
      exposedPorts: ["9/tcp"],
    });
    expect(ports.map(inWords)).toEqual([expected]);
  });

  test("-P adds every exposed port that no -p names", () => {
    const ports = portsOfBindings({
      portBindings: [{ port: "80/tcp", hostIp: "", hostPort: "8080" }],
      publishAllPorts: true,
      exposedPorts: ["80/tcp", "53/udp"],
    });
    expect(ports.map(inWords)).toEqual([":80/tcp from 8080-8080", ":53/udp from any"]);
  });

  test.each([
    ["80/icmp", "", "8080", "not tcp, udp or sctp"],
    ["x/tcp", "", "8080", "1 to 65535"],
    ["80-90/tcp", "", "8080", "a range where one port is expected"],
    ["80/tcp", "localhost", "8080", "not an IP"],
    ["80/tcp", "", "8080-80", "1 to 65535"],
  ])("a binding %j %j %j is refused", (port, hostIp, hostPort, problem) => {
    const bindings = { publishAllPorts: false, exposedPorts: [] };
    expect(() =>
      portsOfBindings({ ...bindings, portBindings: [{ port, hostIp, hostPort }] }),
    ).toThrow(problem);
  });
});

test.each([
  ["8080:80", [":80/tcp from 8080-8080"]],
  ["80", [":80/tcp from any"]],
  ["127.0.0.1::53/udp", ["127.0.0.1:53/udp from any"]],
  ["[fd00::1]:8443:443", ["fd00::1:443/tcp from 8443-8443"]],
  [
    "7000-7001:6000-6001, 9:9",
    [":6000/tcp from 7000-7000", ":6001/tcp from 7001-7001", ":9/tcp from 9-9"],
  ],
  ["9100-9105:81/TCP", [":81/tcp from 9100-9105"]],
  ["8080:80,8080:80", [":80/tcp from 8080-8080"]],
])("cni.ports=%s", (value, expected) => {
  expect(parsePorts({ flag: "--label cni.ports", value }).map(inWords)).toEqual(expected);
});

describe("conflicts", () => {
  const ADDRESSES = [undefined, "0.0.0.0", "::", "127.0.0.1", "10.0.0.1", "::1"] as const;
  test.each([
    [undefined, undefined, true],
    [undefined, "::1", true],
    ["0.0.0.0", "127.0.0.1", true],
    ["0.0.0.0", "::", false],
    ["0.0.0.0", "::1", false],
    ["::", "::1", true],
    ["127.0.0.1", "10.0.0.1", false],
    ["127.0.0.1", "127.0.0.1", true],
    ["::1", "0:0::1", true],
  ])("whether %s and %s exclude each other: %s", (one, other, expected) => {
    const port = { hostPort: 53, protocol: "udp" } as const;
    expect(clash({ ...port, hostIP: one }, { ...port, hostIP: other })).toBe(expected);
  });

  test("other protocols and other ports are no conflict", () => {
    const port = { hostPort: 53, protocol: "udp" } as const;
    expect(clash(port, { ...port, protocol: "tcp" })).toBe(false);
    expect(clash(port, { ...port, hostPort: 54 })).toBe(false);
  });

  test("clash is mutual", () => {
    const port = fc.record({
      hostPort: fc.constantFrom(1, 2),
      protocol: fc.constantFrom("tcp", "udp"),
      hostIP: fc.constantFrom(...ADDRESSES),
    });
    fc.assert(
      fc.property(port, port, (one, other) => {
        expect(clash(one, other)).toBe(clash(other, one));
      }),
    );
  });

  test("the holder is named", () => {
    const taken = [held(80, "container a"), held(8080, "container web")];
    expect(findPortConflict([mapping(8080)], taken)).toMatchObject({
      taken: { holder: "container web" },
    });
    expect(findPortConflict([mapping(81)], taken)).toBeUndefined();
  });
});

describe("choosePorts", () => {
  const defaults = { taken: [], anyPort: [40_000, 40_009], start: 0 } as const;

  test("a named port is taken as it is", () => {
    expect(choosePorts({ ...defaults, requests: [ask([8080, 8080])] })).toEqual([mapping(8080)]);
  });

  test("a named port that is taken is an error that names the holder", () => {
    const taken = [held(8080, "container web")];
    expect(() => choosePorts({ ...defaults, taken, requests: [ask([8080, 8080])] })).toThrow(
      "-p 8080:80/tcp: port 8080/tcp of the host is taken by container web",
    );
  });

  test("the same host port twice in one container is an error", () => {
    const requests = [ask([8080, 8080]), { ...ask([8080, 8080]), containerPort: 81 }];
    expect(() => choosePorts({ ...defaults, requests })).toThrow(
      "another -p of the same container",
    );
  });

  test("of a range the first free one, after the named ones have theirs", () => {
    const requests = [ask([8080, 8083]), { ...ask([8081, 8081]), containerPort: 81 }];
    const ports = choosePorts({ ...defaults, taken: [held(8080, "x")], requests });
    expect(ports.map(describePort)).toEqual(["8082:80/tcp", "8081:81/tcp"]);
  });

  test("any port is looked for from the given place on, round the range", () => {
    const taken = [held(40_009, "x"), held(40_000, "x")];
    const [port] = choosePorts({ ...defaults, taken, start: 0.99, requests: [ask(undefined)] });
    expect(port?.hostPort).toBe(40_001);
  });

  test("a full range is an error", () => {
    const taken = [held(8080, "x"), held(8081, "x")];
    expect(() => choosePorts({ ...defaults, taken, requests: [ask([8080, 8081])] })).toThrow(
      "no port of the host from 8080 to 8081 is free",
    );
  });

  test("whatever is asked for, no two of the ports chosen exclude each other", () => {
    const request = fc.record({
      containerPort: fc.integer({ min: 1, max: 9 }),
      protocol: fc.constantFrom("tcp", "udp"),
      hostPorts: fc.constantFrom<[number, number] | undefined>([1, 4], undefined, [2, 9]),
    });
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 4 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (requests, start) => {
          const chosen = choosePorts({ ...defaults, requests, start });
          expect(chosen).toHaveLength(requests.length);
          for (const [index, port] of chosen.entries()) {
            expect(chosen.slice(index + 1).some((other) => clash(port, other))).toBe(false);
          }
        },
      ),
    );
  });
});

function ask(hostPorts: readonly [number, number] | undefined): PortRequest {
  return { containerPort: 80, protocol: "tcp", hostPorts };
}

function mapping(hostPort: number): PortMapping {
  return { hostPort, containerPort: 80, protocol: "tcp" };
}

function held(hostPort: number, holder: string): TakenPort {
  return { hostPort, protocol: "tcp", holder };
}

function inWords({ hostIP = "", containerPort, protocol, hostPorts }: PortRequest): string {
  return `${hostIP}:${containerPort}/${protocol} from ${hostPorts?.join("-") ?? "any"}`;
}
