import { expect, test } from "vitest";
import { parsePage } from "./page.ts";

test("a page tells what is to be typed, on which host, in which variant, and what differs", () => {
  const page =
    "```sh variables\nNUMBER=1\n```\n\n```sh\nx\n```\n\n```sh b\ny\n```\n\n```sh frr\nv\n```\n\n```\nz\n```\n";
  expect(parsePage(page)).toEqual({
    variables: ["NUMBER"],
    blocks: [
      { host: undefined, variant: undefined, text: "x\n" },
      { host: "b", variant: undefined, text: "y\n" },
      { host: undefined, variant: "frr", text: "v\n" },
    ],
  });
});
