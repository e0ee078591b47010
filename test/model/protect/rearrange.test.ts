import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileBlocks } from '#src/model/protect/blocks.js';
import type { WeightGroup, WeightLayout } from '#src/model/protect/layout.js';
import { drawMoves, inverseOf, type Moves } from '#src/model/protect/moves.js';
import { rearrange } from '#src/model/protect/rearrange.js';
import { MemorySink } from '#src/model/protect/sinks.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-rearrange-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function through(
  contents: readonly Uint8Array[],
  layout: WeightLayout,
  moves: readonly Moves[],
): Promise<Buffer[]> {
  const paths = contents.map((bytes, i) => {
    const path = join(dir, `${i}`);
    writeFileSync(path, bytes);
    return path;
  });
  const blocks = await FileBlocks.open(paths);
  const sinks: MemorySink[] = [];
  try {
    await rearrange(blocks, layout, moves, async (file) => {
      sinks[file] = new MemorySink(blocks.sizes[file]!);
      return sinks[file];
    });
  } finally {
    await blocks.close();
  }
  return sinks.map(({ buffer }) => buffer);
}

interface Tensor {
  readonly group: number;
  readonly elements: number;
  /** Bytes between the tensor before it and this one. */
  readonly gap: number;
}

const WIDTHS = [1, 2, 4];
const tensor = fc.record({
  group: fc.nat(2),
  elements: fc.integer({ min: 1, max: 300 }),
  gap: fc.nat(7),
});

function layoutOf(files: readonly (readonly Tensor[])[]): {
  layout: WeightLayout;
  sizes: number[];
} {
  const spans: { group: number; file: number; start: number; end: number }[] = [];
  const sizes = files.map((tensors, file) => {
    let at = 0;
    for (const { group, elements, gap } of tensors) {
      const start = at + gap;
      at = start + elements * WIDTHS[group]!;
      spans.push({ group, file, start, end: at });
    }
    return at + 3;
  });
  const groups = WIDTHS.map((width, index): WeightGroup => {
    const own = spans.filter(({ group }) => group === index);
    const total = own.reduce((sum, { start, end }) => sum + end - start, 0) / width;
    return { type: index, width, spans: own, total };
  }).filter(({ total }) => total > 0);
  return { layout: { files: files.map((_, i) => `${i}`), groups }, sizes };
}

describe('rearranging files', () => {
  it('and back gives the same bytes, for any tensors, types and number of moves', async () => {
    const files = fc.array(fc.array(tensor, { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(files, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, share) => {
        const { layout, sizes } = layoutOf(shape);
        const before = sizes.map((size, i) =>
          Uint8Array.from({ length: size }, (_, at) => at * 7 + i),
        );
        const moves = layout.groups.map(({ total }) =>
          drawMoves(Math.max(1, Math.round(total * share)), total),
        );
        const there = await through(before, layout, moves);
        const back = await through(there, layout, moves.map(inverseOf));
        expect(back.map((bytes) => Uint8Array.from(bytes))).toEqual(before);
        // what is no weight stays where it is
        const weights = layout.groups.flatMap(({ spans }) => spans);
        there.forEach((bytes, file) => {
          const own = weights.filter((span) => span.file === file);
          bytes.forEach((byte, at) => {
            if (own.some(({ start, end }) => at >= start && at < end)) return;
            expect(byte).toBe(before[file]![at]);
          });
        });
      }),
      { numRuns: 60 },
    );
  });

  it('shifts all that lies between two moves, by the definition', async () => {
    const row = Uint32Array.from({ length: 10 }, (_, i) => i);
    const layout: WeightLayout = {
      files: ['one'],
      groups: [{ type: 1, width: 4, spans: [{ file: 0, start: 0, end: 40 }], total: 10 }],
    };
    const moves: Moves = {
      total: 10,
      taken: Float64Array.of(1, 7),
      placed: Float64Array.of(4, 9),
      order: Uint32Array.of(1, 0),
    };
    const [out] = await through([new Uint8Array(row.buffer)], layout, [moves]);
    expect([...new Uint32Array(out!.buffer, out!.byteOffset, 10)]).toEqual([
      0, 2, 3, 4, 7, 5, 6, 8, 9, 1,
    ]);
  });

  it('crosses the ends of what is read and written at a time', async () => {
    const size = (9 << 20) + 6;
    const before = Uint8Array.from({ length: size }, (_, at) => (at * 2_654_435_761) >>> 24);
    // an odd start, so that elements lie across the blocks
    const spans = [{ file: 0, start: 3, end: 3 + (9 << 20) }];
    const layout: WeightLayout = {
      files: ['one'],
      groups: [{ type: 1, width: 4, spans, total: (9 << 20) / 4 }],
    };
    for (const count of [3, 50_000]) {
      const moves = drawMoves(count, layout.groups[0]!.total);
      const [there] = await through([before], layout, [moves]);
      expect(Buffer.compare(there!, before)).not.toBe(0);
      const [back] = await through([there!], layout, [inverseOf(moves)]);
      expect(Buffer.compare(back!, before)).toBe(0);
    }
  });
});
