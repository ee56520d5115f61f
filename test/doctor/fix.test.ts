import { expect, test } from "vitest";
import { examine } from "../../src/doctor/examine.ts";
import { fixAll } from "../../src/doctor/fix.ts";
import { changed, fakeSubject, GONE, ID, LAUNCHER, sandbox, type World } from "./subject.ts";

/** What `--fix` runs in this world. */
async function fix(world: Partial<World>, later: Partial<World> = world) {
  const found = await examine(fakeSubject(changed(world)).subject);
  const { subject, ran } = fakeSubject(changed(later));
  const started: string[] = [];
  const locks: string[] = [];
  const fixed = await fixAll(found, {
    freshSubject: () => subject,
    locked: async (work) => {
      locks.push("locked");
      return work();
    },
    onStart: ({ command }) => started.push(command),
  });
  return { fixed, ran, started, locks };
}

const twoOver = {
  sandboxes: [sandbox("a", ID, {}, { state: "over" }), sandbox("b", GONE, {}, { state: "over" })],
} satisfies Partial<World>;
const lease = { files: { "/var/lib/cni/networks/lan/10.9.0.3": `${GONE}\neth0` } };

test("a remedy of docker-cni's own is run by its launcher, with its configuration, once", async () => {
  const { fixed, ran, started } = await fix({ ...twoOver, commands: { [LAUNCHER]: "" } });
  expect(started).toEqual(["docker-cni gc"]);
  expect(ran).toEqual([[LAUNCHER, "--config", "/etc/docker/cni.yaml", "--", "gc"]]);
  expect(fixed).toEqual([
    { check: "sandboxes", title: "stale sandboxes", command: "docker-cni gc" },
  ]);
});

test("a remedy that fails is told of, and the next ones are run", async () => {
  const world = {
    ...twoOver,
    files: { "/proc/self/mountinfo": "2 1 0:2 / /run/netns rw - tmpfs" },
    commands: { [LAUNCHER]: { code: 1, stderr: "busy\n" }, mount: { code: 32, stderr: "no" } },
  };
  const { fixed } = await fix(world);
  expect(fixed.map(({ command, error }) => [command, error])).toEqual([
    ["mount --make-shared /run/netns", "no"],
    ["docker-cni gc", "busy"],
  ]);
});

test("leases are removed under the lock of the host's networks", async () => {
  const world = { ...lease, commands: { rm: "" } };
  const { ran, locks } = await fix(world);
  expect(locks).toEqual(["locked"]);
  expect(ran).toContainEqual(["rm", "--", "/var/lib/cni/networks/lan/10.9.0.3"]);
});

test("a lease that somebody has meanwhile is left alone", async () => {
  const taken = {
    ...lease,
    sandboxes: [sandbox("web", ID, {}), sandbox("new", GONE, { addresses: [], mac: "02::" })],
  };
  const { ran, fixed } = await fix({ ...lease, commands: { rm: "" } }, taken);
  expect(ran.filter(([command]) => command === "rm")).toEqual([]);
  expect(fixed.map(({ error }) => error)).toEqual([undefined]);
});

test.each([
  ["the configuration of the host's network", { files: { "/proc/sys/net/ipv4/ip_forward": "0" } }],
  ["Docker's configuration", { engine: { "/info": { Runtimes: {} } } }],
  ["packages", { files: { "/opt/cni/bin/portmap": undefined } }],
  [
    "a removal that fails",
    {
      sandboxes: [
        sandbox("a", ID, {}, { state: "removing", retry: { attempts: 1, error: "x", nextAt: 0 } }),
      ],
    },
  ],
] satisfies [string, Partial<World>][])("%s is left to a person", async (_, world) => {
  expect(await fix(world)).toMatchObject({ fixed: [], started: [] });
});
