import { BitmodelError, EXIT } from '../../base/index.js';
import { gumbelNoise, sampleToken } from '../../model/index.js';
import type { Attack, AttackContext } from './attack.js';
import { decodeBy, endRule } from './decode.js';
import { type WrongToken, wrongToken } from './wrongToken.js';

function noRoom(position: number, why: string, next: string): BitmodelError {
  return new BitmodelError(
    'NOTHING_TO_TAMPER',
    `Position ${position} can't be tampered with: ${why}.`,
    {
      next,
      exitCode: EXIT.usage,
    },
  );
}

function pastTheEnd(position: number, length: number): BitmodelError {
  const next = `Pick a position below ${length}, or ask for more tokens`;
  return noRoom(position, `the answer ends after ${length} tokens`, next);
}

/** The middle of the honest answer. */
async function middle({ model, request, signal }: AttackContext): Promise<number> {
  const { ids } = await model.generate(request, { signal });
  return ids.length >> 1;
}

/** What a tampering seller has of it. */
const GAINS = 'one word in its favour, at no risk where only some positions are checked';

/**
 * Honest up to a position, one wrong token there, then honest again from the tampered beginning. Only that one token is
 * wrong, so that a check of a few random positions mostly misses it; the paper's argument that tampering breaks all later
 * tokens does not hold here.
 * @param find output position, from 0, by the context
 */
export function tamperAt(
  about: Pick<Attack, 'name' | 'description' | 'expects'>,
  find: (context: AttackContext) => number | Promise<number>,
): Attack {
  return {
    ...about,
    gains: GAINS,
    async run(context) {
      const { request, tau } = context;
      const position = await find(context);
      const noise = gumbelNoise(request.seed);
      const harmless = (before: readonly number[]) => (token: number) => {
        const rule = endRule(context);
        for (const id of before) rule.push(id);
        const { finish } = rule.push(token);
        return finish === undefined || finish === 'length';
      };
      let wrong: WrongToken | undefined;
      const generation = await decodeBy(context, (logits, ids) => {
        if (ids.length !== position)
          return sampleToken(logits, ids.length, request.sampling, noise);
        wrong = wrongToken(logits, position, request.sampling, noise, tau, harmless(ids));
        if (wrong !== undefined) return wrong.token;
        throw noRoom(
          position,
          'every token there is within the tolerance',
          'Pick another position',
        );
      });
      if (wrong === undefined) throw pastTheEnd(position, generation.ids.length);
      const kind = wrong.kind === 'integrity' && position === 0 ? 'continuity' : wrong.kind;
      return { ...generation, expected: { kinds: [kind], position } };
    },
  };
}

/**
 * Changes one token ({@link tamperAt}).
 * @param at output position, from 0; the middle of the answer unless given
 */
export function tamper(at?: number): Attack {
  return tamperAt(
    {
      name: at === undefined ? 'tamper' : `tamper:${at}`,
      description: 'changes one token and goes on honestly from there',
      expects: 'integrity (continuity at position 0) at the position that was changed',
    },
    (context) => at ?? middle(context),
  );
}
