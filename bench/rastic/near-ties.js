import { gumbelNoise } from 'bitmodel/model';
import { drawText } from './prompts.js';

/**
 * What a client could search for who wants an honest seller accused: prompts and seeds at which the least difference between
 * two machines changes the first token. The search knows the verifier's logits exactly.
 */

/** The greatest and second greatest entry of a row. */
function topTwo(row) {
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (const value of row) {
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return [first, second];
}

/** Probabilities at T = 1, descending, each with its token; as many as hold nearly everything. */
function likeliest(row, count) {
  const order = Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b);
  const weights = order.map((token) => Math.exp(row[token] - row[order[0]]));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return order
    .slice(0, count)
    .map((token, i) => ({ token, mass: weights[i] / total, logit: row[token] }));
}

/** The cut in thousandths that some token's mass before it comes nearest to, of tokens likely enough to be drawn. */
function nearestCut(top) {
  let best = { distance: Number.POSITIVE_INFINITY };
  let before = 0;
  for (const [rank, { mass }] of top.entries()) {
    const cut = Math.round(before * 1000);
    const distance = Math.abs(before - cut / 1000);
    if (rank > 0 && mass > 0.01 && cut > 0 && cut < 1000 && distance < best.distance) {
      best = { distance, cut, rank };
    }
    before += mass;
  }
  return best;
}

/** Scores z/T + g at position 0, the greatest two. */
function scoresOf(top, seed, temperature) {
  const noise = gumbelNoise(seed);
  return top.map(({ token, logit }) => logit / temperature + noise.at(0, token));
}

/** A seed under which the token at `rank` beats all before it, so that the cut alone decides about it. */
function seedFor(draw, top, rank) {
  for (let tries = 0; tries < 20_000; tries++) {
    const seed = draw.bytes(32);
    const scores = scoresOf(top.slice(0, rank + 1), seed, 1);
    if (scores.indexOf(Math.max(...scores)) === rank) return seed;
  }
  return undefined;
}

/** Of many seeds the one under which the best two scores lie closest. */
function closestSeed(draw, top, temperature, tries) {
  let best = { gap: Number.POSITIVE_INFINITY };
  for (let i = 0; i < tries; i++) {
    const seed = draw.bytes(32);
    const [first, second] = topTwo(scoresOf(top, seed, temperature));
    if (first - second < best.gap) best = { gap: first - second, seed };
  }
  return best;
}

/**
 * Searches for near-ties of three kinds, `count` of each: of two logits under greedy decoding (over `rows` prefixes), of two
 * scores under noise (over `seeds` seeds for each prompt), and of top-p's cut with a token that the noise would choose.
 * @returns requests without a length, each with its kind
 */
export async function searchNearTies(verifier, draw, { rows, seeds, count }) {
  const length = Math.min(256, Math.floor(verifier.info.contextLength / 2));
  const width = verifier.info.vocabularySize;
  const none = new Uint8Array(32);
  let logitTies = [];
  let cutTies = [];
  for (let seen = 0; seen < rows; seen += length) {
    const text = drawText(draw, verifier, length);
    await verifier.prefill(text, {
      onLogits: (first, block) => {
        for (let row = 0; row * width < block.length; row++) {
          const logits = block.subarray(row * width, (row + 1) * width);
          const [a, b] = topTwo(logits);
          const promptIds = text.slice(0, first + row + 1);
          logitTies.push({ gap: a - b, promptIds });
          // sorting a row takes longer than computing it
          if (row % 8 > 0) continue;
          const top = likeliest(logits, 64);
          cutTies.push({ ...nearestCut(top), top, promptIds });
        }
      },
    });
    logitTies = logitTies.sort((x, y) => x.gap - y.gap).slice(0, count);
    cutTies = cutTies.sort((x, y) => x.distance - y.distance).slice(0, count);
  }
  const greedy = logitTies.map(({ gap, promptIds }) => ({
    kind: 'near-tie of logits',
    gap,
    request: {
      promptIds,
      seed: none,
      sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    },
  }));
  const cuts = cutTies.flatMap(({ distance, cut, rank, top, promptIds }) => {
    const seed = rank === undefined ? undefined : seedFor(draw, top, rank);
    if (!seed) return [];
    const sampling = { temperatureMilli: 1000, topK: 0, topPMilli: cut };
    return [{ kind: 'near-tie at top-p', gap: distance, request: { promptIds, seed, sampling } }];
  });
  const scores = cutTies.slice(0, count / 2).map(({ top, promptIds }) => {
    const { gap, seed } = closestSeed(draw, top.slice(0, 32), 0.8, seeds);
    const sampling = { temperatureMilli: 800, topK: 32, topPMilli: 1000 };
    return { kind: 'near-tie of scores', gap: gap * 0.8, request: { promptIds, seed, sampling } };
  });
  return [...greedy, ...cuts, ...scores];
}
