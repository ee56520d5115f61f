import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";

/**
 * The sandbox of the container that `word` names: by its name, its id or the beginning of it, in this order. Throws
 * NO_SUCH_CONTAINER when there is none, or more than one.
 */
export async function findSandbox(context: SandboxContext, word: string): Promise<SandboxView> {
  return pickSandbox(await viewSandboxes(context), word);
}

/** The same among `views`. */
export function pickSandbox(views: readonly SandboxView[], word: string): SandboxView {
  const found = pickIfThere(views, word);
  if (found === undefined) throw noSuchContainer(word);
  return found;
}

export function noSuchContainer(word: string): UserError {
  return new UserError("NO_SUCH_CONTAINER", `no container ${JSON.stringify(word)} has a network`, {
    hint: "see them with: docker-cni ls",
  });
}

/** The same, and undefined when there is none. */
export function pickIfThere(views: readonly SandboxView[], word: string): SandboxView | undefined {
  const named = views.filter(({ name }) => name === word);
  const found = named.length > 0 ? named : views.filter(({ id }) => isPrefix(word, id));
  const [first, second] = found.toSorted((a) => (a.id === word ? -1 : 1));
  if (second === undefined || first?.id === word) return first;
  const names = found.map(({ id, name }) => `${id.slice(0, 12)} (${name ?? "no name"})`);
  throw new UserError("NO_SUCH_CONTAINER", `${JSON.stringify(word)} may be ${names.join(", ")}`, {
    hint: "give more of the id",
  });
}

function isPrefix(word: string, id: string): boolean {
  return word !== "" && id.startsWith(word);
}
