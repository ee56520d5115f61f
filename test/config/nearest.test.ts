import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "../../src/config/nearest.ts";

describe("edit distance", () => {
  test.each([
    ["equal words", "keep", "keep", 0],
    ["a letter too few", "kep", "keep", 1],
    ["a letter too many", "keeep", "keep", 1],
    ["another letter", "kelp", "keep", 1],
    ["two neighbours swapped", "kepe", "keep", 1],
    ["nothing to a word", "", "keep", 4],
    ["a word to nothing", "keep", "", 4],
    ["words with nothing in common", "abc", "xyz", 3],
    ["the textbook's pair", "kitten", "sitting", 3],
  ])("%s", (_title, from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
    expect(editDistance(to, from)).toBe(distance);
  });
});

describe("nearest word", () => {
  const known = ["cni_bin_dir", "cni_conf_dir", "keep", "keep_for", "log_level"];

  test.each([
    ["a slip of the finger", "cni_bin_dri", "cni_bin_dir"],
    ["camel case", "cniConfDir", "cni_conf_dir"],
    ["hyphens", "keep-for", "keep_for"],
    ["capitals", "LOG_LEVEL", "log_level"],
    ["the nearer of two", "kep", "keep"],
    ["a short word that is not near", "mtu", undefined],
    ["a long word that is not near", "network_policy", undefined],
    ["no letters at all", "__", undefined],
  ])("%s", (_title, word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });
});
