/** `fine`: ✓. `warning`: it works, and is not as it should be. `broken`: containers fail or will, or something is left behind. */
export type Status = "fine" | "warning" | "broken";

/** What a check found. */
export interface Finding {
  status: Status;
  /** What was looked at, a few words. */
  title: string;
  /** What was found, and what follows from it. May hold others' words: for a terminal see `printable`. */
  detail: string;
  remedy?: Remedy;
}

/** Commands that put it right, one after another. */
export interface Remedy {
  /** Argument lists. The command `docker-cni` is the launcher that the doctor was called by, with its configuration. */
  steps: readonly (readonly string[])[];
  /** What a person types where an argument list is not enough: a file that is to be written or edited. */
  text?: string;
  /**
   * `--fix` runs it: it changes what is docker-cni's own, and takes nothing from a container that exists. `locked`: while no
   * operation on a network is under way, after the check has found the same again.
   */
  safe?: boolean | "locked";
}

export function fine(title: string, detail: string): Finding {
  return { status: "fine", title, detail };
}

export function warning(title: string, detail: string, remedy?: Remedy): Finding {
  return { status: "warning", title, detail, ...(remedy && { remedy }) };
}

/** What is broken has a remedy. */
export function broken(title: string, detail: string, remedy: Remedy): Finding {
  return { status: "broken", title, detail, remedy };
}

/** A remedy of one command. */
export function command(...argv: string[]): Remedy {
  return { steps: [argv] };
}

/** A remedy that `--fix` runs. */
export function ownCommand(...argv: string[]): Remedy {
  return { steps: [argv], safe: true };
}

/** A remedy that only a person can carry out, as the line to type. */
export function byHand(text: string): Remedy {
  return { steps: [], text };
}

/** The remedy as a line for a shell. */
export function describeRemedy({ steps, text }: Remedy): string {
  return text ?? steps.map((argv) => argv.map(quoted).join(" ")).join(" && ");
}

/** A word as sh(1) reads it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
