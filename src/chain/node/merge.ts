/**
 * Lists in one order as one list in that order, of which no more is read than is asked for.
 * @param compare 0 for two that stand at one place: both are given, that of the earlier list first
 */
export function* mergeOrdered<T>(
  lists: readonly Iterator<T, void>[],
  compare: (a: T, b: T) => number,
): Generator<T, void> {
  const heads: { list: Iterator<T, void>; item: T }[] = [];
  for (const list of lists) {
    const first = list.next();
    if (!first.done) heads.push({ list, item: first.value });
  }
  while (heads.length > 0) {
    let least = 0;
    for (let at = 1; at < heads.length; at++) {
      if (compare(heads[at]!.item, heads[least]!.item) < 0) least = at;
    }
    const head = heads[least]!;
    yield head.item;
    const next = head.list.next();
    if (next.done) heads.splice(least, 1);
    else head.item = next.value;
  }
}
