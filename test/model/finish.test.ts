import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finishOf, loadTokenizer, TextStream } from '#src/model/index.js';

const tokenizer = loadTokenizer('fixtures/bitmodel-tiny');
const decode = (ids: readonly number[]): string => tokenizer.decode(ids);
const END = 0;
const rule = { endIds: [END], maxTokens: 100, contextLeft: 100, stop: [] as string[], decode };
const ids = (text: string): number[] => tokenizer.encode(text);

describe('an output ends', () => {
  it('at the first end token', () => {
    expect(finishOf({ ...rule, ids: [...ids('one'), END, ...ids('two'), END] })).toEqual({
      finish: 'eos',
      at: ids('one').length,
    });
  });

  it('at the token that completes the first match of a stop text, whichever text it is', () => {
    const all = ids('We are the people of the world. Amen.');
    const found = finishOf({ ...rule, stop: ['world', 'people'], ids: all })!;
    expect(found.finish).toBe('stop');
    expect(decode(all.slice(0, found.at + 1))).toContain('people');
    expect(decode(all.slice(0, found.at))).not.toContain('people');
  });

  it('at a stop text that spans tokens', () => {
    const all = ids('Call me Ishmael, some years ago');
    const found = finishOf({ ...rule, stop: ['l, so'], ids: all })!;
    expect(found.finish).toBe('stop');
    expect(decode(all.slice(0, found.at + 1))).toContain('l, so');
  });

  it('when maxTokens or the context is used up, whichever is less', () => {
    const all = ids('one two three four five six');
    expect(finishOf({ ...rule, maxTokens: 3, ids: all })).toEqual({ finish: 'length', at: 2 });
    expect(finishOf({ ...rule, contextLeft: 2, ids: all })).toEqual({ finish: 'length', at: 1 });
  });

  it('as eos or stop, not length, where the last token is both', () => {
    expect(finishOf({ ...rule, maxTokens: 1, ids: [END] })?.finish).toBe('eos');
    expect(finishOf({ ...rule, maxTokens: 1, stop: ['a'], ids: ids('a') })?.finish).toBe('stop');
  });

  it('not yet, while nothing of this holds', () => {
    expect(finishOf({ ...rule, stop: ['never', ''], ids: ids('one two') })).toBeUndefined();
    expect(finishOf({ ...rule, ids: [] })).toBeUndefined();
  });
});

describe('text in a stream', () => {
  const streamed = (all: readonly number[]): string[] => {
    const stream = new TextStream(decode);
    return [...all.map((id) => stream.push(id)), stream.end()];
  };

  it('never breaks a character, and joins to the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        fc.pre(!text.includes('\uFFFD'));
        const parts = streamed(ids(text));
        expect(parts.join('')).toBe(text);
        for (const part of parts) expect(part).toBe(Buffer.from(part).toString());
      }),
    );
  });

  it('joins to what decoding at once gives, for any ids, broken bytes included', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2047), { maxLength: 120 }), (all) => {
        expect(streamed(all).join('')).toBe(decode(all));
      }),
    );
  });

  it('holds back no more than the bytes of one character', () => {
    const stream = new TextStream(decode);
    const continuation = ids('🙂').at(-1)!;
    let given = '';
    for (let i = 0; i < 200; i++) given += stream.push(continuation);
    expect(given.length).toBeGreaterThanOrEqual(197);
  });
});
