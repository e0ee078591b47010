import { finishOf, gumbelNoise, sampleToken } from 'bitmodel/model';
import { verifyOutput } from 'bitmodel/rastic';

/** The same where the back end draws the tokens itself, by the same sampler. */
async function sellWhole(backEnd, request) {
  const rows = [];
  const whole = { ...request, stop: [] };
  const { ids, finish } = await backEnd.generate(whole, { onLogits: (_, row) => rows.push(row) });
  return { claim: { ...whole, outputIds: ids, finish }, rows };
}

/**
 * An honest seller: the logits come from its back end, the tokens from them by the product's own sampler.
 * @param rule what ends an answer: `{endIds, contextLength, decode}`
 * @returns the claim it hands over, and the logits it saw, row by row
 */
export async function sellHonestly(backEnd, request, rule) {
  if (backEnd.generate) return sellWhole(backEnd, request);
  const { promptIds, sampling, seed, maxTokens } = request;
  const noise = gumbelNoise(seed);
  const session = await backEnd.session();
  const outputIds = [];
  const rows = [];
  try {
    let row = await session.feed(promptIds);
    for (;;) {
      rows.push(row);
      outputIds.push(sampleToken(row, outputIds.length, sampling, noise));
      const end = finishOf({
        ids: outputIds,
        endIds: rule.endIds,
        maxTokens,
        contextLeft: rule.contextLength - promptIds.length,
        stop: [],
        decode: rule.decode,
      });
      if (end) return { claim: { ...request, stop: [], outputIds, finish: end.finish }, rows };
      row = await session.feed([outputIds.at(-1)]);
    }
  } finally {
    await session.close();
  }
}

/**
 * How two rows of logits differ.
 * @returns `same`: bit by bit; `shift`: the least ε such that one row is the other, each logit shifted by at most ε, but for
 *   one number added to all (which changes no choice): half the range of the differences
 */
export function compareRows(a, b) {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let same = true;
  for (let i = 0; i < a.length; i++) {
    if (!Object.is(a[i], b[i])) same = false;
    const difference = a[i] - b[i];
    if (difference < least) least = difference;
    if (difference > most) most = difference;
  }
  return { same, shift: (most - least) / 2 };
}

/** Holds the seller's rows against those of the verifier's own pass. */
async function compareLogits(verifier, claim, rows) {
  const { vocabularySize: width } = verifier.info;
  const from = claim.promptIds.length - 1;
  const shifts = [];
  let differing = 0;
  await verifier.prefill([...claim.promptIds, ...claim.outputIds.slice(0, -1)], {
    from,
    onLogits: (first, block) => {
      for (let row = 0; row * width < block.length; row++) {
        const own = block.subarray(row * width, (row + 1) * width);
        const { same, shift } = compareRows(rows[first - from + row], own);
        if (!same) differing++;
        shifts.push(shift);
      }
    },
  });
  return { shifts, differing };
}

/**
 * One honest answer, checked by the product's verifier.
 * @returns what the table counts; `differing` is the number of positions at which any logit differs from the verifier's,
 *   `flips` at how many the verifier itself would have chosen another token, as a check for equal tokens would accuse */
export async function honestRun(backEnd, verifier, request, tau) {
  const { info, tokenizer } = verifier;
  const { claim, rows } = await sellHonestly(backEnd, request, {
    endIds: info.endIds,
    contextLength: info.contextLength,
    decode: (ids) => tokenizer.decode(ids),
  });
  const { shifts, differing } = await compareLogits(verifier, claim, rows);
  const verification = await verifyOutput(verifier, claim, { tau });
  const margins = verification.rows.flatMap(({ margin }) => (margin > 0 ? [margin] : []));
  const flips = verification.rows.filter(({ token, best }) => token !== best).length;
  return { claim, verification, shifts, differing, margins, flips };
}
