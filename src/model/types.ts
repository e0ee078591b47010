import type { PositionLogprobs } from './logprobs.js';
import type { Sampling } from './sampler/sampling.js';

/** Why an output ended (DESIGN 6): its last id is an end token, a stop text was matched, or there was no room left. */
export type FinishReason = 'eos' | 'stop' | 'length';

/** Where a model runs; `auto` takes a GPU when its run time is there, else the CPU. */
export type Device = 'cpu' | 'cuda' | 'auto';

/** All that fixes an output, beside the model itself. */
export interface GenerateRequest {
  /** Templated token ids; at least one. */
  readonly promptIds: readonly number[];
  readonly sampling: Sampling;
  /** 32 bytes that fix the noise (DESIGN 6); without effect when greedy. */
  readonly seed: Uint8Array;
  /** Most output tokens, at least 1; a full context may end it sooner. */
  readonly maxTokens: number;
  /** Texts that end the output. */
  readonly stop: readonly string[];
}

/** Who is told of tokens as they come, and who can end them. */
export interface GenerateOptions {
  /**
   * Called for each output token as it is drawn.
   * @param textDelta text that this token completes, never half a character; may be empty
   * @param position output position, from 0
   * @param logprobs where they were asked for
   */
  readonly onToken?: (
    id: number,
    textDelta: string,
    position: number,
    logprobs?: PositionLogprobs,
  ) => void;
  /** Compute log-probabilities of each token, and of so many of the most probable (0 to 20); none unless stated. */
  readonly logprobs?: number | undefined;
  /**
   * Called before `onToken`, for each output position.
   * @param logits the whole row that the token was drawn from; the callee owns it
   */
  readonly onLogits?: (position: number, logits: Float32Array) => void;
  /** Ends the run between two tokens, with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** A finished output. */
export interface Generation {
  /** Output ids, the end token included. */
  readonly ids: number[];
  /** Text of the ids without the end token; a matched stop text is part of it. */
  readonly text: string;
  readonly finish: FinishReason;
  readonly promptSeconds: number;
  readonly decodeSeconds: number;
}

/** Which positions' logits are wanted, and who can end it. */
export interface PrefillOptions {
  /** First position whose logits are wanted; 0 unless stated. */
  readonly from?: number;
  /** The positions whose logits are wanted, ascending, in the place of all from `from` on. */
  readonly positions?: readonly number[];
  /** Positions per run; even parts of about 128 unless stated. */
  readonly chunk?: number;
  /**
   * Compute in the runs that generating makes: the positions before this one, which are the prompt's, as `generate` and
   * `session` feed them, and each from it on alone. For graphs that are run-dependent; `chunk` then says nothing.
   */
  readonly stepFrom?: number | undefined;
  /**
   * Gets the logits block by block, in order, each position once. A returned promise holds back the next but one block, so
   * that memory stays flat.
   * @param firstPosition position of the block's first row
   * @param logits rows × vocabulary, row by row; the callee owns it
   * @param positions of the rows
   */
  readonly onLogits: (
    firstPosition: number,
    logits: Float32Array,
    positions: readonly number[],
  ) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** One token stream with its own KV cache, for decoders of one's own. */
export interface DecodeSession {
  /** Tokens fed so far. */
  readonly length: number;
  /**
   * Appends tokens, behind those of the feeds before.
   * @returns logits after the last of them, one row of the vocabulary's size
   * @throws BitmodelError as `LanguageModel.prefill`, `OUT_OF_MEMORY`; `SESSION_FAILED` after one that failed while it was computed,
   *   `SESSION_CLOSED`
   */
  feed(ids: readonly number[]): Promise<Float32Array>;
  /** Frees the cache. */
  close(): Promise<void>;
}

/** What is known about an open model. */
export interface ModelInfo {
  readonly dir: string;
  /** Path of the ONNX file inside the folder. */
  readonly file: string;
  /** Columns of a row of logits. */
  readonly vocabularySize: number;
  /** Most positions, prompt and output together. */
  readonly contextLength: number;
  /** End tokens, ascending. */
  readonly endIds: readonly number[];
  readonly layers: number;
  readonly hasCache: boolean;
  /** Numeric type / kernel accuracy level / execution provider (DESIGN 6), such as `fp32/0/cpu`. */
  readonly numericClass: string;
  /** Whether the logits of a position depend on which others, later ones too, are computed in the same run. */
  readonly runDependent: boolean;
  /** Most outputs that are decoded in one run: what was asked for, or 1 where the graph can't. */
  readonly batch: number;
  readonly architecture: string;
  /** Why it runs on the CPU where `auto` found a CUDA provider that can't be used. */
  readonly cudaFailure?: string;
}

/** ONNX Runtime's levels of graph optimisation: fused operators make other sums than plain ones. */
export type GraphOptimization = 'all' | 'extended' | 'basic' | 'disabled';

/** A file of external data in memory. */
export interface ExternalData {
  /** As the graph names it. */
  readonly path: string;
  /** With a buffer of its own. */
  readonly data: Uint8Array;
}

/** How a model is opened. */
export interface OpenOptions {
  /** ONNX file inside the folder, such as `onnx/model_q4.onnx`; else the usual names are tried in turn. */
  readonly file?: string;
  /** Threads of one operator; all cores unless stated. Results are the same for the same device and count. */
  readonly threads?: number;
  /** `cpu` unless stated. */
  readonly device?: Device;
  /** Bytes of a graph to run in the file's place. */
  readonly graph?: Uint8Array;
  /**
   * Gives external data to use in place of the files that the graph names, each time that the graph is loaded: at first, on
   * the CPU where a GPU can't be used, and in another process when one has died. Their buffers are taken over.
   */
  readonly external?: () => Promise<readonly ExternalData[]>;
  /**
   * Most outputs to decode in one run, 1 to 64; 1 unless stated, and for graphs that can't. Beyond 1, an output's logits
   * differ in their last bits by how many others are decoded with it.
   */
  readonly batch?: number;
  /**
   * Run it in a process of its own rather than in a thread of this one, for models of strangers: what their graphs do in
   * native code, a crash or a run without end, is then an error of their calls and nothing more. A process that crashed is started anew with the next call.
   */
  readonly isolate?: boolean;
  /** Longest silence, in milliseconds, of such a process while a call waits for it; 10 minutes unless stated. */
  readonly longestSilence?: number;
  /** How far ONNX Runtime rewrites the graph before it runs; `all` unless stated. Other levels give other roundings. */
  readonly optimization?: GraphOptimization;
}

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** Text to ids and back, as the model was trained with. */
export interface Tokenizer {
  /** One more than the largest id of the plain vocabulary (added tokens may lie beyond). */
  readonly size: number;
  /**
   * Ids of a text; special tokens written out in the text become their ids.
   * @param options.addSpecialTokens add what the model expects around a text, such as a start token; true unless stated
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** Text of ids, special tokens written out; ids without a token give nothing. */
  decode(ids: readonly number[]): string;
  /** A token as the vocabulary writes it; nothing for an id without one. */
  token(id: number): string | undefined;
  /** Whether the bundle brings a chat template. */
  readonly hasChatTemplate: boolean;
  /**
   * Ids of a conversation, by the bundle's own template, ready for the answer.
   * @param options.addGenerationPrompt end where the answer begins; true unless stated
   * @throws BitmodelError `NO_CHAT_TEMPLATE`, `CHAT_REFUSED` when the template refuses the conversation, or
   *   `BAD_CHAT_TEMPLATE` when it can't be rendered within its bounds
   */
  applyChatTemplate(
    messages: readonly ChatMessage[],
    options?: { readonly addGenerationPrompt?: boolean },
  ): number[];
}
