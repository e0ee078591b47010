import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { applyChange, buildGraph, PayoutEngine, parseChange } from '#src/reward/index.js';
import { cases } from '../../long.js';

describe('a change of a graph', () => {
  it('names parents anew, takes a source out, or adds to what was paid', () => {
    expect(parseChange('{"source":"a","parents":[{"id":"b","ppm":5}]}')).toEqual({
      kind: 'parents',
      source: 'a',
      parents: [{ id: 'b', ppm: 5 }],
    });
    expect(parseChange('{"removed":"a"}')).toEqual({ kind: 'removed', source: 'a' });
    expect(parseChange('{"paid":{"a":"1.5"}}')).toEqual({
      kind: 'paid',
      amounts: new Map([['a', 150_000_000n]]),
    });
  });

  const refused: [string, RegExp][] = [
    ['{', /not valid JSON/],
    ['[]', /not a JSON object/],
    ['{"source":"a"}', /other fields/],
    ['{"source":"a","parents":[],"ppm":1}', /other fields/],
    ['{"source":"a","parents":{}}', /not a list/],
    ['{"source":"a","parents":[{"id":"b","ppm":"5"}]}', /not an id with a weight/],
    ['{"paid":{"a":1.5}}', /not a text/],
    ['{"paid":{"a":"-1"}}', /./],
    ['{"paid":{"a":"1e5"}}', /./],
  ];
  it.each(refused)('is refused as %s', (line, message) => {
    expect(() => parseChange(line)).toThrow(BitmodelError);
    expect(() => parseChange(line)).toThrow(message);
  });

  it('comes to nothing but a change or a refusal, whatever the line', () => {
    const engine = new PayoutEngine(buildGraph([{ id: 'a', parents: [] }]));
    const valid = [
      '{"source":"a","parents":[{"id":"a","ppm":5}]}',
      '{"removed":"a"}',
      '{"paid":{"a":"1.5"}}',
    ];
    const mutated = fc
      .tuple(fc.constantFrom(...valid), fc.nat(50), fc.string({ maxLength: 4 }), fc.nat(3))
      .map(([line, at, text, cut]) => line.slice(0, at) + text + line.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (line) => {
        try {
          applyChange(engine, parseChange(line));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
        let shares = 0n;
        for (const [, units] of engine.shares()) shares += units;
        expect(shares).toBe(engine.total);
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
