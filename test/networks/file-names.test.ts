import { describe, expect, test } from "vitest";
import { defaultMoves, newFileName } from "../../src/networks/file-names.ts";

const SHIPPED = "10-docker-cni.conflist";

describe("the file of a new network", () => {
  test.each([
    ["comes behind the default network's", [SHIPPED], SHIPPED, false, "50-web.conflist"],
    ["comes behind one with a late number", ["60-x.conf"], "60-x.conf", false, "90-web.conflist"],
    ["comes behind one with a word", ["lan.conflist"], "lan.conflist", false, "lan_web.conflist"],
    [
      "is another than one that cannot be used",
      [SHIPPED, "50-web.conflist"],
      SHIPPED,
      false,
      "90-web.conflist",
    ],
    ["is the first where there is none", [], undefined, false, "10-web.conflist"],
    ["comes first as the default", [SHIPPED], SHIPPED, true, "09-web.conflist"],
    ["comes first by its name alone", ["20-x.conf"], "20-x.conf", true, "10-web.conflist"],
    [
      "comes before what cannot be used, which may be corrected",
      ["05-x.conf", SHIPPED],
      SHIPPED,
      true,
      "05-web.conflist",
    ],
    ["comes before two zeros", ["00-a.conf"], "00-a.conf", true, "0-web.conflist"],
  ])("%s", (_, files, first, isDefault, name) => {
    expect(newFileName("web", { files, first }, isDefault)).toBe(name);
  });

  test("cannot come before what is before all numbers", () => {
    const folder = { files: ["-x.conf"], first: "-x.conf" };
    expect(() => newFileName("web", folder, true)).toThrow("no file name comes before -x.conf");
  });
});

describe("the default network", () => {
  test("is the one already", () => {
    expect(defaultMoves(SHIPPED, { files: [SHIPPED], first: SHIPPED })).toEqual([]);
  });

  test("keeps the extension of its file", () => {
    const files = [SHIPPED, "20-lan.conf"];
    expect(defaultMoves("20-lan.conf", { files, first: SHIPPED })).toEqual([
      { from: "20-lan.conf", to: "09-lan.conf" },
    ]);
  });

  test("is changed to and fro without running out of numbers, and is the first from the first step on", () => {
    let files = [SHIPPED, "50-web.conflist", "60-web2.conflist"];
    for (let time = 0; time < 40; time += 1) {
      const wanted = ["web", "docker-cni", "web2"][time % 3] ?? "";
      const [first] = files.toSorted();
      const file = files.find((each) => each.endsWith(`-${wanted}.conflist`)) ?? "";
      for (const { from, to } of defaultMoves(file, { files, first })) {
        expect(files).not.toContain(to);
        files = files.map((each) => (each === from ? to : each));
        expect(files.toSorted()[0]).toMatch(new RegExp(`-${wanted}\\.conflist$`));
      }
    }
    expect(files).toHaveLength(3);
  });
});
