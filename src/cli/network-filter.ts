import { UserError } from "../lib/errors.ts";
import type { NetworkView } from "./network-view.ts";

type Test = (view: NetworkView, value: string) => boolean;

/** What `network ls --filter KEY=VALUE` compares. A network of CNI has no id but its name. */
const TESTS: Readonly<Record<string, Test>> = {
  name: ({ name }, value) => name.includes(value),
  id: ({ name }, value) => name.startsWith(value),
  driver: ({ driver }, value) => driver === value,
  label: ({ labels }, value) => {
    const [key, wanted] = splitOnce(value);
    return Object.hasOwn(labels, key) && (wanted === undefined || labels[key] === wanted);
  },
  scope: ({ scope }, value) => scope === value,
  type: ({ createdAt }, value) => (createdAt === null ? "builtin" : "custom") === value,
  dangling: ({ containers }, value) => (containers.length === 0) === (value === "true"),
};

/**
 * What several `--filter` let through, as Docker has it: a network that fits one value of each key, and every label. Throws BAD_ARGS
 * for a key that there is not, or a value that it does not have.
 */
export function networkFilter(filters: readonly string[]): (view: NetworkView) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const [key, value] = splitOnce(filter);
    if (value === undefined || !Object.hasOwn(TESTS, key)) {
      throw noFilter(filter, `write KEY=VALUE with one of ${Object.keys(TESTS).join(", ")}`);
    }
    if (key === "type" && !["builtin", "custom"].includes(value)) {
      throw noFilter(filter, "write type=custom for those of network create, or type=builtin");
    }
    if (key === "dangling" && !["true", "false"].includes(value)) {
      throw noFilter(filter, "write dangling=true for those without containers, or dangling=false");
    }
    byKey.set(key, [...(byKey.get(key) ?? []), value]);
  }
  return (view) =>
    [...byKey].every(([key, values]) => {
      const fits = (value: string): boolean => TESTS[key]?.(view, value) === true;
      return key === "label" ? values.every(fits) : values.some(fits);
    });
}

function splitOnce(text: string): [string, string | undefined] {
  const place = text.indexOf("=");
  return place === -1 ? [text, undefined] : [text.slice(0, place), text.slice(place + 1)];
}

function noFilter(filter: string, hint: string): UserError {
  const message = `--filter ${JSON.stringify(filter)}: there is no such filter`;
  return new UserError("BAD_ARGS", message, { hint });
}
