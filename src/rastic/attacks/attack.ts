import type { FinishReason, GenerateRequest, Generation } from '../../model/index.js';
import type { InvalidKind, Verdict } from '../verdict.js';

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
  readonly tokenizer: { decode(ids: readonly number[]): string };
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
  /** One of these kinds. */
  readonly kinds: readonly InvalidKind[];
  /** At this output position, where the attack fixes one. */
  readonly position?: number;
}

/** What a cheating seller hands over. */
export interface AttackOutcome extends Generation {
  /** The finish reason that the seller claims; false where that is the cheat. */
  readonly finish: FinishReason;
  /** Set where the right tokens are held back: the seller posts a ciphertext that is garbage. */
  readonly deliver?: 'withhold';
  readonly expected: ExpectedVerdict;
}

/** A named cheating seller (DESIGN 6, "Attacks"). */
export interface Attack {
  /** As given to `--cheat`, e.g. `tamper:12`. */
  readonly name: string;
  /** What the seller does, one sentence. */
  readonly description: string;
  /** The verdict that must come of it, in words. */
  readonly expects: string;
  /** @throws BitmodelError where this request leaves the cheat no room */
  run(context: AttackContext): Promise<AttackOutcome>;
}

/** Whether a verdict is the one that had to come. */
export function isExpected(verdict: Verdict, expected: ExpectedVerdict): boolean {
  return (
    verdict.result === 'invalid' &&
    expected.kinds.includes(verdict.kind) &&
    (expected.position === undefined || verdict.position === expected.position)
  );
}
