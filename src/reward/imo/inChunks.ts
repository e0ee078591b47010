/** What a stream gives, so many at a time, so that they can be asked about together. */
export async function* inChunks<T>(
  stream: AsyncIterable<T>,
  size: number,
): AsyncGenerator<readonly T[], void> {
  let chunk: T[] = [];
  for await (const item of stream) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
