import { describe, expect, test } from "vitest";
import {
  capabilitiesOf,
  declaresCapability,
  listFromConf,
  parseNetworkConf,
  parseNetworkList,
} from "../../src/cni/index.ts";
import { thrown } from "./harness.ts";

describe("a network list", () => {
  test("keeps every key of its plugins and its own text", () => {
    const json =
      '{"name":"lan","cniVersion":"1.0.0","x":1,"plugins":[{"type":"a","deep":{"y":[1]},"__proto__":{"z":1}}]}';
    const list = parseNetworkList(json);
    expect(list).toMatchObject({
      name: "lan",
      cniVersion: "1.0.0",
      disableCheck: false,
      disableGC: false,
    });
    expect(JSON.stringify(list.plugins)).toBe(
      '[{"type":"a","deep":{"y":[1]},"__proto__":{"z":1}}]',
    );
    expect(list.raw).toBe(json);
  });

  test.each([true, "true", "TRUE", "True"])("takes %j for true", (value) => {
    const flags = { disableCheck: value, disableGC: value, loadOnlyInlinedPlugins: value };
    const json = JSON.stringify({ name: "lan", ...flags, plugins: [{ type: "a" }] });
    expect(parseNetworkList(json)).toMatchObject({
      disableCheck: true,
      disableGC: true,
      loadOnlyInlinedPlugins: true,
    });
  });

  test.each([false, "false", "False"])("takes %j for false", (value) => {
    const json = JSON.stringify({ name: "lan", disableCheck: value, plugins: [{ type: "a" }] });
    expect(parseNetworkList(json).disableCheck).toBe(false);
  });

  test("has the highest of cniVersion and cniVersions", () => {
    const json =
      '{"name":"lan","cniVersion":"0.4.0","cniVersions":["1.0.0","9.0.0"],"plugins":[{"type":"a"}]}';
    expect(parseNetworkList(json).cniVersion).toBe("1.0.0");
  });

  test.each([
    ["empty text", "", "it is empty"],
    ["what is not JSON", "{", "it is not JSON"],
    [
      "endless nesting",
      `{"name":"lan","x":${"[".repeat(200_000)}${"]".repeat(200_000)}}`,
      "invalid network configuration: ",
    ],
    ["a list", "[]", "it has to be a JSON object and is a list"],
    ["null", "null", "it has to be a JSON object and is null"],
    ["no name", '{"plugins":[{"type":"a"}]}', 'no "name"'],
    ["a name that is a number", '{"name":1}', '"name" has to be a string and is a number'],
    ["a name with a slash", '{"name":"../a"}', '"name" is "../a": it has to start with'],
    ["a version that is none", '{"name":"a","cniVersion":"one"}', 'invalid cniVersion "one"'],
    [
      "versions that are no list",
      '{"name":"a","cniVersions":"1.0.0"}',
      '"cniVersions" has to be a list and is a string',
    ],
    ["an entry that is no version", '{"name":"a","cniVersions":[1]}', "invalid cniVersion 1"],
    [
      "a flag that is a word",
      '{"name":"a","disableCheck":"yes"}',
      '"disableCheck" has to be true or false and is "yes"',
    ],
    [
      "a flag that is a number",
      '{"name":"a","disableGC":1}',
      '"disableGC" has to be true or false and is 1',
    ],
    ["no plugins", '{"name":"a"}', "no plugins in the list"],
    ["an empty list of plugins", '{"name":"a","plugins":[]}', "no plugins in the list"],
    [
      "plugins that are an object",
      '{"name":"a","plugins":{}}',
      '"plugins" has to be a list and is an object',
    ],
    [
      "loadOnlyInlinedPlugins without plugins",
      '{"name":"a","loadOnlyInlinedPlugins":true}',
      "there is no plugins key",
    ],
    [
      "a plugin that is a string",
      '{"name":"a","plugins":["b"]}',
      "plugin 1 has to be an object and is a string",
    ],
    ["a plugin without type", '{"name":"a","plugins":[{"type":"b"},{}]}', 'no "type" in plugin 2'],
    [
      "a type with a slash",
      '{"name":"a","plugins":[{"type":"../b"}]}',
      '"type" in plugin 1 is "../b"',
    ],
    [
      "a type that is a list",
      '{"name":"a","plugins":[{"type":["b"]}]}',
      '"type" in plugin 1 is ["b"]',
    ],
    [
      "capabilities that are a list",
      '{"name":"a","plugins":[{"type":"b","capabilities":["mac"]}]}',
      '"capabilities" in plugin 1 has to be an object',
    ],
    [
      "a capability that is a word",
      '{"name":"a","plugins":[{"type":"b","capabilities":{"mac":"yes"}}]}',
      'capability "mac" in plugin 1 has to be true or false',
    ],
  ])("is not read from %s", (_, json, text) => {
    const error = thrown(() => parseNetworkList(json));
    expect(error.message).toContain("invalid network configuration: ");
    expect(error.message).toContain(text);
    expect(error).toMatchObject({ kind: "invalid", code: 7 });
  });

  test("declares the capabilities of all of its plugins that say true", () => {
    const plugins = [
      { type: "a", capabilities: { mac: true, ips: false } },
      { type: "b", capabilities: { portMappings: true } },
      { type: "c", capabilities: null },
    ];
    const list = parseNetworkList(JSON.stringify({ name: "lan", plugins }));
    expect(capabilitiesOf(list)).toEqual(["mac", "portMappings"]);
    expect(declaresCapability(list, "portMappings")).toBe(true);
    expect(declaresCapability(list, "ips")).toBe(false);
  });
});

describe("the configuration of a single plugin", () => {
  test("becomes a list of one that reads back", () => {
    const conf = parseNetworkConf('{"name":"lan","cniVersion":"0.4.0","type":"bridge","x":1}');
    const list = listFromConf(conf);
    expect(list).toMatchObject({
      name: "lan",
      cniVersion: "0.4.0",
      plugins: [{ type: "bridge", x: 1 }],
    });
    expect(parseNetworkList(list.raw)).toEqual(list);
  });

  test.each([
    ["without a name", '{"type":"bridge"}', 'no "name"'],
    ["without a type", '{"name":"lan"}', 'no "type"'],
    [
      "with plugins",
      '{"name":"lan","plugins":[]}',
      "a list of plugins belongs in a .conflist file",
    ],
  ])("is refused %s", (_, json, text) => {
    expect(thrown(() => parseNetworkConf(json)).message).toContain(text);
  });
});
