import { gumbelNoise } from 'bitmodel/model';
import { drawText } from './prompts.js';

/**
 * What a client could search for who wants an honest seller accused: prompts and seeds at which the least difference between
 * two machines changes a token. The search knows the verifier's logits exactly. The tie is at the second token, since the
 * first comes from a pass over the prompt, which many sellers compute as the verifier does, to the last bit.
 */

const GREEDY = { temperatureMilli: 0, topK: 0, topPMilli: 1000 };
/** Temperature of near-ties of scores, and how many of the likeliest tokens compete. */
const TEMPERATURE = 0.8;
const COMPETITORS = 32;

/** The greatest and second greatest of some numbers, and where the greatest stands. */
function topTwo(values) {
  let [first, second, at] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
  for (let i = 0; i < values.length; i++) {
    if (values[i] > first) [second, first, at] = [first, values[i], i];
    else if (values[i] > second) second = values[i];
  }
  return { gap: first - second, at };
}

/** The likeliest tokens at T = 1, descending, with their probabilities. */
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

/** How many of the tokens top-p leaves. */
function leftBy(top, cut) {
  let before = 0;
  for (const [rank, { mass }] of top.entries()) {
    if (before >= cut / 1000) return rank;
    before += mass;
  }
  return top.length;
}

const scoresOf = (noise, position, top, temperature) =>
  top.map(({ token, logit }) => logit / temperature + noise.at(position, token));

/** A seed under which the first token is the likeliest, and the second the one that only the cut decides about. */
function seedForCut(draw, { before, top, rank, cut }) {
  const left = before.slice(0, leftBy(before, cut));
  for (let tries = 0; tries < 5_000; tries++) {
    const seed = draw.bytes(32);
    const noise = gumbelNoise(seed);
    if (topTwo(scoresOf(noise, 1, top.slice(0, rank + 1), 1)).at !== rank) continue;
    if (topTwo(scoresOf(noise, 0, left, 1)).at === 0) return seed;
  }
  return undefined;
}

/** Of many seeds under which the first token is the likeliest, those two whose best scores at the second lie closest. */
function closestSeeds(draw, { before, top }, tries) {
  let best = { gap: Number.POSITIVE_INFINITY };
  let second = best;
  for (let i = 0; i < tries; i++) {
    const seed = draw.bytes(32);
    const noise = gumbelNoise(seed);
    const { gap } = topTwo(scoresOf(noise, 1, top.slice(0, COMPETITORS), TEMPERATURE));
    if (gap >= second.gap) continue;
    const first = scoresOf(noise, 0, before.slice(0, COMPETITORS), TEMPERATURE);
    if (topTwo(first).at !== 0) continue;
    second = { gap, seed };
    if (gap < best.gap) [best, second] = [second, best];
  }
  return [best, second];
}

/** Calls `see` for each place in a text whose token is the likeliest after what stands before it, with both rows. */
async function eachFollowing(verifier, text, see) {
  const width = verifier.info.vocabularySize;
  let before;
  await verifier.prefill(text, {
    onLogits: (first, block) => {
      for (let row = 0; row * width < block.length; row++) {
        const logits = block.subarray(row * width, (row + 1) * width);
        const position = first + row;
        if (before && topTwo(before).at === text[position]) {
          see({ promptIds: text.slice(0, position), before, logits });
        }
        before = logits;
      }
    },
  });
}

/** The places of many texts where two logits lie closest, and where a cut in thousandths lies closest to top-p's mass. */
async function closestPlaces(verifier, draw, { rows, count, length }) {
  let logitTies = [];
  let cutTies = [];
  for (let seen = 0; seen < rows; seen += length) {
    const text = drawText(draw, verifier, length);
    await eachFollowing(verifier, text, ({ promptIds, before, logits }) => {
      logitTies.push({ gap: topTwo(logits).gap, promptIds });
      const top = likeliest(logits, 64);
      const nearest = nearestCut(top);
      if (nearest.rank === undefined || nearest.distance > 1e-4) return;
      cutTies.push({ ...nearest, top, before: likeliest(before, 64), promptIds });
    });
    logitTies = logitTies.sort((x, y) => x.gap - y.gap).slice(0, count);
    cutTies = cutTies.sort((x, y) => x.distance - y.distance).slice(0, count);
  }
  return { logitTies, cutTies };
}

/**
 * Searches for near-ties of three kinds, `count` of each: of two logits under greedy decoding (over `rows` prefixes of
 * texts of `length` tokens), of two
 * scores under noise (over `seeds` seeds for each prompt), and of top-p's cut with a token that the noise would
 * choose.
 * @returns requests without a length, each with its kind and how close it is
 */
export async function searchNearTies(verifier, draw, { rows, seeds, count, length = 256 }) {
  const { logitTies, cutTies } = await closestPlaces(verifier, draw, { rows, count, length });
  const ties = logitTies.map(({ gap, promptIds }) => ({
    kind: 'near-tie of logits',
    gap,
    request: { promptIds, seed: new Uint8Array(32), sampling: GREEDY },
  }));
  for (const place of cutTies) {
    const seed = seedForCut(draw, place);
    const sampling = { temperatureMilli: 1000, topK: 0, topPMilli: place.cut };
    const request = { promptIds: place.promptIds, seed, sampling };
    if (seed) ties.push({ kind: 'near-tie at top-p', gap: place.distance, request });
  }
  for (const place of cutTies.slice(0, count / 2)) {
    const sampling = { temperatureMilli: 1000 * TEMPERATURE, topK: COMPETITORS, topPMilli: 1000 };
    for (const { gap, seed } of closestSeeds(draw, place, seeds)) {
      const request = { promptIds: place.promptIds, seed, sampling };
      if (seed) ties.push({ kind: 'near-tie of scores', gap: gap * TEMPERATURE, request });
    }
  }
  return ties;
}
