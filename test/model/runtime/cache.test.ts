import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { GREEDY } from '#src/model/index.js';
import { readAttentionUse } from '#src/model/onnx/attention.js';
import { packCache } from '#src/model/onnx/packCache.js';
import { referToFile } from '#src/model/onnx/selectRows.js';
import { memorySource } from '#src/model/onnx/wire.js';
import { CacheArena } from '#src/model/runtime/CacheArena.js';
import { DecodeBatch } from '#src/model/runtime/DecodeBatch.js';
import { DecoderGraph } from '#src/model/runtime/DecoderGraph.js';
import { decodeAlone } from '#src/model/runtime/decodeAlone.js';
import { type GenerateCall, Output } from '#src/model/runtime/Output.js';
import { TokenStream } from '#src/model/runtime/TokenStream.js';
import { makeTensor } from '#src/model/runtime/tensors.js';
import { cases } from '../../long.js';
import { type Kind, makeGraph, SIZES } from './graph.js';

const TINY = new Uint8Array(readFileSync('fixtures/bitmodel-tiny/onnx/model.onnx'));
const graphOf = (kind: Kind | 'concat'): Uint8Array => (kind === 'concat' ? TINY : makeGraph(kind));

const load = (graph: Uint8Array): Promise<DecoderGraph> =>
  DecoderGraph.load({
    path: 'none.onnx',
    graph,
    provider: 'cpu',
    threads: 1,
    optimization: 'all',
    keyValueHeads: undefined,
    headSize: undefined,
    vocabularySize: undefined,
    contextLength: 1024,
    batch: 1,
    fewest: 2,
  });

/** Plain ONNX Runtime: a cache of its own making at each run. @returns the last logits of each */
async function plainly(graph: Uint8Array, runs: readonly number[][]): Promise<Float32Array[]> {
  const session = await InferenceSession.create(graph, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const metas = session.inputMetadata.filter((meta) => meta.isTensor);
  let cache: Record<string, Tensor> = Object.fromEntries(
    metas
      .filter(({ name }) => name.startsWith('past'))
      .map(({ name, type, shape }) => {
        const dims = shape.map((size, axis) => (axis === 0 ? 1 : axis === 2 ? 0 : Number(size)));
        return [name, makeTensor(type, dims)];
      }),
  );
  const rows: Float32Array[] = [];
  let past = 0;
  const ints = (values: number[]): Tensor =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  for (const ids of runs) {
    const feeds: Record<string, Tensor> = {
      input_ids: ints(ids),
      attention_mask: ints(Array(past + ids.length).fill(1)),
    };
    if (session.inputNames.includes('position_ids')) {
      feeds.position_ids = ints(ids.map((_, i) => past + i));
    }
    const results = await session.run({ ...feeds, ...cache });
    past += ids.length;
    cache = Object.fromEntries(
      Object.keys(cache).map((name) => [
        name,
        results[name.replace('past_key_values', 'present')] as Tensor,
      ]),
    );
    const logits = (results.logits as Tensor).data as Float32Array;
    rows.push(logits.slice(-SIZES.vocabulary));
  }
  await session.release();
  return rows;
}

/** Prompts and single tokens, past several steps of growth. */
const RUNS = [
  [5],
  [...Array(40).keys()],
  ...Array(60).fill([9]),
  [...Array(100).keys()],
  [3],
  [4, 5],
  ...Array(130).fill([11]),
].map((run: number[], i) => run.map((id) => (id * 37 + i * 11) % SIZES.vocabulary));

describe('a cache that stays', () => {
  const kinds: (Kind | 'concat')[] = [
    'group-query',
    'group-query-half',
    'mask-read',
    'keys-read',
    'window',
    'concat',
  ];
  it.each(kinds)('gives the very bits of one that is made anew at each run: %s', async (kind) => {
    const bytes = graphOf(kind);
    const graph = await load(bytes);
    expect(graph.info.inPlace).toBe(/group|mask/.test(kind));
    // the bundled model takes longer
    const runs = kind === 'concat' ? RUNS.slice(40, 120) : RUNS;
    const expected = await plainly(bytes, runs);
    for (let round = 0; round < 2; round++) {
      const stream = new TokenStream(graph);
      for (const [i, run] of runs.entries()) {
        const logits = await stream.feed(run);
        if (
          !Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength).equals(
            Buffer.from(expected[i]!.buffer),
          )
        ) {
          throw new Error(`run ${i} of ${run.length} differs`);
        }
      }
      stream.close();
    }
    await graph.release();
  });

  it('keeps streams of one graph apart', async () => {
    const graph = await load(makeGraph('group-query'));
    const alone = await plainly(makeGraph('group-query'), RUNS.slice(0, 12));
    const streams = [new TokenStream(graph), new TokenStream(graph)];
    for (const [i, run] of RUNS.slice(0, 12).entries()) {
      for (const stream of streams) expect(await stream.feed(run)).toEqual(alone[i]);
      await streams[1]!.feed([]);
    }
    await graph.release();
  });
});

describe('a batch of fewer rows than pay', () => {
  it('computes them one after another, to the very bits of each alone', async () => {
    const graph = await load(makeGraph('group-query'));
    const batch = new DecodeBatch(graph, 4, 3);
    const make = async (number: number, decode: typeof decodeAlone): Promise<Float32Array[]> => {
      const rows: Float32Array[] = [];
      const request: GenerateCall = {
        type: 'generate',
        id: number,
        promptIds: [number, 7, 9],
        sampling: GREEDY,
        seed: new Uint8Array(32),
        limit: 20 + number,
        endIds: [],
        logprobs: undefined,
        wantsLogits: true,
      };
      const output = new Output(request, (reply) => {
        if (reply.type === 'token') rows.push(reply.logits!);
      });
      await decode(graph, output, () => false);
      return rows;
    };
    const together = [1, 2].map((number) =>
      make(number, (_, output, cancelled) => batch.generate(output, cancelled)),
    );
    const [first, second] = await Promise.all(together);
    expect(first).toEqual(await make(1, decodeAlone));
    expect(second).toEqual(await make(2, decodeAlone));
    await graph.release();
  });
});

describe('what a graph shows of its attention', () => {
  it.each([
    ['group-query', { inPlace: true, batches: true }],
    ['group-query-half', { inPlace: true, batches: true }],
    ['mask-read', { inPlace: true, batches: false }],
    ['keys-read', { inPlace: false, batches: false }],
    ['window', { inPlace: false, batches: false }],
    ['concat', { inPlace: false, batches: false }],
  ] as const)('%s', (kind, use) => {
    expect(readAttentionUse(memorySource(graphOf(kind)))).toEqual(use);
  });
});

describe('the reader of graphs', () => {
  it('takes whatever bytes, or refuses them', () => {
    const graph = referToFile(memorySource(makeGraph('group-query', 1)), 'weights');
    const change = fc.tuple(fc.nat(graph.length - 1), fc.nat(255));
    const read = (bytes: Uint8Array): void => {
      for (const reader of [() => readAttentionUse(memorySource(bytes)), () => packCache(bytes)]) {
        try {
          reader();
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }
    };
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = graph.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        read(bytes);
      }),
      { numRuns: cases(10_000, 500_000) },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), read), {
      numRuns: cases(10_000, 500_000),
    });
  });

  it('comes to an end where nodes go in circles', () => {
    const text = Buffer.from(makeGraph('group-query', 1)).toString('latin1');
    // the sum less one becomes the sum itself
    const circle = Buffer.from(text.replace('\x12\x03len', '\x12\x03sum'), 'latin1');
    expect(circle.toString('latin1')).not.toBe(text);
    expect(readAttentionUse(memorySource(circle))).toMatchObject({ inPlace: true });
  });
});

describe('room for keys and values', () => {
  const tensors = [{ input: 'past', output: 'present', type: 'float32', shape: [1, 2, 0, 8] }];

  it('grows in steps, not to the whole context at once', () => {
    const arena = new CacheArena(tensors, 8192, 1);
    arena.reserve(1, 20);
    expect(arena.capacity).toBe(128);
    for (let tokens = 20; tokens <= 8192; tokens++) arena.reserve(1, tokens);
    expect(arena.capacity).toBe(8192);
  });

  it('is refused with a clear error where there is none, and what was there stays', () => {
    const arena = new CacheArena(tensors, 2 ** 40, 1);
    arena.reserve(1, 100);
    expect(() => arena.reserve(1, 2 ** 36)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_MEMORY', message: expect.stringMatching(/MB/) }),
    );
    expect(arena.capacity).toBe(128);
  });

  /** Bytes of a token of a slot. */
  const TOKEN = 2 * 8 * 4;
  afterEach(() => vi.restoreAllMocks());

  /** As if the control group of this process allowed it so much more. */
  function allow(tokens: number): void {
    vi.spyOn(process, 'constrainedMemory').mockReturnValue(0);
    vi.spyOn(process, 'availableMemory').mockReturnValue(tokens * TOKEN);
  }

  it('is bounded by what the process may take, whatever the machine has free', () => {
    allow(100);
    const arena = new CacheArena(tensors, 8192, 8);
    expect(() => arena.reserve(1, 101)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
    arena.reserve(1, 100);
    expect(arena.capacity).toBe(100);
  });

  it('is made for just what is needed where there is none for more', () => {
    const slots = new CacheArena(tensors, 8192, 8);
    slots.reserve(4, 1024);
    allow(6 * 1024);
    slots.reserve(5, 1024);
    expect([slots.slots, slots.capacity]).toEqual([5, 1024]);
    const tokens = new CacheArena(tensors, 8192, 8);
    tokens.reserve(1, 1000);
    allow(1200);
    tokens.reserve(1, 1025);
    expect([tokens.slots, tokens.capacity]).toEqual([1, 1152]);
    allow(1160);
    tokens.reserve(1, 1153);
    expect([tokens.slots, tokens.capacity]).toEqual([1, 1153]);
  });

  it('that is empty serves whatever fits into it, and slots in use keep theirs', () => {
    const arena = new CacheArena(tensors, 8192, 8);
    arena.reserve(4, 1024);
    allow(0);
    arena.reserve(2, 2048);
    expect([arena.slots, arena.capacity]).toEqual([2, 2048]);
    arena.hold(0, 5);
    expect(() => arena.reserve(4, 1024)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_MEMORY' }),
    );
    expect([arena.slots, arena.capacity]).toEqual([2, 2048]);
  });
});

describe('a batch for which memory is short', () => {
  /** Bytes of a token of a slot of the graph: keys and values of two layers. */
  const TOKEN = SIZES.layers * 2 * SIZES.kvHeads * SIZES.head * 4;
  afterEach(() => vi.restoreAllMocks());

  function allow(tokens: number): void {
    vi.spyOn(process, 'constrainedMemory').mockReturnValue(0);
    vi.spyOn(process, 'availableMemory').mockReturnValue(tokens * TOKEN);
  }

  const request = (id: number, promptTokens: number, limit: number): GenerateCall => ({
    type: 'generate',
    id,
    promptIds: Array.from({ length: promptTokens }, (_, i) => (id * 131 + i * 17) % 2048),
    sampling: GREEDY,
    seed: new Uint8Array(32),
    limit,
    endIds: [],
    logprobs: undefined,
    wantsLogits: false,
  });

  async function tokensOf(
    call: GenerateCall,
    decode: (output: Output) => Promise<unknown>,
    onToken: (count: number) => void = () => undefined,
  ): Promise<number[]> {
    const tokens: number[] = [];
    const output = new Output(call, (reply) => {
      if (reply.type !== 'token') return;
      tokens.push(reply.token);
      onToken(tokens.length);
    });
    await decode(output);
    return tokens;
  }

  it('lets those wait for which there is no room beside the others, and all get their own', async () => {
    const graph = await load(makeGraph('group-query'));
    const calls = [request(1, 20, 60), request(2, 30, 20), request(3, 250, 30), request(4, 9, 25)];
    const expected = await Promise.all(
      calls.map((call) => tokensOf(call, (output) => decodeAlone(graph, output, () => false))),
    );
    const batch = new DecodeBatch(graph, 4, 2);
    // one after another: room for the longest alone, not beside another one
    allow(290);
    const order: number[] = [];
    const made = await Promise.all(
      calls.map((call, i) =>
        tokensOf(call, (output) =>
          batch.generate(output, () => false).then(() => void order.push(i)),
        ),
      ),
    );
    expect(made).toEqual(expected);
    expect(order.indexOf(2)).toBeGreaterThan(order.indexOf(0));
    await graph.release();
  });

  it('refuses only what would not fit alone', async () => {
    const graph = await load(makeGraph('group-query'));
    const batch = new DecodeBatch(graph, 4, 2);
    allow(100);
    const calls = [request(1, 20, 60), request(2, 150, 20), request(3, 9, 30)];
    const ends = await Promise.allSettled(
      calls.map((call) => tokensOf(call, (output) => batch.generate(output, () => false))),
    );
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ends[1]).toMatchObject({ reason: { code: 'OUT_OF_MEMORY' } });
    await graph.release();
  });

  it('lets a joiner begin anew before it ends a row', async () => {
    const graph = await load(makeGraph('group-query'));
    // the rows have as many steps between two parts of a prompt as its tokens take time: by a clock that every token moves on,
    // since by the machine's a step that is interrupted could cost them those in which they grow
    let clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock);
    const feed = TokenStream.prototype.feed;
    vi.spyOn(TokenStream.prototype, 'feed').mockImplementation(function (this: TokenStream, ids) {
      clock += ids.length;
      return feed.call(this, ids);
    });
    const runBatch = graph.runBatch.bind(graph);
    vi.spyOn(graph, 'runBatch').mockImplementation((...rows) => {
      clock += 1;
      return runBatch(...rows);
    });
    const alone = (call: GenerateCall): Promise<number[]> =>
      tokensOf(call, (output) => decodeAlone(graph, output, () => false));
    const long = request(1, 5, 420);
    const joining = request(2, 380, 4);
    const expected = [await alone(long), await alone(joining)];
    const batch = new DecodeBatch(graph, 4, 2);
    const ended: string[] = [];
    let second: Promise<number[]> | undefined;
    const first = tokensOf(
      long,
      (output) => batch.generate(output, () => false).then(() => void ended.push('long')),
      (count) => {
        // while the prompt of the other is computed, the row has used up its 384 tokens
        if (count === 377) allow(600);
        if (count !== 376) return;
        second = tokensOf(
          joining,
          (output) => batch.generate(output, () => false),
          () => ended.push('token'),
        );
      },
    );
    expect(await first).toEqual(expected[0]);
    expect(await second).toEqual(expected[1]);
    expect(ended).toEqual(['long', 'token', 'token', 'token', 'token']);
    await graph.release();
  });
});
