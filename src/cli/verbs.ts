/** The commands of ours that the launcher knows. */
export const operatorVerbs: ReadonlySet<string> = new Set([
  "ls",
  "inspect",
  "check",
  "heal",
  "gc",
  "trace",
]);

/** Whether the word is a command of ours and not the low-level runtime's. */
export function isOperatorVerb(word: string | undefined): boolean {
  return word !== undefined && operatorVerbs.has(word);
}
