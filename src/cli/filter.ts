import { UserError } from "../lib/errors.ts";
import type { SandboxView } from "../sandbox/view.ts";

type Test = (view: SandboxView, value: string) => boolean;

/** What `--filter KEY=VALUE` compares. */
const TESTS: Readonly<Record<string, Test>> = {
  name: ({ name }, value) => name?.includes(value) === true,
  id: ({ id }, value) => id.startsWith(value),
  network: ({ record }, value) => record.attachments.some(({ network }) => network === value),
  address: ({ record }, value) =>
    record.attachments.some(({ addresses }) =>
      addresses.some((address) => address === value || address.startsWith(`${value}/`)),
    ),
  state: ({ state }, value) => state === value,
};

/**
 * What several `--filter` let through, as Docker has it: a container that fits one value of each key. A name fits by a part of it,
 * an id by its beginning. Throws BAD_ARGS for a key that there is not.
 */
export function filterOf(filters: readonly string[]): (view: SandboxView) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const [, key = "", value] = /^(\w+)=(.*)$/s.exec(filter) ?? [];
    if (value === undefined || !Object.hasOwn(TESTS, key)) {
      throw new UserError(
        "BAD_ARGS",
        `--filter ${JSON.stringify(filter)}: there is no such filter`,
        {
          hint: `write KEY=VALUE with one of ${Object.keys(TESTS).join(", ")}`,
        },
      );
    }
    byKey.set(key, [...(byKey.get(key) ?? []), value]);
  }
  return (view) =>
    [...byKey].every(([key, values]) => values.some((value) => TESTS[key]?.(view, value) === true));
}

/** For an option that may be given several times. */
export function collectOption(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
