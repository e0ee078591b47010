import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  concatBytes,
  EXIT,
  equalBytes,
  formatAmount,
  fromHex,
  parseAmount,
  sha256,
  sha256d,
  toHex,
  u32le,
} from '../base/index.js';
import { MAX_TREE_SIZE } from '../chain/index.js';

/** Bounds of one job: what any node, seller or verifier must be ready to hold. */
export const JOB_BOUNDS = {
  inputTokens: 65_536,
  maxTokens: 65_536,
  verifiers: 15,
  stops: 8,
  stopLength: 64,
  classes: 8,
} as const;

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${bytes} bytes in hex`);

/** A compressed secp256k1 public key in hex. */
export const publicKeySchema = z.string().regex(/^0[23][0-9a-f]{64}$/, 'must be a compressed key');

/** Thirty-two bytes in hex. */
export const hash32Schema = hex(32);

/** Coins with exactly eight decimals, so that one amount has one spelling. */
export const amountSchema = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})\.\d{8}$/, 'must be coins with eight decimals');

/** A transaction output as `TXID:INDEX`. */
export const outpointSchema = z
  .string()
  .regex(/^[0-9a-f]{64}:(?:0|[1-9]\d{0,5})$/, 'must be an outpoint TXID:INDEX');

/** Text that survives UTF-8 unchanged (no lone surrogate halves). */
const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => Buffer.from(value).toString() === value, 'must be well-formed Unicode');

const height = z.number().int().min(0).max(499_999_999);

/** A numeric class: numeric type, kernel accuracy level, execution provider (DESIGN 6), as in `fp32/0/cpu`. */
export const numericClassSchema = z.string().regex(/^[a-z0-9]{1,12}\/\d{1,2}\/[a-z0-9]{1,16}$/);

const samplingSchema = z.strictObject({
  temperatureMilli: z.number().int().min(0).max(100_000),
  topK: z.number().int().min(0).max(1_000_000),
  topPMilli: z.number().int().min(0).max(1000),
});

const drawSchema = z.strictObject({
  /** Root of the registry of the verifiers bonded at block `created` less the registry depth. */
  registry: hash32Schema,
  /** Keys in it. */
  size: z.number().int().min(1).max(MAX_TREE_SIZE),
  /** How many are drawn. */
  count: z.number().int().min(1).max(JOB_BOUNDS.verifiers),
  /** SHA-256 of the client's secret c. */
  drawHash: hash32Schema,
});

const jobSchema = z
  .strictObject({
    v: z.literal(1),
    client: publicKeySchema,
    model: hash32Schema,
    file: text(255)
      .refine(
        (path) => !path.startsWith('/') && !path.split(/[\\/]/).includes('..'),
        "must lie within the model's folder",
      )
      .meta({ pattern: String.raw`^(?!/)(?!(?:[\s\S]*[\\/])?\.\.(?:[\\/]|$))` }),
    classes: z.array(numericClassSchema).min(1).max(JOB_BOUNDS.classes),
    calibration: hash32Schema,
    promptHash: hash32Schema,
    inputTokens: z.number().int().min(1).max(JOB_BOUNDS.inputTokens),
    maxTokens: z.number().int().min(1).max(JOB_BOUNDS.maxTokens),
    stop: z.array(text(JOB_BOUNDS.stopLength)).max(JOB_BOUNDS.stops),
    sampling: samplingSchema,
    seed: hash32Schema,
    pricePerToken: amountSchema,
    feePpm: z.number().int().min(0).max(1_000_000),
    feePerJob: amountSchema.optional(),
    feeScript: hash32Schema,
    stake: amountSchema,
    verifiers: z.union([
      z.array(publicKeySchema).min(1).max(JOB_BOUNDS.verifiers).meta({ uniqueItems: true }),
      drawSchema,
    ]),
    threshold: z.number().int().min(1).max(JOB_BOUNDS.verifiers),
    verifierFee: amountSchema,
    coin: outpointSchema,
    created: height,
    expires: height,
  })
  .superRefine((job, context) => {
    // zod goes on behind a field that is wrong, and what is no amount can't be read as one
    if (context.issues.length > 0) return;
    const demand = (holds: boolean, path: string, message: string): void => {
      if (!holds) context.addIssue({ code: 'custom', path: [path], message });
    };
    const { verifiers } = job;
    const count = verifiersOf(verifiers);
    if (Array.isArray(verifiers)) {
      demand(new Set(verifiers).size === count, 'verifiers', 'must differ');
      demand(!verifiers.includes(job.client), 'verifiers', 'must not hold the client itself');
    } else {
      demand(verifiers.size > 2 * count, 'verifiers', 'must be drawn from more than twice as many');
    }
    demand(2 * job.threshold > count, 'threshold', 'must be more than half of the verifiers');
    demand(job.threshold <= count, 'threshold', 'must not exceed the verifiers');
    demand(parseAmount(job.pricePerToken) > 0n, 'pricePerToken', 'must be at least one unit');
    // one job has one spelling: a model that asks nothing for each job is not said to
    demand(feePerJob(job) > 0n || job.feePerJob === undefined, 'feePerJob', 'must not be nothing');
    demand(job.created < job.expires, 'expires', 'must lie after created');
    demand(
      parseAmount(job.stake) >=
        parseAmount(job.pricePerToken) * BigInt(job.maxTokens) +
          feePerJob(job) +
          parseAmount(job.verifierFee) * BigInt(count),
      'stake',
      "must cover the full reward and all verifiers' fees",
    );
  });

/** A job as DESIGN 5.1 has it: integers and strings only. Amounts are coins with eight decimals. */
export type JobSpec = z.infer<typeof jobSchema>;

/** The draw that a job names instead of a list of verifiers. */
export type JobDraw = z.infer<typeof drawSchema>;

function verifiersOf(verifiers: readonly string[] | JobDraw): number {
  return 'registry' in verifiers ? verifiers.count : verifiers.length;
}

/** How many verifiers a job has, listed or drawn. */
export function jobVerifiers(job: Pick<JobSpec, 'verifiers'>): number {
  return verifiersOf(job.verifiers);
}

/** The keys that a job lists; none where verifiers are drawn. */
export function listedVerifiers({ verifiers }: Pick<JobSpec, 'verifiers'>): readonly string[] {
  return Array.isArray(verifiers) ? verifiers : [];
}

/**
 * Checks that a value is a job: exactly the fields of DESIGN 5.1, each within its bounds.
 * @throws BitmodelError `BAD_JOB`
 */
export function parseJob(value: unknown): JobSpec {
  const parsed = jobSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || 'it';
  throw new BitmodelError('BAD_JOB', `This is not a job: ${where}: ${issue?.message}.`, {
    next: 'Give a job with the fields of docs/protocol.md',
    exitCode: EXIT.usage,
  });
}

/** Whether a value is a job, without an error. */
export const jobSpecSchema = jobSchema;

/** The canonical bytes of a job (RFC 8785). */
export function encodeJob(job: JobSpec): Uint8Array {
  return canonicalBytes(job);
}

/**
 * The job that these canonical bytes are.
 * @throws BitmodelError `BAD_JOB`, also for bytes that say the same in another spelling
 */
export function decodeJob(bytes: Uint8Array): JobSpec {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (thrown) {
    throw new BitmodelError('BAD_JOB', 'This is not a job: it is not JSON in UTF-8.', {
      next: 'Give the bytes that encodeJob made',
      cause: thrown,
      exitCode: EXIT.usage,
    });
  }
  const job = parseJob(value);
  if (!equalBytes(encodeJob(job), bytes)) {
    throw new BitmodelError('BAD_JOB', 'This is not a job: its JSON is not canonical (RFC 8785).', {
      next: 'Give the bytes that encodeJob made',
      exitCode: EXIT.usage,
    });
  }
  return job;
}

/** The job id: double SHA-256 of the canonical bytes; 32 bytes, printed in byte order. */
export function jobIdOf(job: JobSpec): Uint8Array {
  return sha256d(encodeJob(job));
}

/** Token ids as they are hashed and sealed: u32LE each. */
export function encodeIds(ids: readonly number[]): Uint8Array {
  return concatBytes(...ids.map(u32le));
}

/**
 * The ids behind bytes of {@link encodeIds}.
 * @throws BitmodelError `BAD_ENCODING` when they are not a whole number of ids
 */
export function decodeIds(bytes: Uint8Array): number[] {
  if (bytes.length % 4 !== 0) {
    throw new BitmodelError('BAD_ENCODING', 'Token ids are four bytes each; these are not.', {
      next: 'Ask who sent them for all of the bytes',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** SHA-256(32-byte salt ‖ templated token ids, u32LE each). */
export function promptHashOf(salt: Uint8Array, promptIds: readonly number[]): Uint8Array {
  return sha256(salt, encodeIds(promptIds));
}

/** The seed of a job: SHA-256(client nonce ‖ model ‖ prompt hash). The client alone fixes it, before it knows the seller. */
export function seedOf(nonce: Uint8Array, model: Uint8Array, promptHash: Uint8Array): Uint8Array {
  return sha256(nonce, model, promptHash);
}

/** What the model asks for a job beside its share of the price, base units; 0 where it asks nothing. */
export function feePerJob({ feePerJob: fee }: { readonly feePerJob?: string | undefined }): bigint {
  return fee === undefined ? 0n : parseAmount(fee);
}

/** What the client must be able to pay at most: price × maxTokens, and the model's fee for the job, base units. */
export function fullReward(job: JobSpec, pricePerToken = parseAmount(job.pricePerToken)): bigint {
  return pricePerToken * BigInt(job.maxTokens) + feePerJob(job);
}

/** The bond of a contest: every verifier's fee, base units. */
export function contestBond(job: JobSpec): bigint {
  return parseAmount(job.verifierFee) * BigInt(jobVerifiers(job));
}

/**
 * The least stake a job may ask: the full reward and all verifiers' fees, as an amount of the job.
 * @param feePerJob what the model asks for the job, base units, which a slash gives back to the client, too
 */
export function leastStake(
  pricePerToken: bigint,
  maxTokens: number,
  verifierFee: bigint,
  verifiers: number,
  feePerJob = 0n,
): string {
  const reward = pricePerToken * BigInt(maxTokens) + feePerJob;
  return formatAmount(reward + verifierFee * BigInt(verifiers));
}

/** Bytes of a 32-byte field of a job. */
export function hashField(job: JobSpec, field: 'model' | 'promptHash' | 'seed' | 'feeScript') {
  return fromHex(job[field], 32);
}

/** The job id in hex, as messages carry it. */
export function jobIdHex(job: JobSpec): string {
  return toHex(jobIdOf(job));
}
