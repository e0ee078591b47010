import type { Attack } from './attack.js';

/** Works honestly, takes the money, and keeps the answer. */
export const withhold: Attack = {
  name: 'withhold',
  description: 'produces the right tokens, but posts garbage as their ciphertext',
  expects: 'undelivered: the ciphertext does not open to what was committed',
  async run({ model, request, onToken, signal }) {
    const generation = await model.generate(request, { onToken, signal });
    return { ...generation, deliver: 'withhold', expected: { kinds: ['undelivered'] } };
  },
};
