/** So many at a time: enough to keep a node busy, few enough for its other callers. */
const AT_ONCE = 16;

/** As `Promise.all` over a list, a few at a time; the results in its order. */
export async function mapConcurrently<T, R>(
  list: readonly T[],
  each: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < list.length; at += AT_ONCE) {
    const some = list.slice(at, at + AT_ONCE);
    results.push(...(await Promise.all(some.map((item, i) => each(item, at + i)))));
  }
  return results;
}
