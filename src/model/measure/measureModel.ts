import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { BitmodelError } from '../../base/index.js';
import { LanguageModel } from '../LanguageModel.js';
import { fileSource } from '../onnx/wire.js';
import { isProtected, readProtection } from '../protect/description.js';
import { GREEDY } from '../sampler/sampling.js';
import type { Device, ModelInfo, OpenOptions } from '../types.js';
import { MemoryBandwidth } from './MemoryBandwidth.js';
import { type Spread, spreadOf } from './spread.js';
import { weightBytesPerToken } from './stepBytes.js';

/** Tokens of prompts, unless stated; longer ones than the context has room for are left out. */
const LENGTHS = [128, 512, 1024];
/** Tokens of the prompt whose first token is waited for. */
const SHORT_PROMPT = 16;
const ROUNDS = 3;
const TOKENS = 32;
/** Prompts tried until one's answer does not end at once. */
const TRIES = 8;

/** What is measured, and how often. */
export interface MeasureOptions {
  readonly file?: string;
  readonly threads?: number;
  readonly device?: Device;
  /** Tokens of the prompts that are fed; also the contexts that decoding is measured at. */
  readonly lengths?: readonly number[];
  /** Tokens of an answer; 32 unless stated. */
  readonly tokens?: number;
  /** Rounds, in each of which everything is measured once; 3 unless stated. */
  readonly rounds?: number;
  /** Answers decoded at once, beside one alone. */
  readonly together?: number;
  readonly signal?: AbortSignal;
  /** Opens the model; a protected one takes its shares for it. As `LanguageModel.open` unless stated. */
  readonly open?: (options: OpenOptions) => Promise<LanguageModel>;
  /** Told as each round begins, from 1. */
  readonly onRound?: (round: number, rounds: number) => void;
}

/** Rates are in tokens per second, times in seconds, bandwidths in bytes per second. */
export interface ModelMeasurement {
  readonly info: ModelInfo;
  readonly threads: number;
  readonly rounds: number;
  readonly loadSeconds: number;
  /** From asking a loaded model to its first token. */
  readonly firstToken: { readonly promptTokens: number; readonly seconds: Spread };
  readonly prefill: readonly { readonly tokens: number; readonly rate: Spread }[];
  readonly decode: readonly DecodeMeasurement[];
  /** Of all answers together. */
  readonly together: { readonly answers: number; readonly rate: Spread } | undefined;
  /** Of the machine's main memory by as many threads; undefined where the model runs elsewhere. */
  readonly memory: { readonly read: Spread; readonly copy: Spread } | undefined;
}

/** Decoding behind a prompt of some length. */
export interface DecodeMeasurement {
  readonly context: number;
  readonly rate: Spread;
  /** Bytes of weights that one token reads. */
  readonly bytesPerToken: number | undefined;
  /** Of the memory's bandwidth, the better of reading and copying, by the medians; above 1 where weights stay in a cache. */
  readonly bandwidthShare: number | undefined;
}

/**
 * Measures how fast a model runs here, in rounds in which everything has its turn, so that what else the machine does falls on
 * all of it.
 * @throws BitmodelError as `LanguageModel.open`, `PROMPT_TOO_LONG` for a length that the context has no room for,
 *   `MODEL_ENDS_AT_ONCE` where no prompt has an answer; the signal's `AbortError`
 */
export async function measureModel(
  dir: string,
  options: MeasureOptions = {},
): Promise<ModelMeasurement> {
  const { rounds = ROUNDS, tokens = TOKENS, together = 1, signal } = options;
  const threads = options.threads ?? availableParallelism();
  const { file, device } = options;
  const started = performance.now();
  const open = options.open ?? ((how: OpenOptions) => LanguageModel.open(dir, how));
  const model = await open({
    threads,
    batch: together,
    ...(file === undefined ? {} : { file }),
    ...(device === undefined ? {} : { device }),
  });
  const loadSeconds = (performance.now() - started) / 1000;
  let memory: MemoryBandwidth | undefined;
  try {
    const lengths = chosenLengths(model.info, tokens, options.lengths);
    const isOnCpu = model.info.numericClass.endsWith('/cpu');
    if (isOnCpu) memory = await MemoryBandwidth.start(threads);
    const taken = new Taken();
    // the first run of a model does what no later one has to
    await firstToken(model, 0);
    for (let round = 1; round <= rounds; round++) {
      options.onRound?.(round, rounds);
      signal?.throwIfAborted();
      await measureRound(model, { lengths, tokens, together, round, signal }, taken);
      for (const kind of memory ? (['read', 'copy'] as const) : []) {
        taken.add(kind, await memory!.measure(kind));
      }
    }
    const { read, copy } = memory ? { read: taken.of('read'), copy: taken.of('copy') } : {};
    const bandwidth = read && copy && Math.max(read.median, copy.median);
    const bytesPerToken = bytesOf(model.info);
    return {
      info: model.info,
      threads,
      rounds,
      loadSeconds,
      firstToken: { promptTokens: SHORT_PROMPT, seconds: taken.of('first token') },
      prefill: lengths.map((length) => ({ tokens: length, rate: taken.of(`prefill ${length}`) })),
      decode: lengths.map((context) => {
        const rate = taken.of(`decode ${context}`);
        const bandwidthShare =
          bandwidth && bytesPerToken && (rate.median * bytesPerToken) / bandwidth;
        return { context, rate, bytesPerToken, bandwidthShare };
      }),
      together: together > 1 ? { answers: together, rate: taken.of('together') } : undefined,
      memory: read && copy && { read, copy },
    };
  } finally {
    await memory?.close();
    await model.close();
  }
}

/** Measurements by the name of what they are of. */
class Taken {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    this.#values.set(name, [...values, value]);
  }

  of(name: string): Spread {
    return spreadOf(this.#values.get(name)!);
  }
}

interface Round {
  readonly lengths: readonly number[];
  readonly tokens: number;
  readonly together: number;
  readonly round: number;
  readonly signal: AbortSignal | undefined;
}

async function measureRound(model: LanguageModel, plan: Round, taken: Taken): Promise<void> {
  const { lengths, tokens, together, round, signal } = plan;
  taken.add('first token', await firstToken(model, round));
  for (const length of lengths) {
    signal?.throwIfAborted();
    taken.add(`prefill ${length}`, await prefillRate(model, promptOf(model, length, round)));
    taken.add(`decode ${length}`, await decodeRate(model, length, tokens, round, signal));
  }
  if (together > 1) {
    taken.add('together', await togetherRate(model, together, tokens, round, signal));
  }
}

/** Bytes of weights that a step of this model reads; its file tells nothing where it is encrypted. */
function bytesOf({ dir, file }: ModelInfo): number | undefined {
  if (isProtected(dir) && readProtection(dir).body.mode === 'full') return undefined;
  const source = fileSource(join(dir, file));
  try {
    return weightBytesPerToken(source);
  } finally {
    source.close();
  }
}

/** The lengths asked for, or the usual ones that the context has room for. */
function chosenLengths(
  { contextLength }: ModelInfo,
  tokens: number,
  asked: readonly number[] | undefined,
): readonly number[] {
  const room = contextLength - tokens;
  const tooLong = asked?.find((length) => length > room);
  if (tooLong !== undefined || room < 1) {
    throw new BitmodelError(
      'PROMPT_TOO_LONG',
      `${tooLong ?? 1} tokens and an answer of ${tokens} do not fit into the model's context of ${contextLength}.`,
      { next: 'Ask for shorter prompts or answers' },
    );
  }
  if (asked) return asked;
  const fitting = LENGTHS.filter((length) => length <= room);
  return fitting.length > 0 ? fitting : [room];
}

/** Ids without meaning, the same each time, and no end token among them: what a token costs does not depend on which it is. */
function promptOf({ info }: LanguageModel, length: number, salt: number): number[] {
  const { vocabularySize, endIds } = info;
  let state = salt;
  return Array.from({ length }, () => {
    do state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    while (endIds.includes((state >>> 8) % vocabularySize));
    return (state >>> 8) % vocabularySize;
  });
}

async function prefillRate(model: LanguageModel, ids: readonly number[]): Promise<number> {
  const session = await model.session();
  try {
    const started = performance.now();
    await session.feed(ids);
    return ids.length / ((performance.now() - started) / 1000);
  } finally {
    await session.close();
  }
}

const requestOf = (promptIds: readonly number[], maxTokens: number) =>
  ({ promptIds, sampling: GREEDY, seed: new Uint8Array(32), maxTokens, stop: [] }) as const;

async function firstToken(model: LanguageModel, round: number): Promise<number> {
  const started = performance.now();
  await model.generate(requestOf(promptOf(model, SHORT_PROMPT, round), 1));
  return (performance.now() - started) / 1000;
}

/** Tokens per second behind the first, which the prompt pays for. */
async function decodeRate(
  model: LanguageModel,
  context: number,
  tokens: number,
  round: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (let salt = round; salt < round + TRIES; salt++) {
    const request = requestOf(promptOf(model, context, salt), tokens);
    const { ids, decodeSeconds } = await model.generate(request, signal ? { signal } : {});
    if (ids.length > tokens / 2) return (ids.length - 1) / decodeSeconds;
  }
  throw new BitmodelError('MODEL_ENDS_AT_ONCE', 'The model ends every answer at once.', {
    next: 'Ask for shorter answers',
  });
}

/** Tokens per second of several answers, while all of them are under way. */
async function togetherRate(
  model: LanguageModel,
  answers: number,
  tokens: number,
  round: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const times: number[][] = Array.from({ length: answers }, () => []);
  await Promise.all(
    times.map((own, i) =>
      model.generate(requestOf(promptOf(model, SHORT_PROMPT, round * answers + i), tokens), {
        onToken: () => own.push(performance.now()),
        ...(signal ? { signal } : {}),
      }),
    ),
  );
  const from = Math.max(...times.map((own) => own[0]!));
  const to = Math.min(...times.map((own) => own.at(-1)!));
  const within = times.flat().filter((time) => time > from && time <= to).length;
  // where they ran one after the other there is no such while
  if (to > from && within > 0) return within / ((to - from) / 1000);
  const all = times.flat();
  return all.length / ((Math.max(...all) - Math.min(...all)) / 1000);
}
