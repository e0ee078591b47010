import { toHex } from '../../base/index.js';
import type { Attack, AttackContext, AttackOutcome, ExpectedVerdict } from './attack.js';
import { FALSE_TOKENS } from './attack.js';
import { finishAt, handOver, honestly, mostTokens, noRoom } from './handOver.js';
import { randomFrom } from './random.js';

const EXPECTS = 'the first token that the model would not have given';

/** The first tokens up to the limit, or to where they happen to end the answer. */
function upToTheEnd(
  context: AttackContext,
  ids: readonly number[],
  expected: ExpectedVerdict,
): AttackOutcome {
  const { endIds } = context.model.info;
  const whole = ids.slice(0, mostTokens(context));
  // an end token in the middle would only add a second fault
  const clean = whole.map((id) => (endIds.includes(id) ? anotherThan(endIds, context) : id));
  return handOver(context, clean, finishAt(context, clean), expected);
}

function anotherThan(endIds: readonly number[], { model }: AttackContext): number {
  let id = model.info.vocabularySize - 1;
  while (endIds.includes(id)) id--;
  return id;
}

function repeated(ids: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => ids[i % ids.length]!);
}

/** Tokens of a loop. */
const LOOP = 3;

/** Answers with which no model had much to do. */
export const MADE_UP_ATTACKS: readonly Attack[] = [
  {
    name: 'random-tokens',
    description: 'hands over random tokens',
    gains: 'the whole work',
    expects: EXPECTS,
    async run(context) {
      const { model, request } = context;
      const random = randomFrom(`tokens ${toHex(request.seed)}`);
      const draw = (): number => random.below(model.info.vocabularySize);
      const ids = Array.from({ length: mostTokens(context) }, draw);
      return upToTheEnd(context, ids, FALSE_TOKENS);
    },
  },
  {
    name: 'constant-token',
    description: 'computes the first token and repeats it',
    gains: 'all work but the prefill',
    expects: EXPECTS,
    async run(context) {
      const { model, request, signal } = context;
      const { ids } = await model.generate({ ...request, maxTokens: 1 }, { signal });
      return upToTheEnd(context, repeated(ids, mostTokens(context)), FALSE_TOKENS);
    },
  },
  {
    name: 'repetition-loop',
    description: `honest for the first half, then repeats the last ${LOOP} tokens to the limit`,
    gains: 'half of the work, with text that a weak model might have written',
    expects: EXPECTS,
    async run(context) {
      const { ids } = await honestly(context);
      const kept = ids.slice(0, ids.length >> 1);
      if (kept.length < LOOP) throw noRoom('the answer is too short', 'Ask for more tokens');
      const loop = repeated(kept.slice(-LOOP), mostTokens(context) - kept.length);
      return upToTheEnd(context, [...kept, ...loop], FALSE_TOKENS);
    },
  },
  {
    name: 'prompt-copy',
    description: 'hands the prompt back, repeated to the limit',
    gains: 'the whole work',
    expects: EXPECTS,
    run: async (context) =>
      upToTheEnd(context, repeated(context.request.promptIds, mostTokens(context)), FALSE_TOKENS),
  },
  {
    name: 'token-omitted',
    description: 'leaves one token in the middle away',
    gains: 'a word that it does not like is gone',
    expects: EXPECTS,
    async run(context) {
      const { ids, finish } = await honestly(context);
      if (ids.length < 2) throw noRoom('the answer has a single token', 'Ask for more tokens');
      const left = ids.toSpliced(ids.length >> 1, 1);
      const kinds = [...FALSE_TOKENS.kinds, 'truncation'] as const;
      return handOver(context, left, finish, { kinds });
    },
  },
  {
    name: 'tokens-swapped',
    description: 'exchanges two neighbouring tokens in the middle',
    gains: 'nothing but mischief',
    expects: EXPECTS,
    async run(context) {
      const { ids, finish } = await honestly(context);
      const at = ids.findIndex((id, i) => i >= (ids.length >> 1) - 1 && id !== ids[i + 1]);
      if (at < 0 || at + 1 >= ids.length) {
        throw noRoom('no two tokens there differ', 'Ask for more tokens');
      }
      const swapped = ids.with(at, ids[at + 1]!).with(at + 1, ids[at]!);
      return handOver(context, swapped, finish, FALSE_TOKENS);
    },
  },
  {
    name: 'unknown-token',
    description: 'hands over a token that is not in the vocabulary',
    gains: 'a crash of the verifier, it hopes',
    expects: 'format at that token',
    async run(context) {
      const { ids, finish } = await honestly(context);
      const position = ids.length >> 1;
      const strange = ids.with(position, context.model.info.vocabularySize + 7);
      return handOver(context, strange, finish, { kinds: ['format'], position });
    },
  },
];
