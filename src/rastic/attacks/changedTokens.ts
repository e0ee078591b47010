import { type GumbelNoise, gumbelNoise, type Sampling, sampleToken } from '../../model/index.js';
import { checkPosition } from '../margin.js';
import { type Attack, type AttackContext, FALSE_TOKENS } from './attack.js';
import { decodeBy } from './decode.js';
import { honestly } from './handOver.js';
import { tamperAt } from './tamper.js';
import { wrongToken } from './wrongToken.js';

/** Every so many tokens one is changed. */
const EVERY = 8;

const byLength = (pick: (length: number) => number) => async (context: AttackContext) =>
  pick((await honestly(context)).ids.length);

/** Runners-up that are looked at; beyond them hardly one lies within the tolerance. */
const RUNNERS_UP = 3;

/** The token with the greatest margin that a verifier forgives, with a little room for its rounding. */
function worstAllowed(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
  tau: number,
): number {
  const left = logits.slice();
  let worst = sampleToken(left, position, sampling, noise);
  for (let tries = 0; tries < RUNNERS_UP; tries++) {
    left[sampleToken(left, position, sampling, noise)] = Number.NEGATIVE_INFINITY;
    const next = sampleToken(left, position, sampling, noise);
    const check = checkPosition(logits, next, position, sampling, noise, tau);
    if (check.kind !== 'margin' || check.margin > tau * ROOM) break;
    worst = next;
  }
  return worst;
}

/** The share of the tolerance that a careful cheat uses. */
const ROOM = 0.9;

/** Answers in which some tokens are not the model's. */
export const CHANGED_TOKEN_ATTACKS: readonly Attack[] = [
  tamperAt(
    {
      name: 'tamper-first',
      description: 'changes the first token and goes on honestly from there',
      expects: 'continuity (sampling where no other token is left) at position 0',
    },
    () => 0,
  ),
  tamperAt(
    {
      name: 'tamper-last-but-one',
      description: 'changes the last token but one and goes on honestly',
      expects: 'integrity at the position that was changed',
    },
    byLength((length) => Math.max(length - 2, 0)),
  ),
  tamperAt(
    {
      name: 'tamper-last',
      description: 'changes the last token',
      expects: 'integrity at the last position',
    },
    byLength((length) => length - 1),
  ),
  {
    name: 'tamper-many',
    description: `changes every ${EVERY}th token`,
    gains: 'a text that says what it wants',
    expects: 'integrity at the first changed token',
    async run(context) {
      const { request, tau } = context;
      const noise = gumbelNoise(request.seed);
      const generation = await decodeBy(context, (logits, ids) => {
        const position = ids.length;
        const honest = sampleToken(logits, position, request.sampling, noise);
        if (position % EVERY !== EVERY - 1) return honest;
        return (
          wrongToken(logits, position, request.sampling, noise, tau, () => true)?.token ?? honest
        );
      });
      return { ...generation, expected: FALSE_TOKENS };
    },
  },
  {
    name: 'second-best',
    description: 'gives the second best token each time',
    gains: 'nothing but a different text, as a watermark would',
    expects: 'the first token whose margin is above the tolerance',
    async run(context) {
      const { sampling, seed } = context.request;
      const noise = gumbelNoise(seed);
      const generation = await decodeBy(context, (logits, ids) => {
        const position = ids.length;
        const without = logits.slice();
        without[sampleToken(logits, position, sampling, noise)] = Number.NEGATIVE_INFINITY;
        return sampleToken(without, position, sampling, noise);
      });
      return { ...generation, expected: FALSE_TOKENS };
    },
  },
  {
    name: 'tolerance-band',
    description:
      'takes the worst token whose margin is still within the tolerance, wherever there is one',
    gains: 'a little freedom in the text, where two tokens are nearly level',
    expects: 'valid by single margins; substitution where pooled evidence has enough positions',
    allowed: true,
    async run(context) {
      const { request, tau } = context;
      const { sampling, seed } = request;
      const noise = gumbelNoise(seed);
      const generation = await decodeBy(context, (logits, ids) =>
        worstAllowed(logits, ids.length, sampling, noise, tau),
      );
      return { ...generation, expected: { kinds: ['substitution'], valid: true } };
    },
  },
];
