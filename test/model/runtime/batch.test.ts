import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateRequest, GREEDY, LanguageModel } from '#src/model/index.js';
import { DecodeBatch } from '#src/model/runtime/DecodeBatch.js';
import { DecoderGraph } from '#src/model/runtime/DecoderGraph.js';
import { Output } from '#src/model/runtime/Output.js';
import { cases } from '../../long.js';
import { makeGraph, SIZES } from './graph.js';

const FIXTURE = 'fixtures/bitmodel-tiny';
const GRAPH = makeGraph('group-query');
const DRAWN = { temperatureMilli: 800, topK: 40, topPMilli: 950 };
/** Greatest difference of a logit between a row of a batch and the same alone: other kernels, other roundings. */
const ROUNDING = 1e-4;

const open = (batch?: number, graph = GRAPH): Promise<LanguageModel> =>
  LanguageModel.open(FIXTURE, { threads: 1, graph, ...(batch === undefined ? {} : { batch }) });

function request(number: number, promptTokens: number, maxTokens: number): GenerateRequest {
  return {
    promptIds: Array.from(
      { length: promptTokens },
      (_, i) => (number * 131 + i * 17) % SIZES.vocabulary,
    ),
    sampling: number % 2 === 0 ? GREEDY : DRAWN,
    seed: new Uint8Array(32).fill(number),
    maxTokens,
    stop: [],
  };
}

interface Made {
  readonly ids: number[];
  readonly logits: Float32Array[];
}

async function make(model: LanguageModel, asked: GenerateRequest): Promise<Made> {
  const logits: Float32Array[] = [];
  const { ids } = await model.generate(asked, {
    onLogits: (position, row) => {
      expect(position).toBe(logits.length);
      logits.push(row);
    },
  });
  expect(logits).toHaveLength(ids.length);
  return { ids, logits };
}

function furthest(a: Made, b: Made): number {
  let most = 0;
  for (const [i, row] of a.logits.entries()) {
    for (const [token, value] of row.entries()) {
      most = Math.max(most, Math.abs(value - b.logits[i]![token]!));
    }
  }
  return most;
}

/** Lets a call run until it has given so many tokens. */
function after(count: number, then: () => void) {
  return (_id: number, _text: string, position: number): void => {
    if (position + 1 === count) then();
  };
}

/** The graph without a thread of its own, so that what is asked of it at once comes at once. */
function load(batch: number): Promise<DecoderGraph> {
  return DecoderGraph.load({
    path: resolve(FIXTURE, 'onnx/model.onnx'),
    graph: GRAPH,
    provider: 'cpu',
    threads: 1,
    optimization: 'all',
    keyValueHeads: undefined,
    headSize: undefined,
    vocabularySize: undefined,
    contextLength: 512,
    batch,
    fewest: 2,
  });
}

function output(number: number, promptTokens: number, limit: number): Output {
  const { maxTokens: _, stop: __, ...asked } = request(number, promptTokens, limit);
  const call = { ...asked, type: 'generate', id: number, limit, endIds: [] } as const;
  return new Output({ ...call, logprobs: undefined, wantsLogits: false }, () => {});
}

let alone: LanguageModel;
let batched: LanguageModel;
beforeAll(async () => {
  [alone, batched] = await Promise.all([open(), open(4)]);
});
afterAll(async () => {
  await Promise.all([alone.close(), batched.close()]);
});

describe('a model says how many outputs it decodes in one run', () => {
  it('as many as asked for, one unless stated', () => {
    expect([alone.info.batch, batched.info.batch]).toEqual([1, 4]);
  });

  it.each(['mask-read', 'keys-read', 'window'] as const)(
    'one, where the graph can not: %s',
    async (kind) => {
      const model = await open(4, makeGraph(kind));
      const { batch } = model.info;
      await model.close();
      expect(batch).toBe(1);
    },
  );

  it.each([0, 1.5, 65])('and refuses %d', async (batch) => {
    await expect(open(batch)).rejects.toMatchObject({ code: 'BAD_BATCH' });
  });
});

describe('outputs of a batch', () => {
  it('are the very bits of one alone where there is only one', async () => {
    const asked = request(1, 30, 40);
    expect(await make(batched, asked)).toEqual(await make(alone, asked));
  });

  it('are those of each alone, more of them than rows, of many lengths', async () => {
    const asked = [
      [3, 60],
      [300, 25],
      [1, 8],
      [129, 90],
      [40, 1],
      [257, 130],
      [12, 33],
    ].map(([prompt, tokens], i) => request(i, prompt!, tokens!));
    const together = await Promise.all(asked.map((one) => make(batched, one)));
    for (const [i, one] of asked.entries()) {
      const expected = await make(alone, one);
      expect(together[i]!.ids).toEqual(expected.ids);
      expect(furthest(together[i]!, expected)).toBeLessThan(ROUNDING);
    }
  });

  it('end at an end token, a stop text and a full context, each by itself', async () => {
    const [first] = [await alone.generate(request(0, 5, 40))];
    const stop = first.text.slice(10, 14);
    const asked = [{ ...request(0, 5, 40), stop: [stop] }, request(2, 505, 40), request(3, 9, 20)];
    const ends = await Promise.all(asked.map((one) => batched.generate(one)));
    const expected = await Promise.all(asked.map((one) => alone.generate(one)));
    expect(ends.map(({ ids, finish }) => ({ ids, finish }))).toEqual(
      expected.map(({ ids, finish }) => ({ ids, finish })),
    );
    expect(ends.map(({ finish }) => finish)).toEqual(['stop', 'length', 'length']);
    expect(ends[1]!.ids).toHaveLength(7);
  });

  it("end where the graph's tables of positions do, though its configuration states more", async () => {
    const model = await open(2, makeGraph('group-query', SIZES.layers, undefined, 64));
    expect(model.info.contextLength).toBe(64);
    const ends = await Promise.all(
      [request(1, 50, 40), request(2, 9, 20)].map((one) => model.generate(one)),
    );
    await expect(model.generate(request(3, 64, 1))).rejects.toMatchObject({
      code: 'PROMPT_TOO_LONG',
    });
    await model.close();
    expect(ends.map(({ ids }) => ids.length)).toEqual([14, 20]);
  });

  it('come whoever joins, leaves and gives up meanwhile', async () => {
    const plan = fc.array(
      fc.record({
        prompt: fc.integer({ min: 1, max: 200 }),
        tokens: fc.integer({ min: 1, max: 30 }),
        startsAt: fc.nat(20),
        endsAt: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
      }),
      { minLength: 2, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(plan, async (streams) => {
        const ticks: (() => void)[] = [];
        let tick = 0;
        const clock = batched.generate(request(99, 2, 30), {
          onToken: () => {
            tick += 1;
            for (const go of ticks.splice(0)) go();
          },
        });
        const untilTick = async (at: number): Promise<void> => {
          while (tick < at) await new Promise<void>((go) => ticks.push(go));
        };
        await Promise.all(
          streams.map(async ({ prompt, tokens, startsAt, endsAt }, i) => {
            const asked = request(i, prompt, tokens);
            await untilTick(startsAt);
            const stop = new AbortController();
            const run = batched.generate(asked, {
              signal: stop.signal,
              onToken: after(endsAt ?? 0, () => stop.abort()),
            });
            const made = await run.catch((thrown: unknown) => thrown);
            const expected = await alone.generate(asked);
            if (endsAt !== undefined && endsAt <= expected.ids.length) {
              expect(made).toMatchObject({ name: 'AbortError' });
            } else {
              expect(made).toMatchObject({ ids: expected.ids, finish: expected.finish });
            }
          }),
        );
        expect((await clock).ids).toHaveLength(30);
      }),
      { numRuns: cases(8, 2000) },
    );
  });
});

describe('a stream of a batch', () => {
  it('whose logits are no numbers ends alone, with its error', async () => {
    const asked = request(4, 20, 60);
    const { ids } = await alone.generate(asked);
    // a token that this output has in its middle, and no other one at all
    const others = [request(1, 8, 60), request(3, 33, 60)];
    const made = await Promise.all(others.map((one) => alone.generate(one)));
    const used = new Set(
      made.flatMap((one, i) => [...one.ids, ...others[i]!.promptIds, ...asked.promptIds]),
    );
    const spoilt = ids.slice(5).find((id) => !used.has(id))!;
    const model = await open(4, makeGraph('group-query', SIZES.layers, spoilt));
    let count = 0;
    const bad = model.generate(asked, { onToken: () => count++ });
    const good = others.map((one) => model.generate(one));
    await expect(bad).rejects.toMatchObject({ code: 'BAD_LOGITS' });
    expect(count).toBe(ids.indexOf(spoilt) + 1);
    expect((await Promise.all(good)).map((one) => one.ids)).toEqual(made.map((one) => one.ids));
    // its place, with what it left there, serves the next
    const next = await Promise.all([...others, ...others].map((one) => model.generate(one)));
    expect(next.map((one) => one.ids)).toEqual([...made, ...made].map((one) => one.ids));
    await model.close();
  });

  it('whose run fails ends alone, with its error', async () => {
    // tables that reach to 64 positions, cast first, so that nothing tells of it before a run
    const graph = makeGraph('group-query-half', SIZES.layers, undefined, 64);
    const [single, model] = await Promise.all([open(1, graph), open(4, graph)]);
    expect(model.info.batch).toBe(4);
    const others = [request(1, 8, 40), request(2, 20, 30), request(3, 3, 50)];
    const expected = await Promise.all(others.map((one) => single.generate(one)));
    let count = 0;
    const bad = model.generate(request(4, 50, 60), { onToken: () => count++ });
    const good = others.map((one) => model.generate(one));
    await expect(bad).rejects.toMatchObject({ code: 'MODEL_RUN_FAILED' });
    expect(count).toBeGreaterThan(10);
    expect((await Promise.all(good)).map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
    await Promise.all([single.close(), model.close()]);
  });

  it('goes on while the long prompt of another is computed', async () => {
    let tokens = 0;
    let atJoin = 0;
    const first = batched.generate(request(0, 3, 200), { onToken: () => void tokens++ });
    const onToken = after(1, () => {
      atJoin = tokens;
    });
    await Promise.all([first, batched.generate(request(1, 500, 2), { onToken })]);
    expect(tokens).toBe(200);
    // four parts of a prompt, at least a step between two of them
    expect(atJoin).toBeGreaterThanOrEqual(3);
  });

  it('has as much time to itself as prompts take, however many come one after another', async () => {
    const graph = await load(2);
    const parts: { readonly from: number; readonly to: number }[] = [];
    const run = graph.run.bind(graph);
    graph.run = async (...given) => {
      const from = performance.now();
      const rows = await run(...given);
      parts.push({ from, to: performance.now() });
      return rows;
    };
    const batch = new DecodeBatch(graph, 2, 2);
    let isOver = false;
    const row = batch
      .generate(output(1, 4, 400), () => false)
      .then(() => {
        isOver = true;
      });
    // one place is left, and whoever has it wants a single token
    for (let number = 2; !isOver; number++) {
      const length = [120, 300][number % 2]!;
      await batch.generate(output(number, length, 1), () => isOver);
    }
    await row;
    await graph.release();
    const joins = parts.slice(1, -3);
    expect(joins.length).toBeGreaterThan(3);
    for (const [i, { from, to }] of joins.slice(0, -1).entries()) {
      expect(joins[i + 1]!.from - to).toBeGreaterThanOrEqual(to - from);
    }
  });

  it('with a short prompt goes before long ones that still wait, each in its turn', async () => {
    const order: number[] = [];
    const graph = await load(4);
    const batch = new DecodeBatch(graph, 4, 2);
    const ask = async (number: number, promptTokens: number): Promise<void> => {
      await batch.generate(output(number, promptTokens, 1), () => false);
      order.push(number);
    };
    await Promise.all([ask(1, 300), ask(2, 400), ask(3, 300), ask(4, 5), ask(5, 300)]);
    await graph.release();
    expect(order).toEqual([1, 4, 3, 5, 2]);
  });

  it('that waits for a place can be given up at once', async () => {
    const busy = Array.from({ length: 4 }, (_, i) => batched.generate(request(i, 4, 300)));
    const stop = new AbortController();
    const waiting = batched.generate(request(9, 4, 300), { signal: stop.signal });
    let isOver = false;
    void Promise.all(busy).then(() => {
      isOver = true;
    });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(isOver).toBe(false);
    await Promise.all(busy);
  });

  it('ends with an error when the model is closed', async () => {
    const model = await open(3);
    const calls = Array.from({ length: 5 }, (_, i) =>
      expect(model.generate(request(i, 50, 400))).rejects.toMatchObject({ code: 'MODEL_CLOSED' }),
    );
    await model.close();
    await Promise.all(calls);
  });

  it('shares the thread with sessions and prefills, which compute as ever', async () => {
    const ids = request(5, 300, 1).promptIds;
    const rowsOf = async (model: LanguageModel): Promise<Float32Array[]> => {
      const rows: Float32Array[] = [];
      await model.prefill(ids, { from: 290, onLogits: (_first, logits) => void rows.push(logits) });
      const session = await model.session();
      rows.push(await session.feed(ids.slice(0, 150)), await session.feed([7]));
      await session.close();
      return rows;
    };
    const expected = await rowsOf(alone);
    const busy = [batched.generate(request(1, 20, 80)), batched.generate(request(2, 9, 80))];
    expect(await rowsOf(batched)).toEqual(expected);
    await Promise.all(busy);
  });
});

it('a thousand outputs leave no memory behind', async () => {
  const rounds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await Promise.all(
        [0, 1, 2, 3].map((number) => batched.generate(request(number, 1 + ((i * 13) % 90), 2))),
      );
      await alone.generate(request(i, 60, 2));
    }
  };
  await rounds(40);
  const before = process.memoryUsage().rss;
  await rounds(160);
  // the caches alone of those outputs would be 65 MB; garbage not collected yet has some room
  expect(process.memoryUsage().rss - before).toBeLessThan(48 << 20);
});
