import {
  type FinishReason,
  type GumbelNoise,
  gumbelNoise,
  sampleToken,
} from '../../model/index.js';
import {
  type Attack,
  type AttackContext,
  type AttackModel,
  type AttackOutcome,
  type ExpectedVerdict,
  FALSE_TOKENS,
} from './attack.js';
import { decodeBy, endRule } from './decode.js';
import { withVariant } from './otherModels.js';
import { bypassLastLayer } from './variants/bypassLayers.js';

/** Tokens that the small model guesses before the big one looks at them. */
const GUESSES = 4;

/** Whether a guess is taken, by the big model's logits there and the token that they give. */
type Acceptance = (guess: number, own: number, logits: Float32Array) => boolean;

interface Pair {
  readonly context: AttackContext;
  readonly small: AttackModel;
  readonly noise: GumbelNoise;
}

/** What the small model would go on with, drawn with the same noise. */
async function guess(
  { context, small, noise }: Pair,
  ids: readonly number[],
  count: number,
): Promise<number[]> {
  const { promptIds, sampling } = context.request;
  const session = await small.session();
  try {
    const guesses: number[] = [];
    let logits = await session.feed([...promptIds, ...ids]);
    while (guesses.length < count) {
      if (guesses.length > 0) logits = await session.feed(guesses.slice(-1));
      guesses.push(sampleToken(logits, ids.length + guesses.length, sampling, noise));
    }
    return guesses;
  } finally {
    await session.close();
  }
}

/** The big model's logits after the tokens so far, and after each guess: one pass. */
async function lookAt(
  { context: { model, request, signal } }: Pair,
  ids: readonly number[],
  guesses: readonly number[],
): Promise<Float32Array[]> {
  const before = [...request.promptIds, ...ids];
  const width = model.info.vocabularySize;
  const rows: Float32Array[] = [];
  await model.prefill([...before, ...guesses], {
    from: before.length - 1,
    signal,
    onLogits: (_, logits) => {
      for (let at = 0; at < logits.length; at += width) rows.push(logits.subarray(at, at + width));
    },
  });
  return rows;
}

/** Decodes with a small model that guesses and a big one that looks at several guesses at once. */
async function speculate(context: AttackContext, accepts: Acceptance): Promise<AttackOutcome> {
  const { model, request, onToken, signal } = context;
  const noise = gumbelNoise(request.seed);
  const rule = endRule(context);
  const ids: number[] = [];
  let text = '';
  let finish: FinishReason | undefined;
  const started = performance.now();
  await withVariant(context, bypassLastLayer, async (small) => {
    const pair = { context, small, noise };
    while (finish === undefined) {
      signal?.throwIfAborted();
      const room = model.info.contextLength - request.promptIds.length - ids.length;
      const guesses = await guess(pair, ids, Math.min(GUESSES, room - 1));
      for (const [i, logits] of (await lookAt(pair, ids, guesses)).entries()) {
        const own = sampleToken(logits, ids.length, request.sampling, noise);
        const guessed = guesses[i];
        const isTaken = guessed !== undefined && accepts(guessed, own, logits);
        const id = isTaken ? guessed : own;
        const step = rule.push(id);
        onToken?.(id, step.delta, ids.length);
        ids.push(id);
        text += step.delta;
        finish = step.finish;
        if (finish !== undefined || id !== guessed) break;
      }
    }
  });
  const decodeSeconds = (performance.now() - started) / 1000;
  return { ids, text, finish: finish!, promptSeconds: 0, decodeSeconds, expected: FALSE_TOKENS };
}

function speculative(
  about: Pick<Attack, 'name' | 'description' | 'gains' | 'expects'>,
  accepts: Acceptance,
  expected: ExpectedVerdict = FALSE_TOKENS,
): Attack {
  return {
    ...about,
    ...(expected.valid ? { allowed: true } : {}),
    run: async (context) => ({ ...(await speculate(context, accepts)), expected }),
  };
}

/** How many tokens of the big model have a greater logit. */
function rankOf(token: number, logits: Float32Array): number {
  let rank = 0;
  for (const logit of logits) if (logit > logits[token]!) rank++;
  return rank;
}

/** Ranks within which a guess is taken. */
const RANKS = 5;
/** Medusa's typical acceptance: a guess is taken at p > min(ε, δ·e^−H), H the entropy of the big model's distribution. */
const EPSILON = 0.09;
const DELTA = 0.3;

function isTypical(token: number, logits: Float32Array): boolean {
  const top = logits.reduce((most, logit) => Math.max(most, logit));
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let entropy = 0;
  for (const weight of weights) {
    if (weight > 0) entropy -= (weight / total) * Math.log(weight / total);
  }
  return weights[token]! / total > Math.min(EPSILON, DELTA * Math.exp(-entropy));
}

const EXPECTS = 'the first guess that the big model would not have given';

/** A small model that guesses for a big one, in the way that is allowed and in ways that are not. */
export const SPECULATIVE_ATTACKS: readonly Attack[] = [
  speculative(
    {
      name: 'speculative-lossless',
      description:
        'lets a small model guess and takes a guess only where it is the token of the big one',
      gains: 'time, honestly',
      expects: 'valid: it is allowed, since each token is the one that the model gives',
    },
    (guessed, own) => guessed === own,
    { kinds: [], valid: true },
  ),
  speculative(
    {
      name: 'speculative-typical',
      description:
        'takes a guess of a small model where the big one finds it typical (lossy decoding)',
      gains: 'more guesses taken, so more time',
      expects: EXPECTS,
    },
    (guessed, _, logits) => isTypical(guessed, logits),
  ),
  speculative(
    {
      name: 'accepted-by-rank',
      description: `takes a guess of a small model where it is among the ${RANKS} best of the big one`,
      gains: 'most of the big model’s decoding',
      expects: EXPECTS,
    },
    (guessed, _, logits) => rankOf(guessed, logits) < RANKS,
  ),
  {
    name: 'prefill-only',
    description:
      'lets the big model read the prompt and give the first token, a small one the rest',
    gains: "the big model's decoding, which is most of the work",
    expects: EXPECTS,
    run: (context) => handedDown(context, () => 1),
  },
  {
    name: 'switched-midway',
    description: 'decodes the first half with the right model, the rest with a small one',
    gains: "half of the big model's decoding, and a good first impression",
    expects: EXPECTS,
    run: (context) => handedDown(context, (length) => length >> 1),
  },
];

/** The first tokens by the model paid for, the rest by a smaller one. */
async function handedDown(
  context: AttackContext,
  share: (length: number) => number,
): Promise<AttackOutcome> {
  const { request, model, signal, onToken } = context;
  const { sampling } = request;
  const noise = gumbelNoise(request.seed);
  const honest = await model.generate(request, { signal });
  const kept = honest.ids.slice(0, share(honest.ids.length));
  return withVariant(context, bypassLastLayer, async (small) => {
    const made = await decodeBy({ model: small, request, onToken, signal }, (logits, ids) =>
      ids.length < kept.length
        ? kept[ids.length]!
        : sampleToken(logits, ids.length, sampling, noise),
    );
    return { ...made, expected: FALSE_TOKENS };
  });
}
