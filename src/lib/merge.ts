/** What any of these gives, as it comes. Ends with the first that ends, and rejects with the first that does. */
export async function* merge<T>(...sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = (place: number): Promise<{ place: number; result: IteratorResult<T> }> =>
    (iterators[place]?.next() ?? Promise.reject(new RangeError(`no source ${place}`))).then(
      (result) => ({ place, result }),
    );
  const waiting = new Map(iterators.map((_, place) => [place, next(place)]));
  for (;;) {
    const { place, result } = await Promise.race(waiting.values());
    if (result.done === true) return;
    // Asked for before it is worked on, so that nothing is lost; behind the others, so that each has its turn.
    waiting.delete(place);
    waiting.set(place, next(place));
    yield result.value;
  }
}
