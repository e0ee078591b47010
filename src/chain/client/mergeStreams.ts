/** Streams that are in one order as one in that order, of which no more is read than one item each beyond what is taken. */
export async function* mergeStreams<T>(
  streams: readonly AsyncGenerator<T, void>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T, void> {
  const heads: { stream: AsyncGenerator<T, void>; item: T }[] = [];
  try {
    for (const stream of streams) {
      const first = await stream.next();
      if (!first.done) heads.push({ stream, item: first.value });
    }
    while (heads.length > 0) {
      const head = heads.reduce((a, b) => (compare(b.item, a.item) < 0 ? b : a));
      yield head.item;
      const next = await head.stream.next();
      if (next.done) heads.splice(heads.indexOf(head), 1);
      else head.item = next.value;
    }
  } finally {
    for (const stream of streams) await stream.return();
  }
}
