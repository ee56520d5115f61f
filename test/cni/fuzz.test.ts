import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CniError,
  createCni,
  loadNetworkList,
  parseNetworkConf,
  parseNetworkList,
  type PluginExec,
  type PluginExit,
} from "../../src/cni/index.ts";
import { parseCacheFile } from "../../src/cni/cache-entry.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attachment, fakePlugins, networkList, tempDir } from "./harness.ts";

/** What plugins may print: noise, JSON of any shape, and JSON that is nearly right. */
const noise = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString("utf8"));
const key = fc.constantFrom(
  "cniVersion",
  "code",
  "msg",
  "details",
  "ips",
  "ip4",
  "interfaces",
  "routes",
  "dns",
  "__proto__",
  "supportedVersions",
);
const leaf = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("1.0.0", "0.2.0", 11, 3, "10.0.0.2/24", null),
);
const nearly = fc
  .array(fc.tuple(key, leaf), { maxLength: 6 })
  .map(
    (pairs) =>
      `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
  );
const deep = fc
  .nat(60_000)
  .map((depth) => `{"cniVersion":"1.0.0","x":${"[".repeat(depth)}${"]".repeat(depth)}}`);
const output = fc.oneof(noise, fc.json(), nearly, { arbitrary: deep, weight: 1 });

const exit: fc.Arbitrary<PluginExit> = fc.record({
  ended: fc.constantFrom("exited", "exited", "exited", "timeout", "aborted", "overflow"),
  exitCode: fc.constantFrom(0, 0, 1, 255, null),
  signal: fc.constantFrom(null, null, "SIGSEGV"),
  stdout: output,
  stderr: noise,
});

function execOf(answer: PluginExit): PluginExec {
  return { find: (type) => `/bin/${type}`, run: async () => answer };
}

/** Resolves when the operation succeeds or is refused with the library's own error. */
async function settles(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    return (
      error instanceof CniError && error.message.length < 5000 && !/\p{Cc}/u.test(error.message)
    );
  }
}

async function tried(run: () => unknown): Promise<unknown> {
  return run();
}

describe("whatever a plugin prints", () => {
  test("every operation succeeds or throws a CniError of one readable line", async () => {
    const cacheDir = tempDir();
    await fc.assert(
      fc.asyncProperty(
        exit,
        fc.constantFrom("1.1.0", "1.0.0", "0.4.0", "0.2.0"),
        async (answer, cniVersion) => {
          const retry = { attempts: 1, pauseMs: 0 };
          const cni = createCni({ pluginDirs: ["/bin"], cacheDir, exec: execOf(answer), retry });
          const list = networkList(["one", "two"], { cniVersion });
          expect(await settles(cni.addNetworkList(list, attachment))).toBe(true);
          expect(await settles(cni.checkNetworkList(list, attachment))).toBe(true);
          expect(await settles(cni.delNetworkList(list, attachment))).toBe(true);
          expect(await settles(cni.statusNetworkList(list))).toBe(true);
          expect(await settles(cni.gcNetworkList(list, { validAttachments: [] }))).toBe(true);
          expect(await settles(cni.validateNetworkList(list))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of real processes too", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", 'cat "$FAKE_DIR/output"');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 2000 }),
          noise.map((text) => Buffer.from(text)),
        ),
        async (bytes) => {
          writeFileSync(join(fake.dir, "output"), bytes);
          expect(await settles(fake.cni().addNetworkList(networkList(["one"]), attachment))).toBe(
            true,
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});

test("whatever a file of the cache holds, reading it does not throw", () => {
  fc.assert(
    fc.property(fc.oneof(output, noise), (text) => {
      expect(["entry", "legacy", "corrupt"]).toContain(parseCacheFile(text).state);
    }),
  );
});

test("whatever a configuration file holds, it is a list or a CniError", async () => {
  const dir = tempDir();
  mkdirSync(join(dir, "lan"));
  const name = fc.constantFrom(
    "name",
    "type",
    "plugins",
    "cniVersion",
    "cniVersions",
    "capabilities",
    "disableCheck",
  );
  const value = fc.oneof(leaf, fc.constantFrom("lan", [{ type: "a" }], [], true, "true"));
  const config = fc
    .array(fc.tuple(name, value))
    .map((pairs) => JSON.stringify(Object.fromEntries(pairs)));
  await fc.assert(
    fc.asyncProperty(fc.oneof(output, config), async (text) => {
      writeFileSync(join(dir, "10.conflist"), text);
      writeFileSync(join(dir, "lan/10.conf"), text);
      expect(await settles(loadNetworkList(dir, "lan"))).toBe(true);
      expect(await settles(tried(() => parseNetworkList(text)))).toBe(true);
      expect(await settles(tried(() => parseNetworkConf(text)))).toBe(true);
    }),
  );
});
