import { type FinishReason, type Generation, gumbelNoise, sampleToken } from '../../model/index.js';
import type { Attack, AttackContext } from './attack.js';
import { decodeBy } from './decode.js';
import { handOver, honestly, mostTokens, noRoom } from './handOver.js';

const MORE_TOKENS = 'Ask for more tokens, or another prompt';
const GAIN = 'half of the work, for the price of all where it is paid by the answer';

/** The first half of an honest answer. */
async function firstHalf(context: AttackContext): Promise<number[]> {
  const { ids } = await honestly(context);
  if (ids.length < 2) throw noRoom('the answer has a single token', MORE_TOKENS);
  return ids.slice(0, ids.length >> 1);
}

function cutShort(name: string, description: string, finish: FinishReason): Attack {
  return {
    name,
    description,
    gains: GAIN,
    expects: 'truncation at the first missing token',
    async run(context) {
      const ids = await firstHalf(context);
      return handOver(context, ids, finish, { kinds: ['truncation'], position: ids.length });
    },
  };
}

/** Tokens after the end that a greedy seller adds. */
const MORE = 4;

/** The honest answer, and what the model would go on with if nothing ended it. */
async function endless(
  context: AttackContext,
): Promise<{ honest: Generation; ids: number[]; finish: FinishReason }> {
  const { model, request } = context;
  const honest = await honestly(context);
  const noise = gumbelNoise(request.seed);
  const { ids, finish } = await decodeBy(
    {
      signal: context.signal,
      model: {
        info: { ...model.info, endIds: [] },
        tokenizer: model.tokenizer,
        session: () => model.session(),
      },
      request: { ...request, stop: [], maxTokens: honest.ids.length + MORE },
    },
    (logits, before) => sampleToken(logits, before.length, request.sampling, noise),
  );
  if (ids.length === honest.ids.length) throw noRoom('the context is full', 'Shorten the prompt');
  return { honest, ids, finish };
}

/** Answers that end where they should not, or that say so of themselves. */
export const ENDING_ATTACKS: readonly Attack[] = [
  cutShort(
    'early-length',
    'hands over the first half and claims that no more was asked for',
    'length',
  ),
  cutShort('early-stop', 'hands over the first half and claims that a stop text was met', 'stop'),
  {
    name: 'forged-end',
    description: 'puts an end token after the first half',
    gains: GAIN,
    expects: 'integrity (sampling where it is excluded) at the end token',
    async run(context) {
      const [end] = context.model.info.endIds;
      if (end === undefined) throw noRoom('the model has no end token', 'Use another model');
      const ids = await firstHalf(context);
      return handOver(context, [...ids, end], 'eos', {
        kinds: ['integrity', 'sampling'],
        position: ids.length,
      });
    },
  },
  {
    name: 'false-finish',
    description: 'hands over the right tokens with a false reason for their end',
    gains: 'hides that the answer was cut by the limit, or that it came to its end',
    expects: 'truncation at the last token',
    async run(context) {
      const { ids, finish } = await honestly(context);
      const expected = { kinds: ['truncation'], position: ids.length - 1 } as const;
      return handOver(context, ids, finish === 'eos' ? 'length' : 'eos', expected);
    },
  },
  {
    name: 'past-the-end',
    description: `goes on for ${MORE} tokens after the answer has come to its end`,
    gains: 'the price of more tokens',
    expects: 'count at the first token too many',
    unsold: true,
    async run(context) {
      const { honest, ids, finish } = await endless(context);
      return handOver(context, ids, finish, { kinds: ['count'], position: honest.ids.length });
    },
  },
  {
    name: 'past-the-stop',
    description: 'takes no notice of the stop texts',
    gains: 'the price of more tokens',
    expects: 'count at the first token after the stop text',
    needs: ['stop'],
    async run(context) {
      const { model, request, signal } = context;
      const honest = await honestly(context);
      if (honest.finish !== 'stop' || honest.ids.length === mostTokens(context)) {
        throw noRoom('no stop text ends the answer early', 'Pass a stop text that it meets');
      }
      const { ids, finish } = await model.generate({ ...request, stop: [] }, { signal });
      return handOver(context, ids, finish, { kinds: ['count'], position: honest.ids.length });
    },
  },
  {
    name: 'token-inflation',
    description: 'fills an answer that ended early with repetitions, up to the limit',
    gains: 'the price of tokens that cost nothing',
    expects: 'count at the first token too many, or what that token is by itself',
    needs: ['stop'],
    async run(context) {
      const { ids } = await honestly(context);
      const room = mostTokens(context) - ids.length;
      if (room === 0) throw noRoom('the answer does not end early', 'Ask for more tokens');
      const filled = [...ids, ...Array<number>(room).fill(ids.at(-1)!)];
      const kinds = ['count', 'integrity', 'sampling'] as const;
      return handOver(context, filled, 'length', { kinds, position: ids.length });
    },
  },
  {
    name: 'empty',
    description: 'hands over nothing and claims that the model ended at once',
    gains: 'the whole work, where the price is for the answer',
    expects: 'truncation at position 0',
    unsold: true,
    run: async (context) => handOver(context, [], 'eos', { kinds: ['truncation'], position: 0 }),
  },
];
