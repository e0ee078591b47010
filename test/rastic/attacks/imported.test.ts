import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel, inlineWeights, LanguageModel } from '#src/model/index.js';
import { GRAPH_VARIANTS, type GraphVariantName } from '#src/rastic/index.js';

let root: string;
let dir: string;
let graph: Uint8Array;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'bitmodel-imported-'));
  dir = join(root, 'tiny');
  const { file } = await importModel('fixtures/bitmodel-tiny', { out: dir });
  const path = join(dir, file);
  graph = inlineWeights(new Uint8Array(readFileSync(path)), dirname(path));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Logits after a few tokens. */
async function logitsOf(variant?: GraphVariantName): Promise<Float32Array> {
  const bytes = variant === undefined ? graph : GRAPH_VARIANTS[variant](graph);
  const model = await LanguageModel.open(dir, { graph: bytes, threads: 1 });
  const session = await model.session();
  const row = await session.feed(model.tokenizer.encode('Once upon a time'));
  await session.close();
  await model.close();
  return row;
}

describe('graphs that importing builds', () => {
  it.each<[GraphVariantName, number]>([
    ['int8', 0.2],
    ['int8-dynamic', 1],
    ['int4', 3],
    ['fewer-layers', 20],
  ])('can be sold as %s, too, so that calibrating and attacking know them', async (name, most) => {
    const honest = await logitsOf();
    const other = await logitsOf(name);
    const shift = other.reduce((far, z, v) => Math.max(far, Math.abs(z - honest[v]!)), 0);
    expect(shift).toBeGreaterThan(1e-3);
    expect(shift).toBeLessThan(most);
  });
});
