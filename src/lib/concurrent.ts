/** How many work beside each other: what is done for a sandbox is mostly waiting for plugins. */
const WORKERS = 4;

/** What `work` gives for each of `items`, in their order; a few are worked on at a time. Rejects with the first error. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [place, item] = next;
      results[place] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return results;
}
