import { createHmac } from 'node:crypto';
import { BitmodelError, equalBytes, sha256, utf8 } from '../base/index.js';
import type { Commitment } from './contracts/commitment.js';
import { createOneTimeKey, openSealed, openUnder, sealTo, sealUnder } from './sealing.js';
import { decodeIds, encodeIds } from './spec.js';

/** SHA-256(HMAC-SHA-256(k, "out") ‖ ids u32LE): binds the ids, and tells nothing of them before k is shown. */
export function outputHashOf(k: Uint8Array, ids: readonly number[]): Uint8Array {
  const salt = createHmac('sha256', k).update(utf8('out')).digest();
  return sha256(salt, encodeIds(ids));
}

/** An answer as the seller posts it, and the one-time key it keeps for a counter-proof. */
export interface SealedAnswer {
  readonly ciphertext: Uint8Array;
  readonly commitment: Commitment;
  readonly oneTimeKey: Uint8Array;
}

/**
 * Seals an output for the client under k, and makes the commitment to it.
 * @param client the client's compressed public key
 */
export function sealAnswer(
  jobId: Uint8Array,
  client: Uint8Array,
  k: Uint8Array,
  output: { readonly ids: readonly number[]; readonly finish: Commitment['finish'] },
  oneTimeKey: Uint8Array = createOneTimeKey(),
): SealedAnswer {
  const ciphertext = sealUnder(k, sealTo(client, encodeIds(output.ids), oneTimeKey));
  const commitment: Commitment = {
    jobId,
    outputHash: outputHashOf(k, output.ids),
    ciphertextHash: sha256(ciphertext),
    count: output.ids.length,
    finish: output.finish,
  };
  return { ciphertext, commitment, oneTimeKey };
}

/** How an answer failed to open, as the kind of an invalid verdict, or the ids that it holds. */
export type OpenedAnswer =
  | { readonly ids: readonly number[] }
  | { readonly kind: 'undelivered' | 'format' | 'count' };

/**
 * Opens a posted answer and holds it against the commitment: the ciphertext's hash, both layers, the output
 * hash, the token count.
 * @param openInner opens the ECIES layer: with the client's private key, or with the seller's one-time key
 */
export function openAnswer(
  commitment: Commitment,
  k: Uint8Array,
  ciphertext: Uint8Array | undefined,
  openInner: (sealed: Uint8Array) => Uint8Array,
): OpenedAnswer {
  if (!ciphertext || !equalBytes(sha256(ciphertext), commitment.ciphertextHash)) {
    return { kind: 'undelivered' };
  }
  let ids: number[];
  try {
    ids = decodeIds(openInner(openUnder(k, ciphertext)));
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return { kind: 'format' };
    throw thrown;
  }
  return checkOutput(commitment, k, ids);
}

/** Holds ids against the commitment: output hash and token count. */
export function checkOutput(
  commitment: Commitment,
  k: Uint8Array,
  ids: readonly number[],
): OpenedAnswer {
  if (!equalBytes(outputHashOf(k, ids), commitment.outputHash)) return { kind: 'format' };
  return ids.length === commitment.count ? { ids } : { kind: 'count' };
}

/** Opens the ECIES layer with the client's own key. */
export function withClientKey(privateKey: Uint8Array): (sealed: Uint8Array) => Uint8Array {
  return (sealed) => openSealed(privateKey, sealed);
}
