import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '#src/base/index.js';
import { identifyBytes, identifyFiles, modelId } from '#src/model/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-source-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('the id of anything with bytes', () => {
  it.each([
    // made apart by a few lines of Python after BEP 52; libtorrent 2 reads the torrent, names the same hash and checks the file
    [
      utf8('Attention is all you need.\n'),
      'fa94a51ad6d325382023a73a8e5d159250d162cc92ab975edb680fcf7726b0b6',
    ],
    [pattern(1 << 20), 'b064e9cff37509412190205813531638ee66a3e3507a3ffd0f80d0dc79a57219'],
    [
      pattern(3 * (1 << 20) + 5),
      '80287c7cedb9e5601868670bb9eb3f2e38639ce878ee69955e1b2a7e0c10e4e9',
    ],
  ])('is the BitTorrent v2 info hash of a torrent of one file (%#)', async (bytes, id) => {
    expect(identifyBytes(bytes).id).toBe(id);
    expect((await identifyFiles(file('paper.pdf', bytes))).id).toBe(id);
  });

  it('is of a file its bytes alone, whatever it is called', async () => {
    const [a, b] = await Promise.all(
      ['a.txt', '.b.torrent'].map((name) => identifyFiles(file(name, utf8('same')))),
    );
    expect(a!.id).toBe(b!.id);
  });

  it("is of a folder that of the same folder as a model, needing none of a model's files", async () => {
    const inside = join(folder, 'data');
    mkdirSync(join(inside, 'part'), { recursive: true });
    writeFileSync(join(inside, 'part', 'one.csv'), '1,2\n');
    const found = await identifyFiles(inside);
    expect(found.id).toBe(await modelId(inside));
    expect(found.files.map(({ path }) => path)).toEqual(['part/one.csv']);
    expect(found.size).toBe(4);
  });

  it('is the same from memory and from a file, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40_000 }), async (bytes) => {
        expect(identifyBytes(bytes).id).toBe((await identifyFiles(file('any', bytes))).id);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['nothing there', () => join(folder, 'absent'), 'NO_SUCH_FILE'],
    ['an empty file', () => file('empty', new Uint8Array(0)), 'EMPTY_SOURCE'],
    [
      'a link',
      () => {
        symlinkSync(file('target', utf8('x')), join(folder, 'link'));
        return join(folder, 'link');
      },
      'BAD_BUNDLE_FILE',
    ],
  ])('is not taken of %s', async (_what, make, code) => {
    await expect(identifyFiles(make())).rejects.toMatchObject({ code });
  });
});
