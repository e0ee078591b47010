import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LanguageModel } from '#src/model/index.js';
import { makeGraph, SIZES } from './graph.js';

const FIXTURE = 'fixtures/bitmodel-tiny';
const idsOf = (count: number): number[] => Array.from({ length: count }, (_, i) => 50 + i);

let model: LanguageModel;
beforeAll(async () => {
  model = await LanguageModel.open(FIXTURE, { threads: 1, graph: makeGraph('group-query') });
});
afterAll(() => model.close());

describe('a session', () => {
  it('computes what it is fed in the order in which that was asked for', async () => {
    const [one, other] = [await model.session(), await model.session()];
    const first = await one.feed(idsOf(300));
    const second = await one.feed([7]);
    expect(await Promise.all([other.feed(idsOf(300)), other.feed([7])])).toEqual([first, second]);
    expect(other.length).toBe(301);
    await Promise.all([one.close(), other.close()]);
  });

  it('holds no more than the context, however its feeds overlap', async () => {
    const session = await model.session();
    const { contextLength } = model.info;
    const feeds = [idsOf(contextLength - 10), idsOf(20), [3]].map((ids) => session.feed(ids));
    const ends = await Promise.allSettled(feeds);
    expect(ends[1]).toMatchObject({ status: 'rejected', reason: { code: 'PROMPT_TOO_LONG' } });
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(session.length).toBe(contextLength - 9);
    await session.close();
  });

  it('ends what it was fed before it closes, and takes nothing any more', async () => {
    const session = await model.session();
    const fed = session.feed(idsOf(200));
    await session.close();
    expect(await fed).toHaveLength(SIZES.vocabulary);
    await expect(session.feed([1])).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });

  it('of which a part has failed goes no further, rather than on behind tokens it never computed', async () => {
    // tables that reach to 64 positions, so that a run beyond them fails
    const graph = makeGraph('group-query-half', SIZES.layers, undefined, 64);
    const short = await LanguageModel.open(FIXTURE, { threads: 1, graph });
    const [session, other] = [await short.session(), await short.session()];
    await session.feed(idsOf(10));
    await expect(session.feed(idsOf(60))).rejects.toMatchObject({ code: 'MODEL_RUN_FAILED' });
    await expect(session.feed([7])).rejects.toMatchObject({ code: 'SESSION_FAILED' });
    expect(session.length).toBe(10);
    expect(await other.feed([7])).toHaveLength(SIZES.vocabulary);
    await short.close();
  });
});
