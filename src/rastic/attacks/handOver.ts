import { BitmodelError, EXIT } from '../../base/index.js';
import { type FinishReason, finishOf, type Generation } from '../../model/index.js';
import type { AttackContext, AttackOutcome, ExpectedVerdict } from './attack.js';

/** Code of the error of an attack that a request leaves no room. */
export const NO_ROOM = 'NO_ROOM_TO_CHEAT';

/** That a request leaves an attack no room. */
export function noRoom(why: string, next: string): BitmodelError {
  return new BitmodelError(NO_ROOM, `There is no room for this cheat: ${why}.`, {
    next,
    exitCode: EXIT.usage,
  });
}

/** The honest answer, nobody hearing of it. */
export function honestly(context: AttackContext): Promise<Generation> {
  return context.model.generate(context.request, { signal: context.signal });
}

/** How many tokens an answer to this request may have. */
export function mostTokens({ model, request }: AttackContext): number {
  return Math.min(request.maxTokens, model.info.contextLength - request.promptIds.length);
}

/** Why these tokens end where they do, by the rule; `length` where nothing ends them there. */
export function finishAt({ model, request }: AttackContext, ids: readonly number[]): FinishReason {
  const end = finishOf({
    ids,
    endIds: model.info.endIds,
    maxTokens: request.maxTokens,
    contextLeft: model.info.contextLength - request.promptIds.length,
    stop: request.stop,
    decode: (some) => model.tokenizer.decode(some),
  });
  return end !== undefined && end.at === ids.length - 1 ? end.finish : 'length';
}

/** What is handed over in place of an answer: made-up or changed tokens, told of one after another. */
export function handOver(
  context: AttackContext,
  ids: readonly number[],
  finish: FinishReason,
  expected: ExpectedVerdict,
): AttackOutcome {
  const { model, onToken } = context;
  const known = ids.filter((id) => id < model.info.vocabularySize);
  for (const [position, id] of ids.entries()) {
    onToken?.(id, known.includes(id) ? model.tokenizer.decode([id]) : '', position);
  }
  const text = model.tokenizer.decode(known);
  return { ids: [...ids], text, finish, expected, promptSeconds: 0, decodeSeconds: 0 };
}
