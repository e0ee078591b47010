import {
  BitmodelError,
  concatBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
  u32le,
} from '../base/index.js';
import { createOneTimeKey, openSealed, openUnder, sealTo, sealUnder } from './sealing.js';
import { decodeIds, encodeIds, JOB_BOUNDS } from './spec.js';

/** What only the buyer and the seller know of a job, for the verifiers of a dispute. */
export interface Evidence {
  /** Salt of the prompt hash, 32 bytes. */
  readonly salt: Uint8Array;
  readonly promptIds: readonly number[];
  /** From the buyer: the ids that the answer opened to; absent when it did not open. */
  readonly outputIds?: readonly number[] | undefined;
  /** From the seller: the one-time key behind the ECIES layer, with which anybody can open the answer. */
  readonly oneTimeKey?: Uint8Array | undefined;
}

/** The seller's eyes only: salt and prompt ids. */
export function encodePrompt(salt: Uint8Array, promptIds: readonly number[]): Uint8Array {
  return concatBytes(salt, encodeIds(promptIds));
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodePrompt(bytes: Uint8Array): { salt: Uint8Array; promptIds: number[] } {
  if (bytes.length < 36 || bytes.length > 32 + 4 * JOB_BOUNDS.inputTokens) throw bad();
  return { salt: bytes.slice(0, 32), promptIds: decodeIds(bytes.subarray(32)) };
}

const HAS_OUTPUT = 1;
const HAS_KEY = 2;

/** flags u8 ‖ salt ‖ [one-time key] ‖ prompt count u32LE ‖ prompt ids ‖ [output ids]. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const { salt, promptIds, outputIds, oneTimeKey } = evidence;
  const flags = (outputIds ? HAS_OUTPUT : 0) | (oneTimeKey ? HAS_KEY : 0);
  return concatBytes(
    Uint8Array.of(flags),
    salt,
    oneTimeKey ?? new Uint8Array(0),
    u32le(promptIds.length),
    encodeIds(promptIds),
    encodeIds(outputIds ?? []),
  );
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  const flags = bytes[0] ?? 0xff;
  const keyLength = flags & HAS_KEY ? 32 : 0;
  const head = 1 + 32 + keyLength + 4;
  if (flags > (HAS_OUTPUT | HAS_KEY) || bytes.length < head) throw bad();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const promptEnd = head + 4 * view.getUint32(head - 4, true);
  const rest = bytes.length - promptEnd;
  if (rest < 0 || (rest > 0 && !(flags & HAS_OUTPUT))) throw bad();
  return {
    salt: bytes.slice(1, 33),
    promptIds: decodeIds(bytes.subarray(head, promptEnd)),
    ...(flags & HAS_OUTPUT ? { outputIds: decodeIds(bytes.subarray(promptEnd)) } : {}),
    ...(keyLength ? { oneTimeKey: bytes.slice(33, 65) } : {}),
  };
}

function bad(): BitmodelError {
  return new BitmodelError('BAD_ENCODING', 'These bytes hold no evidence of a job.', {
    next: 'Take no notice of it; it says nothing for who sent it',
  });
}

/** Evidence as a message carries it: sealed once, its key sealed to each reader. */
export interface SealedEvidence {
  /** Base64. */
  readonly evidence: string;
  readonly keys: { readonly verifier: string; readonly key: string }[];
}

/** Seals evidence to verifiers, given by public key in hex. */
export function sealEvidence(evidence: Evidence, verifiers: readonly string[]): SealedEvidence {
  const contentKey = createOneTimeKey();
  return {
    evidence: toBase64(sealUnder(contentKey, encodeEvidence(evidence))),
    keys: verifiers.map((verifier) => ({
      verifier,
      key: toBase64(sealTo(fromHex(verifier), contentKey)),
    })),
  };
}

/**
 * Opens evidence for one of its readers.
 * @returns undefined when it holds nothing for this reader, or nothing that can be read
 */
export function openEvidence(
  sealed: SealedEvidence,
  reader: { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array },
): Evidence | undefined {
  const own = sealed.keys.find(({ verifier }) => verifier === toHex(reader.publicKey));
  if (!own) return undefined;
  try {
    const contentKey = openSealed(reader.privateKey, fromBase64(own.key));
    return decodeEvidence(openUnder(contentKey, fromBase64(sealed.evidence)));
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}
