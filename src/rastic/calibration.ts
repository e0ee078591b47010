import { readdirSync } from 'node:fs';
import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  EXIT,
  messageOf,
  readWithin,
  sha256,
  toHex,
} from '../base/index.js';
import { MARGIN_CLASSES } from './pooled/marginClass.js';

const numericClass = z.string().regex(/^[a-z0-9]+\/[0-9]\/[a-z]+$/);

/** Counts of margins by class (`MARGIN_CLASSES`): none above zero, seven that reach twice as far each up to τ, beyond. */
const countsSchema = z.array(z.int().min(0)).length(MARGIN_CLASSES);

const marginCountsSchema = z.strictObject({
  /** At temperature 0. */
  greedy: countsSchema,
  /** At temperatures above it. */
  sampled: countsSchema,
});

/** Least tolerance, in millionths of a logit: finer ones would accuse roundings, and tell more of a model to who asks for checks. */
export const LEAST_TAU_MICRO = 1000;
/** Greatest tolerance, in millionths of a logit. */
export const MOST_TAU_MICRO = 100_000_000;
/** How many times the greatest honest shift the tolerance is, so that machines we have not seen are not accused either. */
export const SHIFT_SAFETY = 20;
/**
 * Tolerance, in units of the logits, above which a check shows little: 250 times what fp32 needs. Another model's logits may
 * lie within it as a whole, so a test over jobs learns nothing there.
 */
export const WIDE_TAU = 0.25;

/** Why a tolerance does not go with what was measured; undefined where it does. */
function toleranceFault(pair: {
  readonly tauMicro: number;
  readonly greatestShiftMicro: number;
  readonly greatestMarginMicro: number;
}): string | undefined {
  const { tauMicro, greatestShiftMicro, greatestMarginMicro } = pair;
  if (tauMicro < SHIFT_SAFETY * greatestShiftMicro) {
    return `it must be at least ${SHIFT_SAFETY} times the greatest shift`;
  }
  return tauMicro < greatestMarginMicro ? 'it is below the greatest margin' : undefined;
}

const measuredSchema = z.strictObject({
  /** Numeric class of who generated, such as `fp32/0/cpu`. */
  seller: numericClass,
  /** Numeric class of who checks. */
  verifier: numericClass,
  /** Tolerance τ in millionths of a logit. */
  tauMicro: z.int().min(LEAST_TAU_MICRO).max(MOST_TAU_MICRO),
  /** Honest positions that were measured. */
  positions: z.int().min(1),
  /** Greatest honest difference of one logit seen, in millionths. */
  greatestShiftMicro: z.int().min(0),
  /** Greatest honest margin seen, in millionths. */
  greatestMarginMicro: z.int().min(0),
  /** How margins of honest outputs lie. */
  margins: marginCountsSchema,
  /** The same for outputs of the nearest cheaper model that could be made, under this verifier. */
  cheaper: z
    .strictObject({ variant: z.string().regex(/^[a-z0-9-]{1,32}$/), margins: marginCountsSchema })
    .optional(),
});

const pairSchema = measuredSchema.superRefine((pair, context) => {
  const fault = toleranceFault(pair);
  if (fault !== undefined) {
    context.addIssue({ code: 'custom', path: ['tauMicro'], message: fault });
  }
});

const calibrationSchema = z.strictObject({
  v: z.literal(2),
  /** Model id, hex. */
  model: z.string().regex(/^[0-9a-f]{64}$/),
  /** The graph's path in the bundle. */
  file: z.string().min(1).max(255),
  pairs: z.array(pairSchema).min(1).max(256),
});

/** How far honest sellers and verifiers of one model file lie apart, measured per pair of numeric classes (DESIGN 6). */
export type Calibration = z.infer<typeof calibrationSchema>;
/** What was measured of one pair of numeric classes. */
export type CalibrationPair = z.infer<typeof pairSchema>;
/** How many margins fall into each class, by sampling. */
export type MarginCounts = z.infer<typeof marginCountsSchema>;

/**
 * Tolerance where no calibration speaks, in units of the logits: four orders of magnitude above what fp32 kernels differ by,
 * and below nearly every gap between one token and another. Good for reading a receipt; slashing needs the job's calibration.
 */
export const DEFAULT_TAU = 0.01;

/**
 * The same for numeric classes whose kernels round activations to 8 bits (accuracy level 4): six times what honest logits
 * of theirs moved by (docs/measurements.md), and so wide that only answers of quite another kind are found.
 */
export const COARSE_TAU = 1;
const COARSE_LEVEL = 4;

/** The stated tolerance for these numeric classes, in units of the logits, where no calibration speaks. */
export function defaultTau(...classes: readonly string[]): number {
  const isCoarse = classes.some((each) => Number(each.split('/')[1]) >= COARSE_LEVEL);
  return isCoarse ? COARSE_TAU : DEFAULT_TAU;
}

const MOST_BYTES = 1 << 20;

function isFirstVersion(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'v' in value && value.v === 1;
}

/** @throws BitmodelError `BAD_CALIBRATION` naming what is wrong with the file */
export function parseCalibration(text: string, name: string): Calibration {
  const refuse = (why: string, cause?: unknown): never => {
    throw new BitmodelError('BAD_CALIBRATION', `${name} is not a calibration: ${why}.`, {
      next: 'Fetch the file again, or make it anew with: bitmodel model calibrate DIR',
      exitCode: EXIT.usage,
      cause,
    });
  };
  if (text.length > MOST_BYTES) refuse('it is too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    refuse(messageOf(thrown), thrown);
  }
  if (isFirstVersion(value))
    refuse('it is of version 1, without the honest distribution of margins');
  const parsed = calibrationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  return refuse(`${issue.path.join('.') || 'the whole'}: ${issue.message.toLowerCase()}`);
}

/** A file from a stranger's folder: it may be anything, and of any size. */
function readText(folder: string, name: string): string {
  try {
    return new TextDecoder().decode(readWithin(folder, name, MOST_BYTES));
  } catch (thrown) {
    throw new BitmodelError(
      'BAD_CALIBRATION',
      `${name} is not a calibration: ${messageOf(thrown).replace(/\.$/, '')}.`,
      { next: `Take it out of ${folder}`, exitCode: EXIT.usage, cause: thrown },
    );
  }
}

/**
 * The calibration of one graph among the `*.calibration.json` files that lie in a bundle's folder.
 * @param file the graph's path in the bundle, such as `onnx/model.onnx`
 * @returns undefined where the folder holds none for this model and file
 * @throws BitmodelError `BAD_CALIBRATION`
 */
export function readCalibration(
  folder: string,
  modelId: string,
  file: string,
): Calibration | undefined {
  const names = readdirSync(folder).filter((name) => name.endsWith('.calibration.json'));
  for (const name of names.sort()) {
    const calibration = parseCalibration(readText(folder, name), name);
    if (calibration.model === modelId && calibration.file === file) return calibration;
  }
  return undefined;
}

/**
 * The calibrations that lie beside a model, one for each graph that has one: its path, and the hash that jobs name (hex).
 * @param files paths of the bundle
 * @throws BitmodelError `BAD_CALIBRATION`
 */
export function namedCalibrations(
  folder: string,
  modelId: string,
  files: readonly string[],
): { readonly file: string; readonly hash: string }[] {
  return files.flatMap((file) => {
    const own = file.endsWith('.onnx') ? readCalibration(folder, modelId, file) : undefined;
    return own ? [{ file, hash: toHex(calibrationHash(own)) }] : [];
  });
}

/** Whether bytes are a calibration of a model's graph. Never throws. */
export function isCalibrationOf(
  json: Uint8Array,
  { model, file }: Pick<Calibration, 'model' | 'file'>,
): boolean {
  try {
    const calibration = parseCalibration(new TextDecoder().decode(json), 'what came');
    return calibration.model === model && calibration.file === file;
  } catch {
    return false;
  }
}

/** What a job names its calibration by: SHA-256 of its canonical JSON, 32 bytes. */
export function calibrationHash(calibration: Calibration): Uint8Array {
  return sha256(canonicalBytes(calibration));
}

/** What was measured of a pair of numeric classes; undefined where it was not. */
export function pairFor(
  calibration: Calibration,
  seller: string,
  verifier: string,
): CalibrationPair | undefined {
  return calibration.pairs.find((p) => p.seller === seller && p.verifier === verifier);
}

/** Tolerance τ in units of the logits for a pair of numeric classes; undefined where the pair was not measured. */
export function toleranceFor(
  calibration: Calibration,
  seller: string,
  verifier: string,
): number | undefined {
  const pair = pairFor(calibration, seller, verifier);
  return pair === undefined ? undefined : pair.tauMicro / 1_000_000;
}

/**
 * What whoever relies on a check is to be told of its tolerance; undefined where it is as tight as it should be.
 * @param tau in units of the logits
 */
export function toleranceWarning(tau: number): string | undefined {
  if (tau <= WIDE_TAU) return undefined;
  return `the tolerance of ${tau} logits is wider than ${WIDE_TAU}: a cheaper model may pass this check, and over jobs nothing is learnt of its seller. It is what the calibration says, or the default for kernels that round to 8 bits`;
}
