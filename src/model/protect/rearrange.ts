import type { Block, FileBlocks } from './blocks.js';
import type { WeightGroup, WeightLayout } from './layout.js';
import type { Moves } from './moves.js';
import type { ByteSink } from './sinks.js';

/** Elements further apart than this are read one by one rather than with all that lies between them. */
const SPARSE = 1 << 20;

/** Walks the bytes of a group's spans as one row. */
class RowCursor {
  readonly #group: WeightGroup;
  #span = 0;
  /** Bytes of the row before the span. */
  #before = 0;

  constructor(group: WeightGroup) {
    this.#group = group;
  }

  /** Where a byte of the row lies, and how many follow it in the same span. Never asked to go back. */
  at(byte: number): { readonly file: number; readonly offset: number; readonly left: number } {
    for (;;) {
      const { file, start, end } = this.#group.spans[this.#span]!;
      const inside = byte - this.#before;
      if (inside < end - start) return { file, offset: start + inside, left: end - start - inside };
      this.#before += end - start;
      this.#span += 1;
    }
  }
}

/** Reads the elements that are to be moved. @returns them one after the other, as `taken` has them */
async function gather(blocks: FileBlocks, group: WeightGroup, moves: Moves): Promise<Buffer> {
  const { width } = group;
  const { taken } = moves;
  const values = Buffer.allocUnsafeSlow(taken.length * width);
  const cursor = new RowCursor(group);
  const sparse = (moves.total * width) / Math.max(1, taken.length) > SPARSE;
  let block: Block | undefined;
  let inFile = -1;
  for (let i = 0; i < taken.length; i++) {
    const { file, offset } = cursor.at(taken[i]! * width);
    const into = i * width;
    if (sparse) {
      await blocks.read(file, offset, values.subarray(into, into + width));
      continue;
    }
    for (let done = 0; done < width; ) {
      const at = offset + done;
      if (!block || inFile !== file || at >= block.end || at < block.start) {
        const found = blocks.at(file, at);
        block = found instanceof Promise ? await found : found;
        inFile = file;
      }
      const end = Math.min(block.end, offset + width);
      done += block.bytes.copy(values, into + done, at - block.start, end - block.start);
    }
  }
  return values;
}

/**
 * One row of elements on its way from the old order to the new one: whole runs are copied between two cuts, so the time is
 * that of copying, not of the number of elements times that of moves.
 */
class Rearranger {
  readonly #blocks: FileBlocks;
  readonly #width: number;
  readonly #moves: Moves;
  readonly #values: Buffer;
  readonly #cursor: RowCursor;
  /** Bytes of the row, read and written so far. */
  #in = 0;
  #out = 0;
  #nextTaken = 0;
  #nextPlaced = 0;
  /** Bytes of the element under way that is being put in. */
  #put = 0;

  constructor(blocks: FileBlocks, group: WeightGroup, moves: Moves, values: Buffer) {
    this.#blocks = blocks;
    this.#width = group.width;
    this.#moves = moves;
    this.#values = values;
    this.#cursor = new RowCursor(group);
  }

  #insert(sink: ByteSink, length: number): number {
    const from = this.#moves.order[this.#nextPlaced]! * this.#width + this.#put;
    const count = Math.min(this.#width - this.#put, length, sink.buffer.length - sink.used);
    sink.used += this.#values.copy(sink.buffer, sink.used, from, from + count);
    this.#put += count;
    if (this.#put === this.#width) {
      this.#put = 0;
      this.#nextPlaced += 1;
    }
    return count;
  }

  /** Bytes up to the next element of a list, as far as there is one. */
  #until(list: Float64Array, index: number, position: number): number {
    return index < list.length ? list[index]! * this.#width - position : Number.POSITIVE_INFINITY;
  }

  /** Writes the next `length` bytes of the row. */
  async write(sink: ByteSink, length: number): Promise<void> {
    const { taken, placed } = this.#moves;
    let left = length;
    let block: Block | undefined;
    let inFile = -1;
    while (left > 0) {
      if (sink.used === sink.buffer.length) await sink.flush();
      const untilPlaced = this.#until(placed, this.#nextPlaced, this.#out - this.#put);
      if (untilPlaced === 0) {
        const count = this.#insert(sink, left);
        this.#out += count;
        left -= count;
        continue;
      }
      const untilTaken = this.#until(taken, this.#nextTaken, this.#in);
      if (untilTaken === 0) {
        this.#in += this.#width;
        this.#nextTaken += 1;
        continue;
      }
      const { file, offset, left: inSpan } = this.#cursor.at(this.#in);
      if (!block || inFile !== file || offset >= block.end || offset < block.start) {
        const found = this.#blocks.at(file, offset);
        block = found instanceof Promise ? await found : found;
        inFile = file;
      }
      const count = Math.min(
        left,
        untilPlaced,
        untilTaken,
        inSpan,
        block.end - offset,
        sink.buffer.length - sink.used,
      );
      const from = offset - block.start;
      block.bytes.copy(sink.buffer, sink.used, from, from + count);
      sink.used += count;
      this.#in += count;
      this.#out += count;
      left -= count;
    }
  }
}

async function copyPlain(
  blocks: FileBlocks,
  file: number,
  start: number,
  end: number,
  sink: ByteSink,
): Promise<void> {
  for (let at = start; at < end; ) {
    if (sink.used === sink.buffer.length) await sink.flush();
    const found = blocks.at(file, at);
    const block = found instanceof Promise ? await found : found;
    const stop = Math.min(block.end, end, at + sink.buffer.length - sink.used);
    sink.used += block.bytes.copy(sink.buffer, sink.used, at - block.start, stop - block.start);
    at = stop;
  }
}

/** Who is told how far it is, and who can end it. */
export interface RearrangeOptions {
  readonly onBytes?: ((count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes files with their weights rearranged and everything else as it is.
 * @param moves of each group of the layout
 * @param sinkOf makes the place for a file; closed when it is written
 */
export async function rearrange(
  blocks: FileBlocks,
  layout: WeightLayout,
  moves: readonly Moves[],
  sinkOf: (file: number) => Promise<ByteSink>,
  options: RearrangeOptions = {},
): Promise<void> {
  const rows: Rearranger[] = [];
  for (const [i, group] of layout.groups.entries()) {
    const values = await gather(blocks, group, moves[i]!);
    rows.push(new Rearranger(blocks, group, moves[i]!, values));
  }
  const spans = layout.groups
    .flatMap((group, i) => group.spans.map((span) => ({ ...span, row: rows[i]! })))
    .sort((a, b) => a.file - b.file || a.start - b.start);
  for (let file = 0; file < layout.files.length; file++) {
    const sink = await sinkOf(file);
    try {
      let at = 0;
      for (const span of spans.filter((other) => other.file === file)) {
        options.signal?.throwIfAborted();
        await copyPlain(blocks, file, at, span.start, sink);
        await span.row.write(sink, span.end - span.start);
        options.onBytes?.(span.end - at);
        at = span.end;
      }
      await copyPlain(blocks, file, at, blocks.sizes[file]!, sink);
      options.onBytes?.(blocks.sizes[file]! - at);
    } finally {
      await sink.close();
    }
  }
}
