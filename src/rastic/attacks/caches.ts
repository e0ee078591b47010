import { gumbelNoise, sampleToken } from '../../model/index.js';
import {
  type Attack,
  type AttackContext,
  type AttackModel,
  type AttackOutcome,
  type AttackSession,
  FALSE_TOKENS,
} from './attack.js';
import { type DecodeContext, decodeBy } from './decode.js';

/** Tokens that a forgetful seller looks back at. */
const WINDOW = 8;

/** A stream that sees the last tokens only, each time anew. */
function shortSighted(model: AttackModel): DecodeContext['model'] {
  const session = async (): Promise<AttackSession> => {
    const all: number[] = [];
    return {
      feed: async (ids) => {
        all.push(...ids);
        const fresh = await model.session();
        try {
          return await fresh.feed(all.slice(-WINDOW));
        } finally {
          await fresh.close();
        }
      },
      close: () => {},
    };
  };
  return { info: model.info, tokenizer: model.tokenizer, session };
}

/** Decodes as the job asks, but on another stream or another prompt. */
async function decodeOn(
  context: AttackContext,
  changes: Partial<Pick<DecodeContext, 'model' | 'request'>>,
): Promise<AttackOutcome> {
  const { seed, sampling } = context.request;
  const noise = gumbelNoise(seed);
  const generation = await decodeBy({ ...context, ...changes }, (logits, ids) =>
    sampleToken(logits, ids.length, sampling, noise),
  );
  return { ...generation, expected: FALSE_TOKENS };
}

/** Answers on a cache that is not the one of this prompt. */
export const CACHE_ATTACKS: readonly Attack[] = [
  {
    name: 'sliding-window',
    description: `forgets all but the last ${WINDOW} tokens`,
    gains: 'memory and the work of attention',
    expects: 'the first token that the whole context would not have led to',
    run: (context) => decodeOn(context, { model: shortSighted(context.model) }),
  },
  {
    name: 'stale-cache',
    description: "goes on from another prompt's keys and values for the first half",
    gains: 'half of the prefill',
    expects: 'the first token that the right cache would not have led to',
    run(context) {
      const { model, request } = context;
      const { promptIds } = request;
      const half = Math.ceil(promptIds.length / 2);
      const others = model.tokenizer.encode('It was the best of times, it was the worst of times');
      const stale = promptIds.map((id, i) => (i < half ? others[i % others.length]! : id));
      return decodeOn(context, { request: { ...request, promptIds: stale } });
    },
  },
];
