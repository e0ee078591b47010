import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** English prose that no model here was made to fit: this repository's own guides. */
const GUIDES = ['rastic', 'network', 'rewards', 'models', 'contracts', 'protocol'];
const words = GUIDES.flatMap((name) =>
  readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
    .replace(/[|`*#]/g, ' ')
    .split(/\s+/)
    .filter((word) => /^[a-z]/i.test(word)),
);

/** 32 bytes from a text. */
export const seedOf = (text) => new Uint8Array(createHash('sha256').update(text).digest());

/** So many different beginnings of twelve words each, as ids. */
export function contextsOf(tokenizer, count) {
  const step = Math.floor((words.length - 12) / count);
  return Array.from({ length: count }, (_, i) =>
    tokenizer.encode(words.slice(i * step, i * step + 12).join(' ')),
  );
}

/** What follows such a beginning, as so many ids. */
export function proseOf(tokenizer, index, count, tokens) {
  const start = index * Math.floor((words.length - 12) / count) + 12;
  return tokenizer.encode(words.slice(start, start + tokens).join(' ')).slice(0, tokens);
}

/** e to the mean surprise per token of held text, in pieces of up to 400 tokens. */
export async function perplexityOf(model, pieces) {
  const width = model.info.vocabularySize;
  const size = Math.min(400, model.info.contextLength);
  let surprise = 0;
  let count = 0;
  for (let piece = 0; piece < pieces; piece++) {
    const start = Math.floor((piece * words.length) / pieces);
    const ids = model.tokenizer.encode(words.slice(start, start + size).join(' ')).slice(0, size);
    await model.prefill(ids, {
      from: 0,
      onLogits: (first, logits) => {
        for (let row = 0; row * width < logits.length; row++) {
          const next = ids[first + row + 1];
          if (next === undefined) continue;
          const own = logits.subarray(row * width, (row + 1) * width);
          const top = own.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY);
          const sum = own.reduce((total, each) => total + Math.exp(each - top), 0);
          surprise += Math.log(sum) - (own[next] - top);
          count++;
        }
      },
    });
  }
  return Math.exp(surprise / count);
}
