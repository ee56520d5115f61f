import { expect, test } from "vitest";
import { parseDuration } from "../../src/config/duration.ts";

test.each([
  ["milliseconds", "1500ms", 1500],
  ["seconds", "60s", 60_000],
  ["minutes", "2m", 120_000],
  ["hours", "24h", 86_400_000],
  ["days", "7d", 604_800_000],
  ["hours and minutes", "1h30m", 5_400_000],
  ["minutes are not milliseconds", "1m1ms", 60_001],
  ["no unit is no duration", "60", undefined],
  ["a fraction is no duration", "1.5s", undefined],
  ["a minus is no duration", "-1s", undefined],
  ["a space is no duration", "1 s", undefined],
  ["an unknown unit is no duration", "1w", undefined],
  ["nothing is no duration", "", undefined],
  ["zero is no duration", "0s", undefined],
  ["a number of ten digits is no duration", "1000000000s", undefined],
])("%s: %s", (_title, text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});
