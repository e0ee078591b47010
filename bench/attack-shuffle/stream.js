import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LanguageModel } from '../../dist/model/index.js';
import { referToFile } from '../../dist/model/onnx/selectRows.js';
import { memorySource } from '../../dist/model/onnx/wire.js';
import { weightLayout } from '../../dist/model/protect/layout.js';
import { shapesOf } from './shapes.js';

/** A binary32 model in one file, its weights as one row of numbers, as shuffling sees them. */
export class WeightRow {
  constructor(dir, file) {
    this.dir = dir;
    this.file = file;
    this.bytes = readFileSync(join(dir, file));
    const layout = weightLayout(memorySource(this.bytes));
    const group = layout.groups.find(({ type }) => type === 1);
    if (layout.groups.length !== 1 || layout.files.length !== 1 || !group) {
      throw new Error('The attack takes binary32 models in one file.');
    }
    this.spans = group.spans;
    this.total = group.total;
    const shapes = shapesOf(this.bytes);
    let at = 0;
    /** What the public architecture tells: where each tensor begins in the row, and how long its own rows are. */
    this.tensors = group.spans.map(({ start, end }) => {
      const dims = shapes.get(start);
      const length = (end - start) / 4;
      const tensor = { start: at, length, columns: dims.length > 1 ? dims.at(-1) : 1 };
      at += length;
      return tensor;
    });
  }

  read() {
    const row = new Float32Array(this.total);
    const into = Buffer.from(row.buffer);
    let at = 0;
    for (const { start, end } of this.spans) at += this.bytes.copy(into, at, start, end);
    return row;
  }

  /** The model with other weights, in memory. */
  async open(row) {
    const bytes = Buffer.allocUnsafeSlow(this.bytes.length);
    this.bytes.copy(bytes);
    const from = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
    let at = 0;
    for (const { start, end } of this.spans) at += from.copy(bytes, start, at, at + end - start);
    return LanguageModel.open(this.dir, {
      file: this.file,
      threads: 2,
      graph: referToFile(memorySource(this.bytes), basename(this.file)),
      external: [{ path: basename(this.file), data: bytes }],
    });
  }
}

/** Shuffles a row as `model protect` does. @returns the row, and of each element where it was */
export function shuffled(row, { taken, placed, order }) {
  const out = new Float32Array(row.length);
  const origin = new Uint32Array(row.length);
  let from = 0;
  let nextTaken = 0;
  let nextPlaced = 0;
  for (let i = 0; i < row.length; i++) {
    if (placed[nextPlaced] === i) origin[i] = taken[order[nextPlaced++]];
    else {
      while (taken[nextTaken] === from) {
        from++;
        nextTaken++;
      }
      origin[i] = from++;
    }
    out[i] = row[origin[i]];
  }
  return { out, origin };
}

/** Perplexity of a model on ids, in nats per token under the exponential. */
export async function perplexityOf(model, ids) {
  let surprise = 0;
  const width = model.info.vocabularySize;
  await model.prefill(ids.slice(0, -1), {
    onLogits: (first, logits) => {
      for (let row = 0; row * width < logits.length; row++) {
        const scores = logits.subarray(row * width, (row + 1) * width);
        let top = Number.NEGATIVE_INFINITY;
        for (const score of scores) top = Math.max(top, score);
        let sum = 0;
        for (const score of scores) sum += Math.exp(score - top);
        surprise += top + Math.log(sum) - scores[ids[first + row + 1]];
      }
    },
  });
  await model.close();
  return Math.exp(surprise / (ids.length - 1));
}
