import { BitmodelError, EXIT } from '../../base/index.js';
import { FinishDetector, type FinishReason, type Generation } from '../../model/index.js';
import type { AttackContext, AttackModel } from './attack.js';

/** What decoding takes; the model may be one of the cheat's own making. */
export interface DecodeContext extends Pick<AttackContext, 'request' | 'onToken' | 'signal'> {
  readonly model: Pick<AttackModel, 'info' | 'session'> & {
    readonly tokenizer: Pick<AttackModel['tokenizer'], 'decode'>;
  };
}

/** Follows an answer to its end, by the rules that an honest seller keeps. */
export function endRule({ model, request }: DecodeContext): FinishDetector {
  return new FinishDetector({
    endIds: model.info.endIds,
    maxTokens: request.maxTokens,
    contextLeft: model.info.contextLength - request.promptIds.length,
    stop: request.stop,
    decode: (ids) => model.tokenizer.decode(ids),
  });
}

/**
 * Decodes token by token, each chosen by `choose` from the logits and what stands before it.
 * @throws BitmodelError `PROMPT_TOO_LONG` where prompt leaves no room, and what `choose` throws
 */
export async function decodeBy(
  context: DecodeContext,
  choose: (logits: Float32Array, ids: readonly number[]) => number,
): Promise<Generation> {
  const { model, request, onToken, signal } = context;
  if (request.promptIds.length >= model.info.contextLength) {
    throw new BitmodelError('PROMPT_TOO_LONG', "The prompt fills the model's context.", {
      next: `Shorten it to less than ${model.info.contextLength} tokens`,
      exitCode: EXIT.usage,
    });
  }
  const session = await model.session();
  try {
    const rule = endRule(context);
    const ids: number[] = [];
    let text = '';
    let finish: FinishReason | undefined;
    const started = performance.now();
    let logits = await session.feed(request.promptIds);
    const prefilled = performance.now();
    while (finish === undefined) {
      if (ids.length > 0) logits = await session.feed(ids.slice(-1));
      signal?.throwIfAborted();
      const id = choose(logits, ids);
      const step = rule.push(id);
      ids.push(id);
      text += step.delta;
      finish = step.finish;
      onToken?.(id, step.delta, ids.length - 1);
    }
    const promptSeconds = (prefilled - started) / 1000;
    const decodeSeconds = (performance.now() - prefilled) / 1000;
    return { ids, text, finish, promptSeconds, decodeSeconds };
  } finally {
    await session.close();
  }
}
