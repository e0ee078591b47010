import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import protobuf from 'protobufjs/minimal.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import { inlineWeights, LanguageModel } from '#src/model/index.js';
import { readOnnx, writeOnnx } from '#src/model/onnx/graph.js';
import { readFloats, writeTensor } from '#src/model/onnx/tensor.js';
import { displace } from '#src/rastic/attacks/variants/changedWeights.js';
import {
  bypassLayers,
  GRAPH_VARIANTS,
  type GraphVariant,
  type GraphVariantName,
  noised,
  positionsOffByOne,
  shifted,
} from '#src/rastic/index.js';
import { cases } from '../../long.js';

const DIR = 'fixtures/bitmodel-tiny';
const file = new Uint8Array(readFileSync(`${DIR}/onnx/model.onnx`));
const DRAWN = { temperatureMilli: 1000, topK: 0, topPMilli: 1000 };
const TOKENS = 120;

const digest = (bytes: Uint8Array): string => toHex(sha256(bytes));
const sameRows = (a: Rows['logits'], b: Rows['logits']): boolean =>
  a.length === b.length && a.every((row, i) => row.every((z, v) => z === b[i]![v]));

let text: number[];
let start: number;
let honest: Rows;
interface Rows {
  readonly logits: Float32Array[];
  readonly perplexity: number;
  readonly numericClass: string;
}

/** Logits along a text that the honest model drew, and the text's perplexity. */
async function rowsOf(graph: Uint8Array): Promise<Rows> {
  const model = await LanguageModel.open(DIR, { threads: 1, graph });
  const logits: Float32Array[] = [];
  // in blocks, so that a cache is read back
  await model.prefill(text.slice(0, -1), {
    from: start,
    chunk: 16,
    onLogits: (_, rows) => {
      const width = model.info.vocabularySize;
      for (let at = 0; at < rows.length; at += width) logits.push(rows.slice(at, at + width));
    },
  });
  await model.close();
  let sum = 0;
  for (const [i, row] of logits.entries()) {
    const total = row.reduce((mass, z) => mass + Math.exp(z), 0);
    sum += Math.log(total) - row[text[start + i + 1]!]!;
  }
  const { numericClass } = model.info;
  return { logits, perplexity: Math.exp(sum / logits.length), numericClass };
}

const farthest = (rows: Rows): number =>
  Math.max(
    ...rows.logits.map((row, i) =>
      row.reduce((most, z, v) => Math.max(most, Math.abs(z - honest.logits[i]![v]!)), 0),
    ),
  );

beforeAll(async () => {
  const model = await LanguageModel.open(DIR, { threads: 1 });
  const promptIds = model.tokenizer.encode('The people of the United States');
  const seed = new Uint8Array(32).fill(7);
  const made = await model.generate({
    promptIds,
    sampling: DRAWN,
    seed,
    maxTokens: TOKENS,
    stop: [],
  });
  await model.close();
  text = [...promptIds, ...made.ids];
  start = promptIds.length - 1;
  honest = await rowsOf(file);
});

/** By how much each may differ: the greatest difference of a logit lies between these, perplexity changes by at most a factor. */
const BOUNDS: Record<GraphVariantName, [least: number, most: number, factor: number]> = {
  fp16: [0.001, 0.1, 1.002],
  int8: [0.02, 1, 1.02],
  'int8-activations': [0.02, 2, 1.02],
  'int8-dynamic': [0.1, 5, 1.1],
  'int8-cache': [0.005, 5, 1.02],
  int4: [0.5, 10, 1.2],
  'fine-tuned': [0.3, 10, 1.05],
  'earlier-version': [1, 30, 2],
  'fewer-layers': [1, 30, 3],
  'half-the-layers': [1, 60, 20],
  'locked-weights': [5, 100, 1e5],
};

describe('a model made of the same weights', () => {
  it.each(Object.entries(GRAPH_VARIANTS))(
    '%s runs, differs, and is as good as it is meant to be',
    async (name, variant) => {
      const [least, most, factor] = BOUNDS[name as GraphVariantName];
      const before = digest(file);
      const rows = await rowsOf(variant(file));
      expect(digest(file)).toBe(before);
      expect(rows.logits.every((row) => row.every(Number.isFinite))).toBe(true);
      const difference = farthest(rows);
      expect(difference).toBeGreaterThan(least);
      expect(difference).toBeLessThan(most);
      expect(rows.perplexity / honest.perplexity).toBeLessThan(factor);
      expect(rows.perplexity / honest.perplexity).toBeGreaterThan(0.9);
    },
  );

  it('is of another numeric class and smaller where it is quantised', async () => {
    const sizes = ['int8', 'int4'] as const;
    const made = await Promise.all(sizes.map((name) => rowsOf(GRAPH_VARIANTS[name](file))));
    expect(made.map(({ numericClass }) => numericClass)).toEqual(['int8/0/cpu', 'q4/0/cpu']);
    expect(GRAPH_VARIANTS.int8(file).length).toBeLessThan(file.length / 2);
    expect(GRAPH_VARIANTS.int4(file).length).toBeLessThan(file.length / 3);
  });

  it('is the same bytes for the same seed, and others for another', () => {
    for (const make of [(seed: string) => noised(0.01, seed), shifted]) {
      expect(digest(make('a')(file))).toBe(digest(make('a')(file)));
      expect(digest(make('a')(file))).not.toBe(digest(make('b')(file)));
    }
  });

  it('leaves out any layers that are picked, each its own', async () => {
    const none = await rowsOf(bypassLayers(() => [])(file));
    expect(farthest(none)).toBe(0);
    const [third, both] = [[2], [2, 4]].map((layers) => bypassLayers(() => layers)(file));
    expect(sameRows((await rowsOf(both!)).logits, (await rowsOf(third!)).logits)).toBe(false);
  });

  it('counts no positions wrongly where nothing reads them', () => {
    const model = readOnnx(file);
    const nodes = model.nodes.filter(({ inputs }) => !inputs.includes('position_ids'));
    expect(() => positionsOffByOne(3)(writeOnnx({ ...model, nodes }))).toThrow(
      expect.objectContaining({ code: 'GRAPH_NOT_RECOGNISED' }),
    );
  });

  it('counts positions wrongly only from where it is told', async () => {
    const rows = await rowsOf(positionsOffByOne(start + 20)(file));
    expect(sameRows(rows.logits.slice(0, 20), honest.logits.slice(0, 20))).toBe(true);
    expect(sameRows(rows.logits.slice(20), honest.logits.slice(20))).toBe(false);
  });
});

describe('displaced parameters', () => {
  it('keep the order of those between, and lose none', () => {
    const drawn = fc.integer({ min: 1, max: 40 }).chain((size) => {
      const places = fc.integer({ min: 0, max: size }).chain((count) => {
        const set = () =>
          fc
            .shuffledSubarray([...Array(size).keys()], { minLength: count, maxLength: count })
            .map((list) => list.sort((a, b) => a - b));
        return fc.tuple(set(), set());
      });
      return fc.tuple(fc.constant(size), places);
    });
    fc.assert(
      fc.property(drawn, ([size, [from, to]]) => {
        const values = Float32Array.from(Array(size).keys());
        const moved = displace(values, from, to);
        expect([...moved].sort((a, b) => a - b)).toEqual([...values]);
        expect(to.map((place) => moved[place])).toEqual(from);
        const kept = [...moved].filter((_, place) => !to.includes(place));
        expect(kept).toEqual([...values].filter((_, place) => !from.includes(place)));
      }),
    );
  });
});

describe('weights in another file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-external-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const NAME = 'model.layers.0.mlp.up_proj.weight.T';

  /** The bundled graph with one matrix moved to a file, from byte 64 on. */
  function external(location: string, length: number): Uint8Array {
    const model = readOnnx(file);
    const { dims } = readFloats(model.initializers.get(NAME)!)!;
    const tensor = protobuf.Writer.create();
    for (const size of dims) tensor.uint32(8).int64(size);
    tensor.uint32(16).int32(1).uint32(66).string(NAME).uint32(112).int32(1);
    const entries = { location, offset: '64', length: String(length) };
    for (const [key, value] of Object.entries(entries)) {
      tensor.uint32(106).fork().uint32(10).string(key).uint32(18).string(value).ldelim();
    }
    const initializers = new Map(model.initializers).set(NAME, tensor.finish());
    return writeOnnx({ ...model, initializers });
  }

  it('are written into the graph, so that it can be changed', () => {
    const { values } = readFloats(readOnnx(file).initializers.get(NAME)!)!;
    const bytes = new Uint8Array(64 + values.byteLength);
    bytes.set(new Uint8Array(values.buffer), 64);
    writeFileSync(join(folder, 'model.onnx_data'), bytes);
    const graph = external('model.onnx_data', values.byteLength);
    expect(() => GRAPH_VARIANTS.int8(graph)).toThrow(
      expect.objectContaining({ code: 'GRAPH_NOT_RECOGNISED' }),
    );
    const whole = inlineWeights(graph, folder);
    expect(
      readFloats(readOnnx(whole).initializers.get(NAME)!)!.values.every(
        (value, i) => value === values[i],
      ),
    ).toBe(true);
    expect(inlineWeights(file, folder)).toBe(file);
  });

  it('are an error where they are missing, too short or outside the folder', () => {
    for (const graph of [
      external('nowhere', 4),
      external('model.onnx_data', 1e9),
      external('../model.onnx_data', 4),
      external('/etc/hostname', 4),
    ]) {
      expect(() => inlineWeights(graph, folder)).toThrow(
        expect.objectContaining({ code: 'EXTERNAL_DATA_MISSING' }),
      );
    }
  });
});

describe('bytes that are no such graph', () => {
  const small = (): Uint8Array => {
    const weights = writeTensor('w', 1, [2, 2], Float32Array.of(1, 2, 3, 4));
    const model = readOnnx(file);
    const nodes = model.nodes.slice(0, 20);
    return writeOnnx({ ...model, nodes, initializers: new Map([['w', weights]]) });
  };
  const variants: GraphVariant[] = [...Object.values(GRAPH_VARIANTS), positionsOffByOne(3)];
  /** Runs, or says why not in our own words. */
  const runs = (variant: GraphVariant, bytes: Uint8Array): void => {
    try {
      variant(bytes);
    } catch (thrown) {
      expect(thrown).toMatchObject({ name: 'BitmodelError' });
    }
  };

  it('are refused in our own words, random or mutated', () => {
    const seedBytes = small();
    const flips = fc.array(fc.tuple(fc.nat(seedBytes.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.nat(variants.length - 1),
        flips,
        fc.nat(seedBytes.length),
        (i, changes, end) => {
          const bytes = seedBytes.slice(0, end % 3 === 0 ? end : undefined);
          for (const [at, value] of changes) bytes[at] = value;
          runs(variants[i]!, bytes);
        },
      ),
      { numRuns: cases(3000, 300_000) },
    );
    fc.assert(
      fc.property(fc.nat(variants.length - 1), fc.uint8Array({ maxLength: 300 }), (i, bytes) =>
        runs(variants[i]!, bytes),
      ),
      { numRuns: cases(17_000, 3_000_000) },
    );
  });
});
