import { BitmodelError, sha256 } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import { type ExaminedText, LEAST_TAU_MICRO, MOST_TAU_MICRO } from '../../rastic/index.js';
import { decodeJob, encodeJob, hashField, JOB_BOUNDS, type JobSpec } from '../spec.js';

/** A question to a neighbour: how do these tokens of a sold output stand? It shows the neighbour prompt and output. */
export interface CheckRequest {
  /** 32 random bytes, so that no question is like another. */
  readonly nonce: Uint8Array;
  /** Names model, file, calibration, sampling, seed and end; the chain shows that it was sold. */
  readonly job: JobSpec;
  /** Salt of the job's prompt hash, 32 bytes: shows that the question comes from one who had a part in the job. */
  readonly salt: Uint8Array;
  /** Tolerance τ in millionths of a logit. */
  readonly tauMicro: number;
  readonly promptIds: readonly number[];
  /** The output, a beginning of it, or either with a wrong token in it. */
  readonly outputIds: readonly number[];
  /** Output positions asked about, ascending. */
  readonly positions: readonly number[];
}

/** Largest canonical job: its texts and keys are bounded far below this. */
const MOST_JOB_BYTES = 16_384;

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no question to a neighbour: ${why}.`, {
    next: 'Take no notice of them',
  });
}

/** nonce ‖ salt ‖ τ u32LE ‖ var-bytes job ‖ var-int count and u32LE each: prompt ids, output ids, positions. */
export function encodeCheckRequest(request: CheckRequest): Uint8Array {
  const { nonce, salt, tauMicro, job, promptIds, outputIds, positions } = request;
  const size = 512 + 4 * (promptIds.length + outputIds.length + positions.length);
  const writer = new ByteWriter(size).bytes(nonce).bytes(salt).u32(tauMicro);
  writer.varBytes(encodeJob(job));
  for (const list of [promptIds, outputIds, positions]) {
    writer.list(list, (to, value) => to.u32(value));
  }
  return writer.finish();
}

function readList(reader: ByteReader, most: number, what: string): number[] {
  const values = reader.list(4, most, () => reader.u32());
  if (values.length === 0) throw bad(`it has no ${what}`);
  return values;
}

/** @throws BitmodelError `BAD_ENCODING`, `BAD_JOB` for bytes that {@link encodeCheckRequest} does not make of a question */
export function decodeCheckRequest(bytes: Uint8Array): CheckRequest {
  const reader = new ByteReader(bytes);
  const nonce = reader.bytes(32);
  const salt = reader.bytes(32);
  const tauMicro = reader.u32();
  if (tauMicro < LEAST_TAU_MICRO || tauMicro > MOST_TAU_MICRO) throw bad('its tolerance is off');
  const jobLength = reader.varInt();
  if (jobLength > MOST_JOB_BYTES) throw bad('its job is too large');
  const job = decodeJob(reader.bytes(jobLength));
  const promptIds = readList(reader, JOB_BOUNDS.inputTokens, 'prompt tokens');
  const outputIds = readList(reader, JOB_BOUNDS.maxTokens, 'output tokens');
  const positions = readList(reader, outputIds.length, 'positions');
  reader.end();
  const isAscending = positions.every((position, i) => i === 0 || position > positions[i - 1]!);
  if (!isAscending || positions.at(-1)! >= outputIds.length) {
    throw bad('its positions are not ascending positions of the output');
  }
  return { nonce, salt, tauMicro, job, promptIds, outputIds, positions };
}

/** What answers are bound to: SHA-256 of the question's bytes, 32 bytes. */
export function checkRequestId(encoded: Uint8Array): Uint8Array {
  return sha256(encoded);
}

/** What the neighbour's model is held against. */
export function examinedText({ job, promptIds, outputIds }: CheckRequest): ExaminedText {
  const { sampling, maxTokens, stop } = job;
  return { promptIds, outputIds, sampling, seed: hashField(job, 'seed'), maxTokens, stop };
}
