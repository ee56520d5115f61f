import { readFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../e2e/harness/shell.ts";
import type { Container } from "./container.ts";
import { runToExit } from "./exec.ts";
import type { Place } from "./place.ts";

/** The annotations of a container whose network the next one of its name has. */
export function reserving({ number }: Container): Record<string, string> {
  return { "cni.reserve": nameOf(number) };
}

/** Gives up what is reserved for its name; there may be nothing. */
export async function releaseName({ number }: Container, place: Place): Promise<void> {
  const words = ["release", nameOf(number)];
  await runToExit([place.launcher, "--config", place.config, "--", ...words], place);
}

/** What is wrong with a container that is to have the network whose address was `before`. */
export async function findLoss(
  { id }: Container,
  place: Place,
  before: string | undefined,
): Promise<string[]> {
  const file = join(place.dir, "state/sandboxes", id, "record.json");
  const { netns, state }: { netns: string; state: string } = JSON.parse(readFileSync(file, "utf8"));
  const lost = state === "attached" ? [] : [`it is ${state}`];
  const shown = await must(["ip", "-n", netns, "-4", "-o", "address", "show", "eth0"]);
  return before !== undefined && shown.includes(` ${before}/`)
    ? lost
    : [...lost, `${before} is now ${shown}`];
}

function nameOf(number: number): string {
  return `name-${number}`;
}
