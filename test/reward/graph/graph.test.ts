import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildGraph, formatGraph, parseDemand, parseGraph } from '#src/reward/index.js';
import { sourcesArbitrary } from '../flow/graphs.js';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (thrown) {
    return `${(thrown as { code: string }).code}: ${(thrown as Error).message}`;
  }
  return 'accepted';
};
const graphOf = (...sources: unknown[]): (() => unknown) => {
  return () => parseGraph(JSON.stringify({ v: 1, sources }));
};
const child = (...parents: unknown[]) => ({ id: 'child', parents });

describe('a contribution graph', () => {
  it('keeps ids and parents in ascending order, whatever order they came in', () => {
    const graph = buildGraph([
      { id: 'c', parents: [] },
      {
        id: 'a',
        parents: [
          { id: 'c', ppm: 10 },
          { id: 'b', ppm: 20 },
        ],
      },
      { id: 'b', parents: [] },
    ]);
    expect(graph.ids).toEqual(['a', 'b', 'c']);
    expect([...graph.rows]).toEqual([0, 2, 2, 2]);
    expect([...graph.parents]).toEqual([1, 2]);
    expect([...graph.weights]).toEqual([20, 10]);
    expect([...graph.own]).toEqual([999_970, 1_000_000, 1_000_000]);
  });

  it('writes out in a name what nobody sees', () => {
    const graph = buildGraph([{ id: 'a', name: 'po\u200bet\u202e', parents: [] }]);
    expect(graph.names).toEqual(['po\\u{200b}et\\u{202e}']);
  });

  it('keeps no edge of weight 0', () => {
    const graph = buildGraph([
      { id: 'a', parents: [{ id: 'b', ppm: 0 }] },
      { id: 'b', parents: [] },
    ]);
    expect(graph.parents.length).toBe(0);
    expect(graph.own[0]).toBe(1_000_000);
  });

  it('comes back from its own text', () => {
    fc.assert(
      fc.property(sourcesArbitrary(12), (sources) => {
        const graph = buildGraph(sources);
        expect(parseGraph(formatGraph(graph))).toEqual(graph);
      }),
      { numRuns: 50 },
    );
  });

  const refused: [string, RegExp, () => unknown][] = [
    ['what is not JSON', /not valid JSON/, () => parseGraph('{"v":1,')],
    ['a list', /not a JSON object/, () => parseGraph('[]')],
    ['another version', /version 1/, () => parseGraph('{"v":2,"sources":[]}')],
    ['no sources', /no sources/, () => parseGraph('{"v":1,"sources":[]}')],
    ['a source that is no object', /Source 1 is not/, graphOf('a')],
    ['a misspelt field', /"parnets"/, graphOf({ id: 'a', parnets: [] })],
    ['a missing id', /id of source 1/, graphOf({ parents: [] })],
    ['an empty id', /id of source 1/, graphOf({ id: '' })],
    ['an id with a newline', /line break/, graphOf({ id: 'a\nb' })],
    ['an id with a line separator', /line break/, graphOf({ id: 'a\u2028b' })],
    ['half a surrogate pair', /can't be printed/, graphOf({ id: 'a\ud800' })],
    ['an id of 257 characters', /1 to 256/, graphOf({ id: 'a'.repeat(257) })],
    ['an owner with a newline', /owner of "a"/, graphOf({ id: 'a', owner: 'x\ny' })],
    ['parents that are no list', /not a list/, graphOf({ id: 'a', parents: {} })],
    ['one id twice', /"a" is declared twice/, graphOf({ id: 'a' }, { id: 'a' })],
    ['an unknown parent', /"x" that is not in/, graphOf(child({ id: 'x', ppm: 1 }))],
    [
      'a parent named twice',
      /"p" twice/,
      graphOf(child({ id: 'p', ppm: 1 }, { id: 'p', ppm: 2 }), { id: 'p' }),
    ],
    [
      'weights of more than the whole',
      /gives away 1000001/,
      graphOf(child({ id: 'p', ppm: 1_000_000 }, { id: 'q', ppm: 1 }), { id: 'p' }, { id: 'q' }),
    ],
    ...[-1, 0.5, 1_000_001, 1e29, '150000', null, true].map(
      (ppm): [string, RegExp, () => unknown] => [
        `a weight of ${JSON.stringify(ppm)}`,
        /whole number of parts per million/,
        graphOf(child({ id: 'p', ppm }), { id: 'p' }),
      ],
    ),
  ];
  it.each(refused)('refuses %s', (_, message, run) => {
    expect(code(run)).toMatch(message);
    expect(code(run)).toMatch(/^BAD_GRAPH/);
  });

  it('never fails on any text but with its own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(code(() => parseGraph(text))).toMatch(/^BAD_GRAPH/);
      }),
    );
  });

  it('never fails on any sources but with its own error', () => {
    const almost = fc.record(
      {
        id: fc.string({ maxLength: 2 }),
        parents: fc.array(fc.record({ id: fc.string({ maxLength: 1 }), ppm: fc.jsonValue() })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(almost, { minLength: 1, maxLength: 4 }), (sources) => {
        expect(code(graphOf(...sources))).toMatch(/^BAD_GRAPH|^accepted/);
      }),
    );
  });
});

describe('a list of amounts', () => {
  it('is read in decimal coins', () => {
    expect([...parseDemand('{"a":"1.5","b":"0.00000001"}')]).toEqual([
      ['a', 150_000_000n],
      ['b', 1n],
    ]);
  });

  it.each(['[]', '{"a":1.5}', '{"a":"-1"}', '{"a":"1.123456789"}', '{', 'null'])(
    'refuses %s',
    (text) => {
      expect(code(() => parseDemand(text))).toMatch(/^BAD_(GRAPH|AMOUNT)/);
    },
  );
});
