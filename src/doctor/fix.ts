import { describeRemedy, type Remedy } from "./finding.ts";
import { examineAgain, type Found } from "./examine.ts";
import type { Subject } from "./subject.ts";

/** A remedy that was run. */
export interface Fixed {
  check: string;
  title: string;
  command: string;
  /** Why it did not work. */
  error?: string;
}

export interface FixOptions {
  /** A subject that knows nothing of what was seen before. */
  freshSubject: () => Subject;
  /** Runs what must not come between an operation on a network. */
  locked: <T>(work: () => Promise<T>) => Promise<T>;
  /** Told of each remedy before it is run. */
  onStart: (fixed: Fixed) => void;
}

/** Runs the remedies that are safe, in order, each once. */
export async function fixAll(
  found: readonly Found[],
  { freshSubject, locked, onStart }: FixOptions,
): Promise<Fixed[]> {
  const done = new Map<string, Fixed>();
  for (const finding of found) {
    const { remedy, status, check, title } = finding;
    if (status === "fine" || remedy?.safe === undefined || remedy.safe === false) continue;
    const fixed: Fixed = { check, title, command: describeRemedy(remedy) };
    if (done.has(fixed.command)) continue;
    done.set(fixed.command, fixed);
    onStart(fixed);
    const error =
      remedy.safe === "locked"
        ? await locked(() => runIfStill(freshSubject(), finding, fixed.command))
        : await run(freshSubject(), remedy);
    if (error !== undefined) fixed.error = error;
  }
  return [...done.values()];
}

/** Only when the check finds the very same again. */
async function runIfStill(subject: Subject, finding: Found, was: string) {
  const again = await examineAgain(subject, finding);
  const still = again.find(({ remedy }) => remedy !== undefined && describeRemedy(remedy) === was);
  return still?.remedy === undefined ? undefined : run(subject, still.remedy);
}

async function run(subject: Subject, { steps }: Remedy): Promise<string | undefined> {
  for (const [command = "", ...args] of steps) {
    const argv = command === "docker-cni" ? [...launcherOf(subject), ...args] : [command, ...args];
    const { code, stdout, stderr } = await subject.host.run(argv);
    if (code !== 0) return (stderr || stdout).trim() || `exit status ${code ?? "unknown"}`;
  }
  return undefined;
}

function launcherOf({ launcher, configFile, configError, host }: Subject): string[] {
  const hasConfig = configError === undefined && host.stat(configFile) !== undefined;
  return hasConfig ? [launcher, "--config", configFile, "--"] : [launcher, "--"];
}
