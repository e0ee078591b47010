import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LanguageModel } from '#src/model/index.js';

/** What transformers computed for a fixture. */
export interface Reference {
  readonly ids: number[];
  /** Of every position. */
  readonly logits: number[][];
}

const FIXTURES = 'fixtures/import';

/** A folder for a test file's models. */
export const makeRoot = (): string => mkdtempSync(join(tmpdir(), 'bitmodel-import-'));

/** A copy of a fixture with its tokenizer, as a model is downloaded. */
export function downloaded(root: string, name: string, as = name): string {
  const dir = join(root, as);
  cpSync(join(FIXTURES, name), dir, { recursive: true });
  cpSync(join(FIXTURES, 'tokenizer.json'), join(dir, 'tokenizer.json'));
  return dir;
}

export function referenceOf(name: string): Reference {
  return JSON.parse(readFileSync(join(FIXTURES, name, 'reference.json'), 'utf8')) as Reference;
}

/** Logits of all positions, computed in one run. */
export async function prefilled(model: LanguageModel, ids: readonly number[]): Promise<number[][]> {
  const rows: number[][] = [];
  const width = model.info.vocabularySize;
  await model.prefill(ids, {
    onLogits: (_first, logits) => {
      for (let at = 0; at < logits.length; at += width) {
        rows.push([...logits.subarray(at, at + width)]);
      }
    },
  });
  return rows;
}

/** Logits of all positions, computed token by token. */
export async function decoded(model: LanguageModel, ids: readonly number[]): Promise<number[][]> {
  const session = await model.session();
  const rows: number[][] = [];
  for (const id of ids) rows.push([...(await session.feed([id]))]);
  await session.close();
  return rows;
}

/** The greatest difference between two sets of logits. */
export function furthest(a: readonly number[][], b: readonly number[][]): number {
  let most = 0;
  for (const [i, row] of a.entries()) {
    for (const [v, z] of row.entries()) most = Math.max(most, Math.abs(z - b[i]![v]!));
  }
  return most;
}

/** How often both have the same greatest logit. */
export function agreement(a: readonly number[][], b: readonly number[][]): number {
  const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
  return a.filter((row, i) => best(row) === best(b[i]!)).length / a.length;
}

type Json = Record<string, unknown>;

/** Changes a folder's config.json. @returns the folder */
export function configure(dir: string, change: Json): string {
  const path = join(dir, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Json;
  writeFileSync(path, JSON.stringify({ ...config, ...change }));
  return dir;
}

/** Changes the header of a safetensors file, and its data where the change returns others. @returns the folder */
export function rewrite(
  dir: string,
  change: (header: Record<string, Json>, data: Buffer) => Buffer | undefined,
): string {
  const path = join(dir, 'model.safetensors');
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, Json>;
  const data = bytes.subarray(8 + length);
  const changed = change(header, data) ?? data;
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([head, text, changed]));
  return dir;
}
