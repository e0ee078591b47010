/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/** What is said of one output position: the token that was drawn, and the most probable ones. */
export interface PositionLogprobs extends TokenLogprob {
  /** The most probable tokens, best first, the smaller id first among equals; as many as were asked for. */
  readonly top: readonly TokenLogprob[];
}

/** Most alternatives that can be asked for, as in the OpenAI API. */
export const MOST_LOGPROBS = 20;

/** The `count` largest logits, best first: few of many, so each finds its place by insertion. */
function largest(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (ids.length === count && !(logit > logits[ids.at(-1)!]!)) continue;
    let at = ids.length;
    while (at > 0 && logit > logits[ids[at - 1]!]!) at--;
    ids.splice(at, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}

/**
 * Log-probabilities of a position, by the softmax of the plain logits (temperature 1, nothing cut), whatever the sampling
 * is: so they say what the model thinks, and compare between runs.
 * @param logits one row, finite
 * @param token that was drawn
 * @param count of the most probable tokens to name, 0 to {@link MOST_LOGPROBS}
 */
export function logprobsOf(logits: Float32Array, token: number, count: number): PositionLogprobs {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > greatest) greatest = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - greatest);
  const rest = Math.log(sum);
  // the difference first: a sum with a large logit would lose the logarithm
  const of = (id: number): TokenLogprob => ({ id, logprob: logits[id]! - greatest - rest });
  const top = count > 0 ? largest(logits, Math.min(count, logits.length)).map(of) : [];
  return { ...of(token), top };
}
