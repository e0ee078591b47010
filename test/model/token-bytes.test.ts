import { describe, expect, it } from 'vitest';
import { loadTokenizer, tokenBytes } from '#src/model/index.js';

const tokenizer = loadTokenizer('fixtures/bitmodel-tiny');

function bytesOf(text: string): number[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  return ids.flatMap((id) => [...tokenBytes(tokenizer.token(id)!)!]);
}

describe('the bytes of a token', () => {
  it('are those of the text, token by token, for every byte that there is', () => {
    const text = Array.from({ length: 0x180 }, (_, code) => String.fromCodePoint(code)).join('');
    expect(bytesOf(text)).toEqual([...Buffer.from(text)]);
    expect(bytesOf('日本 🐪')).toEqual([...Buffer.from('日本 🐪')]);
  });

  it('are one byte where characters fall back to bytes', () => {
    expect(tokenBytes('<0xE2>')).toEqual(Uint8Array.of(0xe2));
  });

  it('are unknown for a token of another alphabet', () => {
    expect(tokenBytes('▁the 日')).toBeUndefined();
  });
});
