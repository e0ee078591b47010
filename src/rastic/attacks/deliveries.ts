import type { InvalidKind } from '../verdict.js';
import type { Attack, DeliveryCheat } from './attack.js';
import { noRoom } from './handOver.js';

function delivery(
  about: Pick<Attack, 'name' | 'description' | 'gains' | 'expects'>,
  deliver: DeliveryCheat,
  kind: InvalidKind,
): Attack {
  return {
    ...about,
    async run({ model, request, onToken, signal }) {
      const generation = await model.generate(request, { onToken, signal });
      if (deliver === 'false-count' && generation.ids.length < 2) {
        throw noRoom('the answer has a single token', 'Ask for more tokens');
      }
      return { ...generation, deliver, expected: { kinds: [kind] } };
    },
  };
}

/** The seller keeps an answer that it was paid for. */
const KEEPS = 'the price, and the answer to itself';

/** Sellers who work honestly, take the money, and cheat in handing over. */
export const DELIVERY_ATTACKS: readonly Attack[] = [
  delivery(
    {
      name: 'withhold',
      description: 'produces the right tokens, but posts garbage as their ciphertext',
      gains: KEEPS,
      expects: 'undelivered: the ciphertext is not the one that was committed to',
    },
    'withhold',
    'undelivered',
  ),
  delivery(
    {
      name: 'garbage',
      description: 'commits to garbage as the ciphertext, and posts it',
      gains: KEEPS,
      expects: 'format: the ciphertext does not open',
    },
    'garbage',
    'format',
  ),
  delivery(
    {
      name: 'wrong-key',
      description: 'seals the answer under another key than the one it shows',
      gains: KEEPS,
      expects: 'format: the ciphertext does not open',
    },
    'other-key',
    'format',
  ),
  delivery(
    {
      name: 'wrong-reader',
      description: 'seals the answer to somebody else than the buyer',
      gains: KEEPS,
      expects: 'format: the ciphertext does not open for the buyer',
    },
    'other-reader',
    'format',
  ),
  delivery(
    {
      name: 'other-output',
      description: 'commits to the right tokens and delivers others',
      gains: 'a commitment that is beyond doubt, and a useless delivery',
      expects: 'format: what is delivered is not what was committed to',
    },
    'other-output',
    'format',
  ),
  delivery(
    {
      name: 'false-count',
      description: 'delivers half of the tokens and charges for all',
      gains: 'half of the work',
      expects: 'count: another number of tokens than was committed to',
    },
    'false-count',
    'count',
  ),
];
