import type { Attack, AttackContext } from './attack.js';
import { FALSE_TOKENS } from './attack.js';
import { noRoom } from './handOver.js';

const EXPECTS = 'the first token that the right prompt would not have led to';
const LONGER = 'Use a longer prompt';

/** An honest answer to another prompt than the job's. */
function otherPrompt(
  about: Pick<Attack, 'name' | 'description' | 'gains'>,
  change: (ids: readonly number[], context: AttackContext) => readonly number[],
): Attack {
  return {
    ...about,
    expects: EXPECTS,
    async run(context) {
      const { model, request, onToken, signal } = context;
      const promptIds = change(request.promptIds, context);
      if (promptIds.length === 0) throw noRoom('the prompt has a single token', LONGER);
      const made = await model.generate({ ...request, promptIds }, { onToken, signal });
      return { ...made, expected: FALSE_TOKENS };
    },
  };
}

/** What stands before a question in many services. */
const SYSTEM = 'Answer in as few words as you can. ';
/** The share of a prompt that a system prompt takes here, when it is dropped. */
const SYSTEM_SHARE = 3;

/** Answers to a prompt that is not the job's. */
export const PROMPT_ATTACKS: readonly Attack[] = [
  otherPrompt(
    {
      name: 'prompt-edited',
      description: 'answers a prompt in which one token is another',
      gains: 'steers the answer (an advertisement, a slant)',
    },
    (ids, { model }) => {
      const at = ids.length >> 1;
      return ids.with(at, (ids[at]! + 1) % model.info.vocabularySize);
    },
  ),
  otherPrompt(
    {
      name: 'prompt-shortened',
      description: 'answers the second half of the prompt only',
      gains: 'half of the prefill',
    },
    (ids) => ids.slice(ids.length >> 1, ids.length > 1 ? undefined : 0),
  ),
  otherPrompt(
    {
      name: 'prompt-reordered',
      description: 'answers a prompt whose halves are exchanged',
      gains: 'a cached prefix that begins otherwise',
    },
    (ids) => [...ids.slice(ids.length >> 1), ...ids.slice(0, ids.length >> 1)],
  ),
  otherPrompt(
    {
      name: 'system-prompt-dropped',
      description: 'leaves the first third of the prompt away, where a system prompt stands',
      gains: 'part of the prefill',
    },
    (ids) => ids.slice(Math.ceil(ids.length / SYSTEM_SHARE), ids.length > 1 ? undefined : 0),
  ),
  otherPrompt(
    {
      name: 'system-prompt-added',
      description: 'puts a sentence of its own before the prompt',
      gains: 'shorter answers for the same price',
    },
    (ids, { model }) => [...model.tokenizer.encode(SYSTEM), ...ids],
  ),
  otherPrompt(
    {
      name: 'cached-similar',
      description: 'hands out the answer that it has to a prompt with another last word',
      gains: 'the whole work, where caches are searched by likeness',
    },
    (ids, { model }) => ids.with(-1, (ids.at(-1)! + 1) % model.info.vocabularySize),
  ),
  {
    name: 'replay',
    description: "hands out another job's output: another prompt, another seed",
    gains: 'the whole work',
    expects: EXPECTS,
    async run({ model, request, onToken, signal }) {
      const promptIds = model.tokenizer.encode('It was the best of times, it was the worst');
      const seed = request.seed.map((byte) => byte ^ 0xff);
      const made = await model.generate({ ...request, promptIds, seed }, { onToken, signal });
      return { ...made, expected: FALSE_TOKENS };
    },
  },
];
