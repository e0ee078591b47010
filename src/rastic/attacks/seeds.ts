import { sha256, toHex } from '../../base/index.js';
import { candidatesOf, type Generation, gumbelNoise, sampleToken } from '../../model/index.js';
import { type Attack, FALSE_TOKENS } from './attack.js';
import { decodeBy } from './decode.js';
import { randomFrom } from './random.js';

const EXPECTS = "the first token that the job's seed would not have drawn";
const NEEDS = ['sampled'] as const;
/** Answers that a grinding seller makes to pick one; more would find shorter ones still. */
const TRIES = 6;

/** Answers drawn with other noise than the job's seed fixes. */
export const SEED_ATTACKS: readonly Attack[] = [
  {
    name: 'wrong-seed',
    description: 'draws by a seed of its own',
    gains: 'one answer for many jobs',
    expects: EXPECTS,
    needs: NEEDS,
    async run({ model, request, onToken, signal }) {
      const seed = sha256(request.seed);
      const made = await model.generate({ ...request, seed }, { onToken, signal });
      return { ...made, expected: FALSE_TOKENS };
    },
  },
  {
    name: 'seed-ground',
    description: `draws by ${TRIES} seeds of its own and hands over the shortest text`,
    gains: 'the answer that suits it best',
    expects: EXPECTS,
    needs: NEEDS,
    async run({ model, request, signal }) {
      let best: Generation | undefined;
      let { seed } = request;
      for (let i = 0; i < TRIES; i++) {
        seed = sha256(seed);
        const made = await model.generate({ ...request, seed }, { signal });
        if (best === undefined || made.text.length < best.text.length) best = made;
      }
      return { ...best!, expected: FALSE_TOKENS };
    },
  },
  {
    name: 'own-randomness',
    description: 'draws with the right probabilities, but from a random stream of its own',
    gains: "any serving software that knows no seed that is the buyer's",
    expects: EXPECTS,
    needs: NEEDS,
    async run(context) {
      const { sampling, seed } = context.request;
      const random = randomFrom(`own ${toHex(seed)}`);
      const generation = await decodeBy(context, (logits, ids) => {
        if (sampling.temperatureMilli === 0) {
          return sampleToken(logits, ids.length, sampling, gumbelNoise(seed));
        }
        const { tokens, scaled } = candidatesOf(logits, sampling);
        const top = scaled.reduce((most, value) => Math.max(most, value));
        const weights = scaled.map((value) => Math.exp(value - top));
        let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
        const drawn = weights.findIndex((weight) => {
          left -= weight;
          return left < 0;
        });
        return tokens[drawn < 0 ? 0 : drawn]!;
      });
      return { ...generation, expected: FALSE_TOKENS };
    },
  },
  {
    name: 'noise-off-by-one',
    description: 'counts output positions from 1 when it makes the noise',
    gains: 'nothing but a bug',
    expects: EXPECTS,
    needs: NEEDS,
    async run(context) {
      const { sampling, seed } = context.request;
      const noise = gumbelNoise(seed);
      const generation = await decodeBy(context, (logits, ids) =>
        sampleToken(logits, ids.length + 1, sampling, noise),
      );
      return { ...generation, expected: FALSE_TOKENS };
    },
  },
];
