import { TextStream } from './TextStream.js';
import type { FinishReason } from './types.js';

/** What decides when an output ends. */
export interface FinishRule {
  readonly endIds: readonly number[];
  readonly maxTokens: number;
  /** Positions left in the context after the prompt. */
  readonly contextLeft: number;
  readonly stop: readonly string[];
  /** Text of ids. */
  readonly decode: (ids: readonly number[]) => string;
}

/**
 * Follows an output token by token and says where it ends (DESIGN 6, "Stop"): at an end token, at the token that completes
 * the first match of a stop text, or when `maxTokens` or the context is used up; where several hold, in this order.
 */
export class FinishDetector {
  readonly #rule: FinishRule;
  readonly #stream: TextStream;
  readonly #stops: readonly string[];
  readonly #tailLength: number;
  #tail = '';
  #count = 0;

  constructor(rule: FinishRule) {
    this.#rule = rule;
    this.#stream = new TextStream(rule.decode);
    this.#stops = rule.stop.filter((text) => text.length > 0);
    this.#tailLength = Math.max(0, ...this.#stops.map((text) => text.length - 1));
  }

  /** @returns the text this id completes, and why the output ends with it, if it does */
  push(id: number): { readonly delta: string; readonly finish?: FinishReason } {
    this.#count++;
    if (this.#rule.endIds.includes(id)) return { delta: this.#stream.end(), finish: 'eos' };
    const delta = this.#stream.push(id);
    const searched = this.#tail + delta;
    if (this.#stops.some((text) => searched.includes(text))) return { delta, finish: 'stop' };
    this.#tail = this.#tailLength === 0 ? '' : searched.slice(-this.#tailLength);
    if (this.#count >= Math.min(this.#rule.maxTokens, this.#rule.contextLeft)) {
      return { delta: delta + this.#stream.end(), finish: 'length' };
    }
    return { delta };
  }
}

/**
 * Where the rule ends an output: the same function for those who generate and those who verify.
 * @param rule with the output ids, which may go on beyond the end
 * @returns reason and index of the last id, or undefined when none of the ids ends it
 */
export function finishOf(
  rule: FinishRule & { readonly ids: readonly number[] },
): { readonly finish: FinishReason; readonly at: number } | undefined {
  const detector = new FinishDetector(rule);
  for (const [at, id] of rule.ids.entries()) {
    const { finish } = detector.push(id);
    if (finish) return { finish, at };
  }
  return undefined;
}
