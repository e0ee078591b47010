import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashFile, hashFiles } from '#src/model/bundle/hashFiles.js';
import { PIECE, pieceHash } from '#src/model/bundle/merkle.js';
import { hashSpan } from '#src/model/bundle/span.js';
import { stampOf } from '#src/model/bundle/stamp.js';
import { modelId } from '#src/model/index.js';
import { LONG_TESTS, timeLimit } from '../../long.js';
import { Folder, withoutRights } from './folder.js';

/** Root of a file's tree, straight from BEP 52: all leaves, padded with zeros to a power of two, hashed in pairs. */
function rootOf(bytes: Uint8Array): Uint8Array | undefined {
  const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();
  let layer: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 16_384)
    layer.push(sha256(bytes.subarray(at, at + 16_384)));
  if (layer.length === 0) return undefined;
  while (!Number.isInteger(Math.log2(layer.length))) layer.push(new Uint8Array(32));
  while (layer.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < layer.length; i += 2)
      above.push(sha256(Buffer.concat([layer[i]!, layer[i + 1]!])));
    layer = above;
  }
  return layer[0];
}

function content(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32LE((i * 2_654_435_761 + seed) >>> 0, i);
  return bytes;
}

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

function found(path: string) {
  return { path, stamp: stampOf(lstatSync(path, { bigint: true })) };
}

describe('hashing files', () => {
  it("comes to BEP 52's trees with any number of threads, for every kind of length", async () => {
    const sizes = [0, 1, 16_384, 16_385, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 37 * PIECE + 5];
    const bytes = sizes.map((size, i) => content(size, i));
    const files = bytes.map((each, i) => found(folder.put(`f${i}`, each)));
    const roots = bytes.map((each) => rootOf(each));
    for (const threads of [0, 1, 3]) {
      const trees = await hashFiles(files, { threads });
      expect(trees.map(({ root }) => root && Buffer.from(root))).toEqual(roots);
      expect(trees.map(({ pieces }) => pieces?.length)).toEqual(
        sizes.map((size) => (size > PIECE ? Math.ceil(size / PIECE) * 32 : undefined)),
      );
    }
  });

  it('comes to the same trees for random files, alone and together', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 * PIECE }), { minLength: 1, maxLength: 6 }),
        async (sizes) => {
          const bytes = sizes.map((size, i) => content(size, size + i));
          const files = bytes.map((each, i) => found(folder.put(`r${i}`, each)));
          const trees = await hashFiles(files);
          expect(trees.map(({ root }) => root && Buffer.from(root))).toEqual(
            bytes.map((each) => rootOf(each)),
          );
        },
      ),
      { numRuns: 15 },
    );
  });

  it('counts every byte once', async () => {
    const files = [0, 5, 20 * PIECE, 19 * PIECE + 7].map((size, i) =>
      found(folder.put(`f${i}`, content(size, i))),
    );
    for (const threads of [0, 2]) {
      let bytes = 0;
      await hashFiles(files, { threads, onBytes: (count) => (bytes += count) });
      expect(bytes).toBe(39 * PIECE + 12);
    }
  });

  it('reads beyond 4 GiB, where 32 bits end', () => {
    const path = folder.at('sparse');
    const end = 2 ** 32 + 2 * PIECE;
    const last = content(PIECE + 9, 4);
    const file = openSync(path, 'w');
    writeSync(file, last, 0, last.length, end);
    closeSync(file);
    const { stamp } = found(path);
    expect(stamp.size).toBe(end + last.length);
    const hashes = hashSpan({ path, stamp, offset: end - PIECE, length: PIECE + last.length });
    const pieces = [Buffer.alloc(PIECE), last.subarray(0, PIECE), last.subarray(PIECE)];
    expect(hashes).toEqual(pieces.map(pieceHash));
  });

  it.runIf(LONG_TESTS)(
    'hashes a file of 5 GB (sparse), one of its last bytes too',
    async () => {
      const path = folder.put('big', '');
      const file = openSync(path, 'r+');
      ftruncateSync(file, 5_000_000_000);
      closeSync(file);
      const empty = await hashFile(path);
      expect(empty.pieces).toHaveLength(Math.ceil(5_000_000_000 / PIECE) * 32);
      const again = openSync(path, 'r+');
      writeSync(again, Buffer.from([1]), 0, 1, 4_999_999_999);
      closeSync(again);
      const changed = await hashFile(path);
      const differ = Array.from({ length: changed.pieces!.length / 32 }, (_, i) => i).filter((i) =>
        Buffer.compare(
          changed.pieces!.subarray(i * 32, i * 32 + 32),
          empty.pieces!.subarray(i * 32, i * 32 + 32),
        ),
      );
      expect(differ).toEqual([4768]);
    },
    timeLimit(240_000),
  );

  it('ends when it is told to, with threads and without', async () => {
    const files = [found(folder.put('f', content(60 * PIECE, 1)))];
    for (const threads of [0, 2]) {
      const abort = new AbortController();
      const hashing = hashFiles(files, {
        threads,
        signal: abort.signal,
        onBytes: () => abort.abort(),
      });
      await expect(hashing).rejects.toMatchObject({ name: 'AbortError' });
    }
  });
});

describe('a file that does not stay as it was found', () => {
  const changes: readonly (readonly [string, (path: string) => void])[] = [
    ['grows', (path) => appendFileSync(path, 'x')],
    ['shrinks', (path) => truncateSync(path, 5)],
    ['vanishes', (path) => rmSync(path)],
    [
      'becomes another file',
      (path) => renameSync(folder.put('other', content(9 * PIECE, 1)), path),
    ],
    [
      'becomes a link',
      (path) => {
        renameSync(path, `${path}.away`);
        symlinkSync(`${path}.away`, path);
      },
    ],
    [
      'is written to, with its time set back',
      (path) => {
        const { atime, mtime } = lstatSync(path);
        const file = openSync(path, 'r+');
        writeSync(file, 'x', 3);
        closeSync(file);
        utimesSync(path, atime, mtime);
      },
    ],
  ];

  it.each(changes)('is refused: it %s', async (_, change) => {
    for (const threads of [0, 1]) {
      const path = folder.put('weights', content(9 * PIECE, 1));
      const file = found(path);
      change(path);
      await expect(hashFiles([file], { threads })).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    }
  });

  it('is refused when that happens after its last byte was read, while others are', async () => {
    folder.put('a', content(PIECE, 1));
    folder.put('b', content(9 * PIECE, 2));
    const options = { onProgress: (done: number) => done > 8 * PIECE && folder.put('a', 'new') };
    await expect(modelId(folder.path, options as never)).rejects.toMatchObject({
      code: 'FILE_CHANGED',
    });
  });

  it.each([
    ['appears', () => folder.put('z/new', 'x')],
    ['vanishes', () => rmSync(folder.at('a'))],
  ])('makes a folder refused in which a file %s meanwhile', async (_, change) => {
    folder.put('a', 'a');
    folder.put('b', content(5 * PIECE, 2));
    let isDone = false;
    const onProgress = (): void => {
      if (!isDone) change();
      isDone = true;
    };
    await expect(modelId(folder.path, { onProgress })).rejects.toMatchObject({
      code: 'FILE_CHANGED',
    });
  });

  it('is told apart from one that may not be read', async () => {
    const path = folder.put('secret', 'x');
    chmodSync(folder.path, 0o755);
    chmodSync(path, process.getuid?.() === 0 ? 0o600 : 0);
    const file = found(path);
    for (const threads of [0, 1]) {
      const hashing = withoutRights(() => hashFiles([file], { threads }));
      await expect(hashing).rejects.toMatchObject({
        code: 'UNREADABLE_FILE',
        message: expect.stringContaining('no permission'),
        next: expect.stringContaining('chmod'),
      });
    }
  });
});
