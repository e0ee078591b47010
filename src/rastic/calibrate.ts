import { sha256, utf8 } from '../base/index.js';
import { gumbelNoise, type Sampling, sampleToken } from '../model/index.js';
import type { Calibration, CalibrationPair } from './calibration.js';
import { checkPosition } from './margin.js';
import type { LogitsSource } from './verify.js';

/** A model that can also decode step by step; `LanguageModel` is one. */
export interface CalibrationSubject extends LogitsSource {
  readonly info: LogitsSource['info'] & { readonly numericClass: string };
  readonly tokenizer: LogitsSource['tokenizer'] & { encode(text: string): number[] };
  session(): Promise<{
    feed(ids: readonly number[]): Promise<Float32Array>;
    close(): Promise<void>;
  }>;
}

/** What a calibration is measured with. */
export interface CalibrationPlan {
  readonly prompts: readonly string[];
  readonly samplings: readonly Sampling[];
  /** Tokens per answer. */
  readonly tokens: number;
  /** Prefill block sizes to check with. */
  readonly chunks: readonly number[];
}

/** How many times the greatest honest shift the tolerance is, so that machines we have not seen are not accused either. */
const SAFETY = 20;
/** Least tolerance, in millionths of a logit. */
const LEAST_TAU_MICRO = 1000;

/** One honest answer with the logits the seller saw. */
interface HonestRun {
  readonly promptIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly logits: readonly Float32Array[];
  readonly sampling: Sampling;
  readonly seed: Uint8Array;
}

async function decodeHonestly(
  seller: CalibrationSubject,
  prompt: string,
  sampling: Sampling,
  tokens: number,
): Promise<HonestRun> {
  const seed = sha256(utf8(`calibration/${prompt}/${sampling.temperatureMilli}`));
  const noise = gumbelNoise(seed);
  const promptIds = seller.tokenizer.encode(prompt);
  const session = await seller.session();
  const outputIds: number[] = [];
  const logits: Float32Array[] = [];
  try {
    let row = await session.feed(promptIds);
    for (let position = 0; position < tokens; position++) {
      logits.push(row.slice());
      const token = sampleToken(row, position, sampling, noise);
      outputIds.push(token);
      if (position + 1 < tokens) row = await session.feed([token]);
    }
  } finally {
    await session.close();
  }
  return { promptIds, outputIds, logits, sampling, seed };
}

/** Greatest difference of a logit, relative to the row's mean difference: a common shift of a whole row changes no choice. */
function greatestShift(a: Float32Array, b: Float32Array): number {
  let mean = 0;
  for (let i = 0; i < a.length; i++) mean += (a[i]! - b[i]!) / a.length;
  let greatest = 0;
  for (let i = 0; i < a.length; i++) greatest = Math.max(greatest, Math.abs(a[i]! - b[i]! - mean));
  return greatest;
}

/** What was seen so far, in units of the logits. */
interface Extremes {
  shift: number;
  margin: number;
  positions: number;
}

/** Holds a verifier's block of logits against what the seller saw. */
function compareBlock(
  run: HonestRun,
  firstPosition: number,
  block: Float32Array,
  width: number,
  seen: Extremes,
): void {
  const noise = gumbelNoise(run.seed);
  for (let row = 0; row * width < block.length; row++) {
    const position = firstPosition + row;
    const logits = block.subarray(row * width, (row + 1) * width);
    seen.shift = Math.max(seen.shift, greatestShift(run.logits[position]!, logits));
    const token = run.outputIds[position]!;
    const check = checkPosition(logits, token, position, run.sampling, noise, 2 * seen.shift);
    if (check.kind === 'margin') seen.margin = Math.max(seen.margin, check.margin);
    seen.positions++;
  }
}

/**
 * Measures how far honest sellers and verifiers of one model lie apart: each seller decodes step by step, each verifier
 * prefills in blocks. Both lists hold the same model opened in different ways (thread counts, providers).
 * @returns the pair's row of a calibration: τ is 20 times the greatest honest shift of a logit, at least 0.001
 */
export async function calibratePair(
  sellers: readonly CalibrationSubject[],
  verifiers: readonly CalibrationSubject[],
  plan: CalibrationPlan,
): Promise<CalibrationPair> {
  const seen: Extremes = { shift: 0, margin: 0, positions: 0 };
  const answers = plan.prompts.flatMap((prompt) =>
    plan.samplings.map((sampling) => ({ prompt, sampling })),
  );
  const ways = verifiers.flatMap((verifier) => plan.chunks.map((chunk) => ({ verifier, chunk })));
  for (const seller of sellers) {
    for (const { prompt, sampling } of answers) {
      const run = await decodeHonestly(seller, prompt, sampling, plan.tokens);
      const from = run.promptIds.length - 1;
      for (const { verifier, chunk } of ways) {
        await verifier.prefill([...run.promptIds, ...run.outputIds.slice(0, -1)], {
          from,
          chunk,
          onLogits: (at, block) =>
            compareBlock(run, at - from, block, verifier.info.vocabularySize, seen),
        });
      }
    }
  }
  const micro = (value: number): number => Math.ceil(value * 1_000_000);
  return {
    seller: sellers[0]!.info.numericClass,
    verifier: verifiers[0]!.info.numericClass,
    tauMicro: Math.max(LEAST_TAU_MICRO, micro(SAFETY * seen.shift)),
    positions: seen.positions,
    greatestShiftMicro: micro(seen.shift),
    greatestMarginMicro: micro(seen.margin),
  };
}

/** A calibration file's content from its measured pairs. */
export function calibrationOf(
  modelId: string,
  file: string,
  pairs: readonly CalibrationPair[],
): Calibration {
  return { v: 1, model: modelId, file, pairs: [...pairs] };
}
