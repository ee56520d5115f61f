/**
 * The word of `known` that `word` was most likely meant to be, or undefined when none is near. Case, and what is neither
 * letter nor digit, do not count: `cniBinDir` and `cni-bin-dir` are `cni_bin_dir`.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const bare = lettersOf(word);
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(bare, lettersOf(candidate));
    if (distance < (best?.distance ?? Infinity)) best = { word: candidate, distance };
  }
  const allowed = Math.max(1, Math.floor(bare.length / 3));
  return best !== undefined && best.distance <= allowed ? best.word : undefined;
}

function lettersOf(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** Fewest insertions, deletions, replacements and swaps of neighbours that make `to` of `from`. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) {
        cost = Math.min(cost, at(beforePrevious, column - 2) + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
