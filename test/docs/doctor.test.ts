import { expect, test } from "vitest";
import { sections } from "../../src/doctor/sections.ts";
import { read } from "./pages.ts";

test("docs/doctor.md has every check of the doctor, in its order, and no other", () => {
  const named = [...read("docs/doctor.md").matchAll(/^\| ([\w-]+) +\|/gm)].map(([, name]) => name);
  const checks = Object.values(sections).flatMap((each) => Object.keys(each));
  expect(named.slice(1).filter((name) => !/^-+$/.test(name ?? ""))).toEqual(checks);
});
