import { dirname, normalize } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isValidContainerId,
  isValidInterfaceName,
  isValidNetworkName,
} from "../../src/cni/index.ts";
import { isValidPluginType } from "../../src/cni/names.ts";

describe("a container id or network name", () => {
  test.each(["a", "9", "a-b_c.d", "0123456789abcdef".repeat(4), "A..b"])("may be %j", (name) => {
    expect([isValidContainerId(name), isValidNetworkName(name)]).toEqual([true, true]);
  });

  test.each(["", ".", "..", "-a", "_a", "a/b", "../a", "a b", "a\n", "a\0", "ä", "a;b", "a:b"])(
    "may not be %j",
    (name) => {
      expect([isValidContainerId(name), isValidNetworkName(name)]).toEqual([false, false]);
    },
  );
});

describe("an interface name", () => {
  test.each(["a", "eth0", "eth0.100", "123456789012345", "...", "äöü", "ääääääa", "a@b"])(
    "may be %j",
    (name) => {
      expect(isValidInterfaceName(name)).toBe(true);
    },
  );

  test.each([
    ["empty", ""],
    ["of 16 bytes", "1234567890123456"],
    ["of 16 bytes in 8 letters", "ääääääää"],
    [".", "."],
    ["..", ".."],
    ["with a slash", "a/b"],
    ["with a colon", "eth0:1"],
    ["with a space", "eth 0"],
    ["with a tab", "eth\t0"],
    ["with a line break", "eth0\n"],
    ["with a vertical tab", "eth\v0"],
    ["with a NUL", "eth\0"],
  ])("may not be %s", (_, name) => {
    expect(isValidInterfaceName(name)).toBe(false);
  });
});

test.each(["", ".", "..", "a/b", "/bin/sh", "a\0"])("a plugin type may not be %j", (type) => {
  expect(isValidPluginType(type)).toBe(false);
});

test("a valid name is the name of a file in the folder where it is put", () => {
  const name = fc.stringMatching(/^[./a-z0-9_\0-]{1,6}$/);
  const checks = [isValidContainerId, isValidNetworkName, isValidPluginType];
  const valid = fc.oneof(name, fc.string()).filter((text) => checks.some((check) => check(text)));
  fc.assert(
    fc.property(valid, (text) => {
      expect(dirname(normalize(`/a/b/${text}`))).toBe("/a/b");
      expect(text).not.toContain("\0");
    }),
  );
});

test("a valid interface name has 1 to 15 bytes and none that the kernel refuses", () => {
  const letter = fc.constantFrom("e", "0", ".", "/", ":", " ", "\t", "\v", "\0", "ä", "😀");
  fc.assert(
    fc.property(fc.string({ unit: letter, maxLength: 17 }), (text) => {
      const bytes = Buffer.from(text);
      const fits = bytes.length >= 1 && bytes.length <= 15 && text !== "." && text !== "..";
      const clean = bytes.every((byte) => ![0, 9, 11, 32, 47, 58].includes(byte));
      expect(isValidInterfaceName(text)).toBe(fits && clean);
    }),
  );
});
