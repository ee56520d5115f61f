import { describe, expect, test } from "vitest";
import { supportedVersions } from "../../src/cni/index.ts";
import { chooseVersion, compareVersions } from "../../src/cni/versions.ts";
import { thrown } from "./harness.ts";

test("versions are compared by number", () => {
  expect(["1.0.0", "0.10.0", "0.2.0", "0.4", "1"].toSorted(compareVersions)).toEqual([
    "0.2.0",
    "0.4",
    "0.10.0",
    "1.0.0",
    "1",
  ]);
  expect(supportedVersions.toSorted(compareVersions)).toEqual([...supportedVersions]);
});

test.each(["x", "1.x", "1.0.0.0", "-1", "1.0.0-rc1", " 1.0.0"])("%j is no version", (version) => {
  expect(thrown(() => compareVersions(version, "1.0.0"))).toMatchObject({
    kind: "invalid",
    code: 1,
  });
});

describe("the version of a configuration", () => {
  test.each([
    ["0.1.0 when it names none", undefined, [], "0.1.0"],
    ["0.1.0 when it is empty", "", [], "0.1.0"],
    ["the one that it names", "0.3.1", [], "0.3.1"],
    ["the highest of several", "0.4.0", ["0.3.1", "1.0.0"], "1.0.0"],
    ["its own when the others are lower", "1.1.0", ["0.3.1"], "1.1.0"],
    ["the highest that is known here", "0.4.0", ["1.0.0", "1.2.0", "9.0.0"], "1.0.0"],
    ["one of the list when its own is too new", "2.0.0", ["1.0.0"], "1.0.0"],
  ])("is %s", (_, version, versions, chosen) => {
    expect(chooseVersion(version, versions)).toBe(chosen);
  });

  test("is an error when every one is too new", () => {
    const error = thrown(() => chooseVersion("2.0.0", ["3.0.0"]));
    expect(error).toMatchObject({ kind: "unsupported", code: 1 });
    expect(error.message).toBe(
      "CNI version 3.0.0, 2.0.0 is newer than 1.1.0, the newest supported here",
    );
  });
});
