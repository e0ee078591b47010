import { BitmodelError, EXIT, equalBytes, messageOf, sha256, toBase64 } from '../base/index.js';
import { signData, verifyData } from '../chain/index.js';
import type { FinishReason } from '../model/index.js';
import {
  type LogitsSource,
  NO_EVIDENCE,
  type OutputClaim,
  sampleSeed,
  type Verdict,
  type Verification,
  type VerifyOptions,
  verifyOutput,
} from '../rastic/index.js';
import { outputHashOf } from './answer.js';
import { type Commitment, encodeCommitment } from './contracts/commitment.js';
import { receiptForm } from './receiptForm.js';
import { hashField, type JobSpec, jobIdOf, parseJob, promptHashOf, seedOf } from './spec.js';

/** Everything that shows what was bought: enough, with the model alone, to check every token offline (DESIGN 6). */
export interface Receipt {
  readonly job: JobSpec;
  /** Salt of the prompt hash, 32 bytes. */
  readonly salt: Uint8Array;
  /** The client's nonce behind the seed, 32 bytes. */
  readonly nonce: Uint8Array;
  readonly promptIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly finish: FinishReason;
  /** The key that the seller showed when it took the reward, 32 bytes. */
  readonly k: Uint8Array;
  /** SHA-256 of the ciphertext that was posted, 32 bytes. */
  readonly ciphertextHash: Uint8Array;
  /** The seller's compressed public key. */
  readonly seller: Uint8Array;
  /** The seller's signature of the 101-byte commitment, DER. */
  readonly signature: Uint8Array;
}

/** Bytes that a receipt may hold beyond the job and the ids. */
export const RECEIPT_OVERHEAD = 512;

const MOST_BYTES = 4 << 20;

/** The commitment that the receipt's parts make up. */
export function receiptCommitment(receipt: Receipt): Commitment {
  return {
    jobId: jobIdOf(receipt.job),
    outputHash: outputHashOf(receipt.k, receipt.outputIds),
    ciphertextHash: receipt.ciphertextHash,
    count: receipt.outputIds.length,
    finish: receipt.finish,
  };
}

/** Signs a commitment the way receipts carry it: over its 101 bytes. */
export function signCommitment(commitment: Commitment, sellerKey: Uint8Array): Uint8Array {
  return signData(encodeCommitment(commitment), sellerKey);
}

/** The receipt as one line of JSON, with at most 512 bytes beyond the job and the ids. */
export function encodeReceipt(receipt: Receipt): string {
  return JSON.stringify({
    v: 1,
    job: receipt.job,
    salt: toBase64(receipt.salt),
    nonce: toBase64(receipt.nonce),
    prompt: receipt.promptIds,
    output: receipt.outputIds,
    finish: receipt.finish,
    k: toBase64(receipt.k),
    ciphertext: toBase64(receipt.ciphertextHash),
    seller: toBase64(receipt.seller),
    signature: toBase64(receipt.signature),
  });
}

function refuse(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_RECEIPT', `This is not a receipt: ${why}.`, {
    next: 'Pass the file that `bitmodel job submit --receipt FILE` wrote',
    exitCode: EXIT.usage,
    cause,
  });
}

/**
 * Reads a receipt's form; what it claims is checked by {@link checkReceipt} and the model.
 * @throws BitmodelError `BAD_RECEIPT`
 */
export function decodeReceipt(json: string): Receipt {
  if (json.length > MOST_BYTES) throw refuse('it is too large');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (thrown) {
    throw refuse('it is not JSON', thrown);
  }
  const parsed = receiptForm.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join('.');
    throw refuse(
      field === '' ? 'it has not the fields of one' : `its field "${field}" is no such thing`,
    );
  }
  const { prompt, output, ciphertext, job, v: _version, ...rest } = parsed.data;
  let spec: JobSpec;
  try {
    spec = parseJob(job);
  } catch (thrown) {
    throw refuse(`its job is none. ${messageOf(thrown)}`.replace(/\.$/, ''), thrown);
  }
  return { ...rest, job: spec, promptIds: prompt, outputIds: output, ciphertextHash: ciphertext };
}

/** What holds of a receipt without the model. */
export interface ReceiptChecks {
  /** Prompt ids and salt are those the job names. */
  readonly prompt: boolean;
  /** The seed is the one that nonce, model and prompt give. */
  readonly seed: boolean;
  /** The seller signed for exactly this output. */
  readonly signature: boolean;
}

/** Checks what needs no model: that prompt and seed are the job's, and that the seller signed for this output. */
export function checkReceipt(receipt: Receipt): ReceiptChecks {
  const { job, salt, nonce, promptIds, seller, signature } = receipt;
  const promptHash = promptHashOf(salt, promptIds);
  const seed = seedOf(nonce, hashField(job, 'model'), promptHash);
  return {
    prompt:
      equalBytes(promptHash, hashField(job, 'promptHash')) && promptIds.length === job.inputTokens,
    seed: equalBytes(seed, hashField(job, 'seed')),
    signature: verifyData(signature, encodeCommitment(receiptCommitment(receipt)), seller),
  };
}

/** What the model is asked to confirm. */
export function receiptClaim(receipt: Receipt): OutputClaim {
  const { job, promptIds, outputIds, finish } = receipt;
  return {
    promptIds,
    outputIds,
    sampling: job.sampling,
    seed: hashField(job, 'seed'),
    maxTokens: job.maxTokens,
    stop: job.stop,
    finish,
  };
}

/** A receipt's verdict, with all that led to it. */
export interface ReceiptVerification extends Verification {
  readonly checks: ReceiptChecks;
}

/** Positions of a sample depend on the commitment too, so that no seed can be found before it that passes by what is false. */
function checkOf(receipt: Receipt, check: VerifyOptions['check'] = 'full'): typeof check {
  if (check === 'full') return check;
  const commitmentHash = sha256(encodeCommitment(receiptCommitment(receipt)));
  return { ...check, seed: sampleSeed(commitmentHash, check.seed) };
}

/** What comes of a receipt whose tokens are the model's: seed and signature have to hold, too. */
export function provenVerdict({ seed, signature }: ReceiptChecks): Verdict {
  if (seed && signature) return { result: 'valid' };
  const detail = seed
    ? 'every token checked is the model’s, but the receipt is not what its seller signed'
    : 'every token checked is the model’s, but the nonce does not give the seed of the job';
  return { result: 'invalid', kind: 'format', detail };
}

/**
 * Checks a whole receipt offline: the hashes and the signature, then every token against the model.
 * A prompt that is not the job's is `prompt`; a seed or a signature that does not hold is `format`, after the tokens.
 * @param model the model that the job names; the caller has compared its id
 * @param options of a sample the seed is what the verifier drew: the commitment is mixed in here
 */
export async function verifyReceipt(
  receipt: Receipt,
  model: LogitsSource,
  options: VerifyOptions,
): Promise<ReceiptVerification> {
  const checks = checkReceipt(receipt);
  if (!checks.prompt) {
    const verdict = { result: 'invalid', kind: 'prompt' } as const;
    return {
      verdict,
      isFull: false,
      positions: 0,
      pooled: NO_EVIDENCE,
      greatestMargin: Number.NEGATIVE_INFINITY,
      aboveZero: 0,
      detection: 0,
      seconds: 0,
      rows: [],
      checks,
    };
  }
  const verification = await verifyOutput(model, receiptClaim(receipt), {
    ...options,
    check: checkOf(receipt, options.check),
  });
  const { verdict } = verification;
  return {
    ...verification,
    verdict: verdict.result === 'valid' ? provenVerdict(checks) : verdict,
    checks,
  };
}
