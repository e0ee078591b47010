import { gumbelNoise, type Sampling, sampleToken } from '../../model/index.js';
import { type Attack, type AttackNeed, FALSE_TOKENS } from './attack.js';
import { decodeBy } from './decode.js';
import { noRoom } from './handOver.js';

const EXPECTS = 'the first token that the sampling agreed on would not have given';

/** The right model on the right prompt, drawn from otherwise than agreed. */
function otherSampling(
  about: Pick<Attack, 'name' | 'description' | 'gains'>,
  needs: readonly AttackNeed[],
  change: (sampling: Sampling) => Sampling,
): Attack {
  return {
    ...about,
    needs,
    expects: EXPECTS,
    async run({ model, request, onToken, signal }) {
      const sampling = change(request.sampling);
      const agreed = request.sampling;
      if (
        sampling.temperatureMilli === agreed.temperatureMilli &&
        sampling.topK === agreed.topK &&
        sampling.topPMilli === agreed.topPMilli
      ) {
        throw noRoom('the job asks for this very sampling', 'Ask for another sampling');
      }
      const made = await model.generate({ ...request, sampling }, { onToken, signal });
      return { ...made, expected: FALSE_TOKENS };
    },
  };
}

/** The temperature of a cheat that has to draw where greedy was agreed on. */
const WARM = 1000;
const SMALL_K = 4;
const LARGE_K = 200;
const SMALL_P = 600;
const LARGE_P = 990;
/** As servers have it to keep small models from going round in circles. */
const PENALTY = 1.3;

/** Answers drawn with another sampling than the job's. */
export const SAMPLING_ATTACKS: readonly Attack[] = [
  otherSampling(
    {
      name: 'hotter',
      description: 'draws at one and a half times the temperature (at 1 in place of greedy)',
      gains: 'nothing but a sloppy set-up',
    },
    [],
    (sampling) => ({
      ...sampling,
      temperatureMilli: Math.min(Math.round(sampling.temperatureMilli * 1.5) || WARM, 100_000),
    }),
  ),
  otherSampling(
    {
      name: 'colder',
      description: 'draws at half of the temperature',
      gains: 'safer, duller answers, which caches hit more often',
    },
    ['sampled'],
    (sampling) => ({ ...sampling, temperatureMilli: sampling.temperatureMilli >> 1 }),
  ),
  otherSampling(
    {
      name: 'greedy',
      description: 'takes the most probable token each time in place of drawing',
      gains: 'one answer for everybody who asks the same',
    },
    ['sampled'],
    (sampling) => ({ ...sampling, temperatureMilli: 0 }),
  ),
  otherSampling(
    { name: 'top-k-off', description: 'draws from all tokens', gains: 'the sorting' },
    ['sampled', 'top-k'],
    (sampling) => ({ ...sampling, topK: 0 }),
  ),
  otherSampling(
    {
      name: 'top-k-changed',
      description: `draws from the ${SMALL_K} most probable tokens (from ${LARGE_K} where fewer were agreed on)`,
      gains: 'one setting for all jobs',
    },
    ['sampled'],
    (sampling) => ({
      ...sampling,
      topK: sampling.topK === 0 || sampling.topK > SMALL_K ? SMALL_K : LARGE_K,
    }),
  ),
  otherSampling(
    { name: 'top-p-off', description: 'draws without the nucleus', gains: 'the sorting' },
    ['sampled', 'top-p'],
    (sampling) => ({ ...sampling, topPMilli: 1000 }),
  ),
  otherSampling(
    {
      name: 'top-p-changed',
      description: `draws from a nucleus of ${SMALL_P / 1000} (of ${LARGE_P / 1000} where a smaller one was agreed on)`,
      gains: 'one setting for all jobs',
    },
    ['sampled'],
    (sampling) => ({
      ...sampling,
      topPMilli: sampling.topPMilli > SMALL_P ? SMALL_P : LARGE_P,
    }),
  ),
  {
    name: 'repetition-penalty',
    description: `lowers the logits of tokens that stood before (penalty ${PENALTY})`,
    gains: 'hides that a small model goes round in circles',
    expects: EXPECTS,
    async run(context) {
      const { request } = context;
      const noise = gumbelNoise(request.seed);
      const generation = await decodeBy(context, (logits, ids) => {
        const changed = logits.slice();
        for (const id of new Set([...request.promptIds, ...ids])) {
          const logit = logits[id]!;
          changed[id] = logit > 0 ? logit / PENALTY : logit * PENALTY;
        }
        return sampleToken(changed, ids.length, request.sampling, noise);
      });
      return { ...generation, expected: FALSE_TOKENS };
    },
  },
];
