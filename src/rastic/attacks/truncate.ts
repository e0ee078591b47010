import { BitmodelError } from '../../base/index.js';
import type { Attack } from './attack.js';

/** Stops half-way and says that the model had come to its end. */
export const truncate: Attack = {
  name: 'truncate',
  description: 'hands over the first half of the answer and claims that the model ended there',
  gains: 'half of the work, for the price of all where it is paid by the answer',
  expects: 'truncation at the first missing token',
  async run({ model, request, onToken, signal }) {
    const whole = await model.generate(request, { onToken, signal });
    const kept = Math.floor(whole.ids.length / 2);
    if (kept === 0) {
      throw new BitmodelError(
        'NOTHING_TO_TRUNCATE',
        'The answer has a single token, so nothing of it can be left out.',
        { next: 'Ask for more tokens, or another prompt' },
      );
    }
    const ids = whole.ids.slice(0, kept);
    const text = model.tokenizer.decode(ids);
    return {
      ...whole,
      ids,
      text,
      finish: 'eos',
      expected: { kinds: ['truncation'], position: kept },
    };
  },
};
