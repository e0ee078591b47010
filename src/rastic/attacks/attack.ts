import type { FinishReason, GenerateRequest, Generation } from '../../model/index.js';
import type { InvalidKind, Verdict } from '../verdict.js';
import type { LogitsSource } from '../verify.js';

/** One stream of tokens on a model, with its cache. */
export interface AttackSession {
  /** Logits after the last of the ids, one row of the vocabulary's size. */
  feed(ids: readonly number[]): Promise<Float32Array>;
  close(): Promise<void> | void;
}

/** How a seller may hear of each token as it is decoded. */
export interface AttackListeners {
  readonly onToken?: ((id: number, textDelta: string, position: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a cheating seller needs of a model; `LanguageModel` is one. */
export interface AttackModel {
  readonly info: {
    /** Folder of the bundle, and the ONNX file in it. */
    readonly dir: string;
    readonly file: string;
    readonly vocabularySize: number;
    readonly contextLength: number;
    readonly endIds: readonly number[];
  };
  readonly tokenizer: { decode(ids: readonly number[]): string; encode(text: string): number[] };
  prefill: LogitsSource['prefill'];
  generate(request: GenerateRequest, listeners?: AttackListeners): Promise<Generation>;
  session(): Promise<AttackSession>;
  close(): Promise<void>;
}

/** What a cheating seller works with. */
export interface AttackContext extends AttackListeners {
  /** The model that the buyer pays for. */
  readonly model: AttackModel;
  readonly request: GenerateRequest;
  /** Tolerance τ that the verifier goes by, in units of the logits: a cheat that stays below it cannot be told from rounding. */
  readonly tau: number;
  /** Opens the same bundle with another graph in place of its ONNX file. */
  readonly openVariant: (graph: Uint8Array) => Promise<AttackModel>;
}

/** The verdict that must come of an attack. */
export interface ExpectedVerdict {
  /** One of these kinds; empty where nothing is wrong with what is handed over. */
  readonly kinds: readonly InvalidKind[];
  /** At this output position, where the attack fixes one. */
  readonly position?: number;
  /** Set where the answer may be called valid: it is allowed, or single margins cannot show it. */
  readonly valid?: true;
}

/** What false tokens lead to, wherever they stand; `substitution` where they show together only. */
export const FALSE_TOKENS: ExpectedVerdict = {
  kinds: ['continuity', 'integrity', 'sampling', 'substitution'],
};

/**
 * How the right tokens fail to arrive. `withhold`: garbage is posted in place of the ciphertext; `garbage`: garbage is what the
 * commitment names; `other-key`: sealed under another key than the one shown; `other-reader`: sealed to somebody else;
 * `other-output`: the ciphertext holds other tokens than the commitment; `false-count`: more tokens are charged than it holds.
 */
export type DeliveryCheat =
  | 'withhold'
  | 'garbage'
  | 'other-key'
  | 'other-reader'
  | 'other-output'
  | 'false-count';

/** What a cheating seller hands over. */
export interface AttackOutcome extends Generation {
  /** The finish reason that the seller claims; false where that is the cheat. */
  readonly finish: FinishReason;
  /** Set where the cheat is not in the tokens, but in how they are sealed and committed to. */
  readonly deliver?: DeliveryCheat;
  readonly expected: ExpectedVerdict;
}

/** What a request must have for an attack to have room. */
export type AttackNeed = 'sampled' | 'top-k' | 'top-p' | 'stop';

/** A named cheating seller (DESIGN 6, "Attacks"). */
export interface Attack {
  /** As given to `--cheat`, e.g. `tamper:12`. */
  readonly name: string;
  /** What the seller does, one sentence. */
  readonly description: string;
  /** What the seller has of it, a phrase. */
  readonly gains: string;
  /** The verdict that must come of it, in words. */
  readonly expects: string;
  /** Without these it hands over the honest answer, or has no room at all. */
  readonly needs?: readonly AttackNeed[];
  /** Set where `valid` is what must come: nothing is wrong, or nothing that single margins show. */
  readonly allowed?: true;
  /** Set where no escrow pays for what it hands over, so that no worker can play it. */
  readonly unsold?: true;
  /** @throws BitmodelError where this request leaves the cheat no room */
  run(context: AttackContext): Promise<AttackOutcome>;
}

/** Whether a verdict is the one that had to come. */
export function isExpected(verdict: Verdict, expected: ExpectedVerdict): boolean {
  if (verdict.result === 'valid') return expected.valid === true;
  return (
    verdict.result === 'invalid' &&
    expected.kinds.includes(verdict.kind) &&
    (expected.position === undefined || verdict.position === expected.position)
  );
}
