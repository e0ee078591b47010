import { BitmodelError, concatBytes, sha256, u32le } from '../../base/index.js';

/** How an output ended; the number is the byte in the commitment (DESIGN 5.2). */
const FINISH_CODE = { eos: 0, stop: 1, length: 2 } as const;

/** What the seller binds itself to before it takes the reward: 101 bytes on the wire (DESIGN 5.2, step 4). */
export interface Commitment {
  readonly jobId: Uint8Array;
  /** SHA-256(HMAC-SHA-256(k, "out") ‖ ids u32LE), 32 bytes. */
  readonly outputHash: Uint8Array;
  /** SHA-256 of the posted ciphertext, 32 bytes. */
  readonly ciphertextHash: Uint8Array;
  /** Output tokens, at least 1: every way to finish ends in a token. */
  readonly count: number;
  readonly finish: keyof typeof FINISH_CODE;
}

/** Length of an encoded commitment. */
export const COMMITMENT_BYTES = 101;

/** job id ‖ output hash ‖ ciphertext hash ‖ token count u32LE ‖ finish reason u8. */
export function encodeCommitment(commitment: Commitment): Uint8Array {
  return concatBytes(
    commitment.jobId,
    commitment.outputHash,
    commitment.ciphertextHash,
    u32le(commitment.count),
    Uint8Array.of(FINISH_CODE[commitment.finish]),
  );
}

/** @throws BitmodelError `BAD_COMMITMENT` for another length or an unknown finish reason */
export function decodeCommitment(bytes: Uint8Array): Commitment {
  const finish = (['eos', 'stop', 'length'] as const)[bytes[COMMITMENT_BYTES - 1] ?? 3];
  if (bytes.length !== COMMITMENT_BYTES || finish === undefined) {
    const why = finish === undefined ? 'its finish reason is unknown' : 'its length is not 101';
    throw new BitmodelError('BAD_COMMITMENT', `These bytes are not a commitment: ${why}.`, {
      next: 'Take the bytes that encodeCommitment made, whole',
    });
  }
  return {
    jobId: bytes.slice(0, 32),
    outputHash: bytes.slice(32, 64),
    ciphertextHash: bytes.slice(64, 96),
    count: new DataView(bytes.buffer, bytes.byteOffset).getUint32(96, true),
    finish,
  };
}

/** What stake, contested contract and verdicts carry of a commitment: SHA-256 of its 101 bytes. */
export function commitmentHash(encoded: Uint8Array): Uint8Array {
  return sha256(encoded);
}
