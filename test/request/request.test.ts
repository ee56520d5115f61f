import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { operatorWord } from "../../src/request/trusted-labels.ts";
import { type RequestInput, parseRequest } from "../../src/request/request.ts";
import { UserError } from "../../src/lib/errors.ts";

const SELECTION = "k8s.v1.cni.cncf.io/networks";

function parse(labels: Record<string, string>, more: Partial<RequestInput> = {}) {
  return parseRequest({ annotations: {}, labels, ...more });
}

/** The networks as `name@interface`. */
function names(labels: Record<string, string>, more: Partial<RequestInput> = {}): string[] {
  return parse(labels, more).networks.map(({ name, ifName }) => `${name ?? ""}@${ifName}`);
}

describe("which networks", () => {
  test.each<[string, Record<string, string>, string[]]>([
    ["nothing said is the default network", {}, ["@eth0"]],
    [
      "several get eth0, eth1 … by their place",
      { "cni.networks": "front,back" },
      ["front@eth0", "back@eth1"],
    ],
    [
      "an interface that was named",
      { "cni.networks": "front, back@net1,third" },
      ["front@eth0", "back@net1", "third@eth2"],
    ],
    [
      "an eth that is taken is passed over",
      { "cni.networks": "front@eth1,back" },
      ["front@eth1", "back@eth2"],
    ],
    ["a namespace in front is read past", { [SELECTION]: "prod/front@net1" }, ["front@net1"]],
    [
      "JSON",
      { [SELECTION]: '[{"name":"front"},{"name":"back","interface":"net9"}]' },
      ["front@eth0", "back@net9"],
    ],
    ["one JSON object", { "cni.networks": '{"name":"front"}' }, ["front@eth0"]],
    ["one network twice", { "cni.networks": "front,front" }, ["front@eth0", "front@eth1"]],
    ["none is none", { "cni.networks": "none" }, []],
  ])("%s", (_, labels, expected) => {
    expect(names(labels)).toEqual(expected);
  });

  test("the default network has its name, and the first interface the configured one", () => {
    const more = { defaultNetwork: "front", ifName: "net0" };
    expect(names({}, more)).toEqual(["front@net0"]);
    expect(names({ "cni.networks": "back,third" }, more)).toEqual(["back@net0", "third@eth1"]);
    expect(parse({ "cni.ip.front": "10.1.0.7" }, more).networks[0]?.ips).toHaveLength(1);
  });

  test("an annotation wins over the label of its name, and either selection over the other", () => {
    expect(names({ "cni.networks": "front" }, { annotations: { "cni.networks": "back" } })).toEqual(
      ["back@eth0"],
    );
    expect(names({ "cni.networks": "front" }, { annotations: { [SELECTION]: "back" } })).toEqual([
      "back@eth0",
    ]);
    expect(names({ [SELECTION]: "front" }, { annotations: { "cni.networks": "back" } })).toEqual([
      "back@eth0",
    ]);
  });

  test("none says what it ignores", () => {
    const request = parse({ "cni.networks": "none", "cni.ip": "10.1.0.7" });
    expect(request).toMatchObject({ none: true, ports: [] });
    expect(request.warnings).toEqual(["no network was asked for: cni.ip ignored"]);
  });
});

describe("what is asked of them", () => {
  test("--mac-address is the first network's, unless cni.mac says otherwise", () => {
    const more = { macAddress: "02:42:AC:00:00:01" };
    const both = parse({ "cni.networks": "front,back" }, more);
    expect(both.networks.map(({ mac }) => mac)).toEqual(["02:42:ac:00:00:01", undefined]);
    const own = parse({ "cni.mac": "02:42:ac:00:00:02" }, more);
    expect(own.networks[0]?.mac).toBe("02:42:ac:00:00:02");
    expect(() => parse({}, { macAddress: "nonsense" })).toThrow(/--mac-address/);
  });

  test("plain keys are for the first network, a suffix is a network's or an interface's name", () => {
    const { networks } = parse({
      "cni.networks": "front,back@net1,my.net",
      "cni.ip": "10.1.0.7, fd00::7/64",
      "cni.mac": "02:42:0A:01:00:07",
      "cni.ip.back": "10.2.0.7",
      "cni.mac.net1": "02:42:0a:02:00:07",
      "cni.aliases.my.net": "db,db.internal",
      "cni.args": "POOL=blue,TIER=2",
      "cni.bandwidth.back": "ingress=10M,egress=1.5Gbit",
      "cni.default-route": "back",
    });
    expect(networks).toEqual([
      expect.objectContaining({
        ips: [
          { family: 4, text: "10.1.0.7", prefix: undefined },
          { family: 6, text: "fd00::7", prefix: 64 },
        ],
        mac: "02:42:0a:01:00:07",
        cniArgs: [
          ["POOL", "blue"],
          ["TIER", "2"],
        ],
      }),
      expect.objectContaining({
        ips: [{ family: 4, text: "10.2.0.7", prefix: undefined }],
        mac: "02:42:0a:02:00:07",
        bandwidth: {
          ingressRate: 10_000_000,
          ingressBurst: 1_200_000,
          egressRate: 1_500_000_000,
          egressBurst: 150_000_000,
        },
        defaultRoute: [],
      }),
      expect.objectContaining({ name: "my.net", aliases: ["db", "db.internal"] }),
    ]);
  });

  test("the whole of a selection element is understood", () => {
    const element = {
      name: "front",
      namespace: "prod",
      interface: "net1",
      ips: ["10.1.0.7/24"],
      mac: "02:42:0a:01:00:07",
      "cni-args": { tier: ["a", 2] },
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "TCP", hostIP: "127.0.0.1" }],
      bandwidth: { ingressRate: 2048, ingressBurst: 1600, egressRate: 0 },
      "default-route": ["10.1.0.1"],
      deviceID: "0000:00:1f.6",
      "infiniband-guid": "c2:11:22:33:44:55:66:77",
    };
    const { networks } = parse({ [SELECTION]: JSON.stringify([element]) });
    expect(networks).toEqual([
      {
        name: "front",
        ifName: "net1",
        ifNameAsked: true,
        ips: [{ family: 4, text: "10.1.0.7", prefix: 24 }],
        mac: "02:42:0a:01:00:07",
        aliases: [],
        cniArgs: [],
        configArgs: { tier: ["a", 2] },
        ports: [
          { containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1", hostPorts: [8080, 8080] },
        ],
        bandwidth: { ingressRate: 2048, ingressBurst: 1600 },
        defaultRoute: ["10.1.0.1"],
        deviceID: "0000:00:1f.6",
        infinibandGUID: "c2:11:22:33:44:55:66:77",
      },
    ]);
  });

  test.each([
    ["true", true],
    ["no", false],
    [" 1 ", true],
  ])("cni.keep=%s", (value, keep) => {
    expect(parse({ "cni.keep": value }).keep).toBe(keep);
  });

  test("IPV4 and IPPOOL speak where nothing else does", () => {
    const env = ["IPV4=10.1.0.8", "IPPOOL=blue", "IPV4=10.1.0.9", "PATH=/bin"];
    expect(parse({}, { env }).networks[0]).toMatchObject({
      ips: [{ text: "10.1.0.9" }],
      cniArgs: [["IPPOOL", "blue"]],
    });
    expect(parse({ "cni.ip": "10.1.0.7" }, { env }).networks[0]).toMatchObject({
      ips: [{ text: "10.1.0.7" }],
    });
  });

  test("a key that is not known is a warning", () => {
    expect(parse({ "cni.ipp": "x", other: "y" }).warnings).toEqual([
      "--label cni.ipp is not known here and is ignored",
    ]);
  });
});

describe("bad requests name the label, what is wrong, and a right one", () => {
  const network = { "cni.networks": "front,back@net1" };
  const element = (fields: object) => ({
    [SELECTION]: JSON.stringify([{ name: "front", ...fields }]),
  });
  const cases: [Record<string, string>, RegExp][] = [
    [
      { "cni.ip": "10.1.0.777" },
      /^--label cni\.ip="10\.1\.0\.777": "10\.1\.0\.777" is not an IP address$/,
    ],
    [{ "cni.ip": "" }, /cni\.ip="": the value is empty/],
    [{ "cni.ip": "10.1.0.7,,10.1.0.8" }, /an item is empty/],
    [{ "cni.ip": "10.1.0.7,10.1.0.7" }, /given twice/],
    [{ "cni.ip": "127.0.0.1" }, /cannot be the address of a container/],
    [{ "cni.ip": "10.1.0.7;K=V" }, /not an IP address/],
    [
      { "cni.ip": Array.from({ length: 17 }, (_, i) => `10.1.0.${i + 1}`).join(",") },
      /more than 16/,
    ],
    [{ "cni.ip": "1".repeat(9000) }, /longer than 8192 characters/],
    [{ "cni.mac": "02:42:0a:01:00" }, /not a MAC address/],
    [{ "cni.mac": "03:42:0a:01:00:07" }, /single interface/],
    [{ "cni.mac": "00:00:00:00:00:00" }, /single interface/],
    [{ "cni.bandwidth": "10M" }, /"10M" is not ingress or egress/],
    [{ "cni.bandwidth": "ingress=fast" }, /"fast" is not a rate/],
    [{ "cni.bandwidth": "ingress=0" }, /is not a rate/],
    [{ "cni.bandwidth": "ingress=99999999T" }, /is not a rate/],
    [{ "cni.bandwidth": "ingress=1M,ingress=2M" }, /given twice/],
    [{ "cni.bandwidth": "ingressBurst=1M" }, /without a rate/],
    [{ "cni.aliases": "a b" }, /"a b" cannot be a host name/],
    [{ "cni.aliases": "a\n1.2.3.4 b" }, /cannot be a host name/],
    [{ "cni.aliases": "localhost" }, /cannot be a host name/],
    [{ "cni.aliases": "10.1.0.7" }, /cannot be a host name/],
    [{ "cni.args": "POOL" }, /"POOL" has no =/],
    [{ "cni.args": "POOL=a;IP=10.1.0.7" }, /POOL cannot stand in CNI_ARGS/],
    [{ "cni.args": "IP=10.1.0.7" }, /IP is reserved: use cni\.ip/],
    [{ "cni.args": "DOCKER_CONTAINER_NAME=x" }, /is reserved/],
    [{ "cni.args": "A B=c" }, /cannot be a key/],
    [{ "cni.args": "A=1,A=2" }, /given twice/],
    [{ "cni.args": "A=" }, /cannot stand in CNI_ARGS/],
    [{ "cni.args": "__proto__" }, /has no =/],
    [{ "cni.networks": "front,none" }, /none stands alone/],
    [
      { "cni.networks": "../etc" },
      /"\.\.\/etc" is not|"\.\." cannot be|cannot be the name of a network/,
    ],
    [{ "cni.networks": "a/b/c" }, /is not name@interface/],
    [{ "cni.networks": "front@eth/0" }, /is not name@interface|cannot be the name/],
    [{ "cni.networks": "front@0123456789abcdef" }, /cannot be the name of an interface/],
    [{ "cni.networks": "front@lo" }, /cannot be the name of an interface/],
    [{ "cni.networks": "front@net1,back@net1" }, /two networks ask for the interface net1/],
    [{ "cni.networks": "-front" }, /cannot be the name of a network/],
    [{ "cni.networks": "f".repeat(101) }, /cannot be the name of a network/],
    [{ "cni.networks": Array.from({ length: 65 }, () => "a").join(",") }, /more than 64/],
    [
      { ...network, "cni.ip.bakc": "10.1.0.7" },
      /^--label cni\.ip\.bakc: no network or interface "bakc" was asked for$/,
    ],
    [{ "cni.networks": "front,front", "cni.ip.front": "10.1.0.7" }, /asked for 2 times/],
    [
      { ...network, "cni.ip": "10.1.0.7", "cni.ip.front": "10.1.0.8" },
      /given for network front already/,
    ],
    [{ ...network, "cni.default-route": "third" }, /no network or interface "third"/],
    [{ "cni.networks": "front", [SELECTION]: "front" }, /is given too/],
    [{ "cni.keep": "maybe" }, /^--label cni\.keep="maybe": neither true nor false$/],
    [{ "cni.name": "a b" }, /cannot be a host name/],
    [{ "cni.ports": "80:http" }, /a port is a number from 1 to 65535/],
    [{ "cni.ports": "70000:80" }, /a port is a number/],
    [{ "cni.ports": "80:80/icmp" }, /not tcp, udp or sctp/],
    [{ "cni.ports": "x.y:80:80" }, /host address is not an IP/],
    [{ "cni.ports": "8000-8002:80-81" }, /not of the same length/],
    [{ "cni.ports": "a:b:c:d" }, /not a port mapping|number/],
    [{ [SELECTION]: "[{" }, /looks like JSON but is not/],
    [{ [SELECTION]: "[]" }, /expected 1 to 64 networks/],
    [{ [SELECTION]: "[7]" }, /an element is not an object/],
    [{ [SELECTION]: "[{}]" }, /an element has no name/],
    [element({ ips: "10.1.0.7" }), /ips is not a list of strings/],
    [element({ ips: ["x"] }), /networks ips="x": "x" is not an IP address/],
    [element({ mac: 7 }), /mac is not a string/],
    [element({ interface: "a/b" }), /cannot be the name of an interface/],
    [element({ portMappings: [{ hostPort: 80 }] }), /containerPort is not a port/],
    [element({ portMappings: {} }), /portMappings is not a list/],
    [element({ bandwidth: { ingressRate: "10M" } }), /bandwidth\.ingressRate is not a number/],
    [element({ "cni-args": [] }), /cni-args is not an object/],
    [element({ "default-route": ["gw"] }), /default-route: "gw" is not an IP address/],
    [element({ deviceID: "a;b" }), /deviceID has characters/],
  ];
  test.each(cases.map(([labels, message]) => [message, labels] as const))(
    "%s",
    (message, labels) => {
      const error = faultOf(() => parse(labels));
      expect(error).toMatchObject({ code: "BAD_REQUEST", message: expect.stringMatching(message) });
      expect(error.hint).toMatch(/./);
    },
  );

  test("an annotation is called an annotation", () => {
    const error = faultOf(() => parse({}, { annotations: { "cni.ip": "x" } }));
    expect(error.message).toMatch(/^--annotation cni\.ip="x": /);
    expect(error.hint).toBe("for example --annotation cni.ip=10.1.0.7 or 10.1.0.7/24,fd00::7/64");
  });

  test.each([["IPV4=x"], ["IPPOOL=a;b"]])("the environment %s", (entry) => {
    const flag = `--env ${entry.split("=")[0]}`;
    expect(faultOf(() => parse({}, { env: [entry] })).message).toContain(flag);
  });

  test("a control character above ASCII is escaped", () => {
    expect(anyFaultOf(() => parse({ "cni.networks": "a\u0085\u009b" }))?.message).toContain(
      String.raw`"a\u0085\u009b"`,
    );
  });

  test("whatever is said, the answer is a request or a BAD_REQUEST of a bounded, printable line", () => {
    const keys = [
      "networks",
      "ip",
      "mac",
      "bandwidth",
      "aliases",
      "args",
      "keep",
      "name",
      "ports",
      "ip.front",
    ];
    const label = fc.tuple(
      fc.constantFrom(...keys.map((key) => `cni.${key}`), SELECTION),
      fc.oneof(fc.string(), fc.json(), fc.string({ unit: "binary", maxLength: 300 })),
    );
    fc.assert(
      fc.property(fc.array(label, { maxLength: 4 }), (labels) => {
        const fault = anyFaultOf(() => parse(Object.fromEntries(labels)));
        expect(fault?.code ?? "BAD_REQUEST").toBe("BAD_REQUEST");
        expect(fault?.message ?? "").toMatch(/^[^\p{Cc}]{0,2000}$/u);
      }),
    );
  });
});

describe("the image does not speak", () => {
  const labels = { "cni.ip": "10.9.9.9", "cni.mac": "02:00:00:00:00:01", team: "blue" };
  const env = ["IPV4=10.9.9.9", "IPPOOL=mine"];
  const image = {
    labels: { "cni.ip": "10.9.9.9", "cni.mac": "02:00:00:00:00:09" },
    env: ["IPV4=10.9.9.9"],
  };

  test("what the image carries with the same value is ignored and said so", () => {
    const word = operatorWord({ labels, env, images: [image], unknown: "use" });
    expect(word.labels).toEqual({ "cni.mac": "02:00:00:00:00:01", team: "blue" });
    expect(word.env).toEqual(["IPPOOL=mine"]);
    expect(word.warnings).toEqual([
      expect.stringMatching(/^label cni\.ip ignored: the image carries it/),
    ]);
  });

  test.each<[string, (typeof image)[] | undefined]>([
    ["the image carries it too", [image]],
    ["nobody knows what the image carries", undefined],
  ])("that there is to be no network counts even where %s", (_, known) => {
    for (const key of ["cni.networks", SELECTION]) {
      const word = operatorWord({
        labels: { [key]: "none", "cni.ip": "10.9.9.9" },
        env: [],
        images: known,
        unknown: "ignore",
      });
      expect(word.labels).toEqual({ [key]: "none" });
      expect(parseRequest({ annotations: {}, labels: word.labels }).none).toBe(true);
    }
  });

  test("that there is to be no network is not the image's word beside the operator's own choice", () => {
    const word = operatorWord({
      labels: { "cni.networks": "front", [SELECTION]: "none" },
      env: [],
      images: [{ labels: { [SELECTION]: "none" }, env: [] }],
      unknown: "ignore",
    });
    expect(word.labels).toEqual({ "cni.networks": "front" });
  });

  test("of several platforms' images any can bring a label along", () => {
    const images = [{ labels: {}, env: [] }, image];
    expect(operatorWord({ labels, env, images, unknown: "use" }).labels).not.toHaveProperty(
      "cni.ip",
    );
  });

  test.each([
    ["use", ["cni.ip", "cni.mac", "team"], 2, 0],
    ["ignore", [], 0, 1],
  ] as const)(
    "what cannot be told is as the configuration says: %s",
    (unknown, keys, count, warned) => {
      const word = operatorWord({ labels, env, images: undefined, unknown });
      expect(Object.keys(word.labels)).toEqual(keys);
      expect(word.env).toHaveLength(count);
      expect(word.warnings).toHaveLength(warned);
    },
  );
});

function faultOf(work: () => unknown): UserError {
  const fault = anyFaultOf(work);
  if (fault === undefined) throw new Error("nothing was thrown");
  return fault;
}

function anyFaultOf(work: () => unknown): UserError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
