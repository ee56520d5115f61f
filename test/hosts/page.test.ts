import { expect, test } from "vitest";
import { parsePage } from "./page.ts";

test("a page tells what is to be typed, on which host, and what differs", () => {
  const page =
    "```sh variables\nNUMBER=1\n```\n\n```sh\nx\n```\n\n```sh b\ny\n```\n\n```\nz\n```\n";
  expect(parsePage(page)).toEqual({
    variables: ["NUMBER"],
    blocks: [
      { host: undefined, text: "x\n" },
      { host: "b", text: "y\n" },
    ],
  });
});
