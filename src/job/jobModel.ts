import { BitmodelError, EXIT, sha256, toHex } from '../base/index.js';
import type { ChainClient } from '../chain/index.js';
import type { LanguageModel } from '../model/index.js';
import {
  type Calibration,
  type CalibrationPair,
  calibrationHash,
  defaultTau,
  pairFor,
  readCalibration,
  toleranceWarning,
} from '../rastic/index.js';
import { findModel } from '../reward/index.js';
import { BURN_SCRIPT } from './contracts/contested.js';
import type { JobSpec } from './spec.js';

/** The calibration hash of a job whose model ships none. */
export const NO_CALIBRATION = '00'.repeat(32);

/** An open model that a participant buys, sells or judges with. */
export interface JobModel {
  /** Model id, hex. */
  readonly id: string;
  readonly model: LanguageModel;
  readonly calibration: Calibration | undefined;
}

/** An open model with the calibration that lies beside it. @throws BitmodelError `BAD_CALIBRATION` */
export function jobModel(id: string, model: LanguageModel): JobModel {
  return { id, model, calibration: readCalibration(model.info.dir, id, model.info.file) };
}

/** What a job names its calibration by, hex. */
export function calibrationName({ calibration }: JobModel): string {
  return calibration ? toHex(calibrationHash(calibration)) : NO_CALIBRATION;
}

/** The model among these that a job asks for. */
export function modelFor(models: readonly JobModel[], job: JobSpec): JobModel | undefined {
  return models.find(({ id, model }) => id === job.model && model.info.file === job.file);
}

/**
 * Tolerance τ by the job's own calibration; undefined where this model has another one, or the classes were not
 * measured together.
 */
export function calibratedTau(
  own: JobModel,
  job: JobSpec,
  sellerClass: string,
): number | undefined {
  const pair = calibratedPair(own, job, sellerClass);
  return pair && pair.tauMicro / 1_000_000;
}

/** What the job's own calibration says of a seller's class and this model's; undefined as with {@link calibratedTau}. */
export function calibratedPair(
  own: JobModel,
  job: JobSpec,
  sellerClass: string,
): CalibrationPair | undefined {
  if (!own.calibration || calibrationName(own) !== job.calibration) return undefined;
  return pairFor(own.calibration, sellerClass, own.model.info.numericClass);
}

/**
 * What a buyer is told of the tolerance that its jobs go by: the widest between a seller of any class and this model;
 * undefined where that is no wider than it should be.
 */
export function wideToleranceWarning({ calibration, model }: JobModel): string | undefined {
  const { numericClass } = model.info;
  const pairs = calibration?.pairs.filter(({ verifier }) => verifier === numericClass) ?? [];
  return toleranceWarning(Math.max(0, ...pairs.map(({ tauMicro }) => tauMicro)) / 1_000_000);
}

/** As {@link calibratedTau}, else the stated default. */
export function tauOf(own: JobModel, job: JobSpec, sellerClass: string): number {
  return (
    calibratedTau(own, job, sellerClass) ?? defaultTau(sellerClass, own.model.info.numericClass)
  );
}

/** The model's share of a price, and who gets it. */
export interface ModelShare {
  readonly feePpm: number;
  /** Base units for each job, beside that; 0 for nothing. */
  readonly feePerJob: bigint;
  readonly script: Uint8Array;
  /** SHA-256 of the script, hex, as jobs name it. */
  readonly scriptHash: string;
}

/** What a model's pin asks as of a height; a model that nobody published asks nothing. */
export async function modelShare(
  chain: ChainClient,
  modelId: string,
  height: number,
): Promise<ModelShare> {
  const published = await findModel(chain, modelId, height);
  const script = published?.split ?? BURN_SCRIPT;
  const { feePpm = 0, feePerJob = 0n } = published ?? {};
  return { feePpm, feePerJob, script, scriptHash: toHex(sha256(script)) };
}

/** The error for a model that is not among those at hand. */
export function modelMissing(modelId: string): BitmodelError {
  return new BitmodelError('MODEL_NOT_OPEN', `The model ${modelId} is not at hand here.`, {
    next: 'Pass its folder with --model DIR',
    exitCode: EXIT.notFound,
  });
}

/**
 * What a buyer is told whose model has not the calibration that was published with it; undefined where there is nothing to
 * say.
 */
export async function calibrationWarning(
  chain: ChainClient,
  own: JobModel,
): Promise<string | undefined> {
  const { file } = own.model.info;
  const published = await findModel(chain, own.id);
  const named = published?.calibrations?.find((each) => each.file === file)?.hash;
  if (named === undefined || named === calibrationName(own)) return undefined;
  return own.calibration === undefined
    ? `the calibration published with this model is not beside it, and sellers that have it make no offer on this job; fetch it with: bitmodel model pull ${own.id}`
    : `another calibration lies beside this model than was published with it, and sellers that have that one make no offer on this job; take yours out of ${own.model.info.dir}, then: bitmodel model pull ${own.id}`;
}
