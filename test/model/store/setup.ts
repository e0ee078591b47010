import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PIECE, packModel } from '#src/model/index.js';

/** Bytes that differ from place to place. */
export function content(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed + 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Files of a small model with every kind of length that BEP 52 treats in its own way. */
export const FILES: Readonly<Record<string, number>> = {
  'config.json': 100,
  'empty.txt': 0,
  'onnx/block.onnx': 16 * 1024,
  'onnx/model.onnx': 3 * PIECE + 12_345,
  'onnx/piece.onnx': PIECE,
  'tokenizer.json': PIECE - 1,
  'weights/deep/two.bin': 2 * PIECE,
};

/** Writes and packs a model with these files. */
export async function makeModel(dir: string, files = FILES, seed = 1) {
  for (const [path, size] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content(size, seed + size));
  }
  return packModel(dir, { name: 'a model', licence: 'MIT' });
}
