import { concatBytes, sha256 } from '../../base/index.js';
import type { ScriptContext } from './context.js';
import { compactFromDer, isLowS, isStrictDer } from './der.js';
import { signEcdsa, verifyEcdsa } from './ecdsa.js';
import { SIGHASH, signatureHash } from './sighash.js';

/** What of a script a signature is about, and what of the transaction it covers. */
export interface SignInputOptions {
  /** What follows the last executed OP_CODESEPARATOR; the whole locking script unless stated. */
  readonly scriptCode?: Uint8Array;
  /** ALL | FORKID unless stated. */
  readonly hashType?: number;
}

/**
 * A signature for one input as CHECKSIG takes it: strict DER, low S, hash type byte behind.
 * @throws BitmodelError `BAD_INPUT_INDEX`, `BAD_PRIVATE_KEY`
 */
export function signInput(
  context: ScriptContext,
  privateKey: Uint8Array,
  options: SignInputOptions = {},
): Uint8Array {
  const hashType = options.hashType ?? SIGHASH.ALL | SIGHASH.FORKID;
  const scriptCode =
    options.scriptCode ??
    context.spentOutputs[context.inputIndex]?.lockingScript ??
    new Uint8Array(0);
  const digest = signatureHash(context, scriptCode, hashType);
  return concatBytes(signEcdsa(digest, privateKey), Uint8Array.of(hashType));
}

/**
 * A signature of a message as CHECKDATASIG takes it: DER, low S, over SHA-256(message).
 * @throws BitmodelError `BAD_PRIVATE_KEY`
 */
export function signData(message: Uint8Array, privateKey: Uint8Array): Uint8Array {
  return signEcdsa(sha256(message), privateKey);
}

/** Whether CHECKDATASIG would take this signature of this message. Never throws. */
export function verifyData(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (!isStrictDer(signature) || !isPublicKeyEncoding(publicKey)) return false;
  const compact = compactFromDer(signature);
  if (!compact || !isLowS(compact)) return false;
  return verifyEcdsa(signature, sha256(message), publicKey);
}

/** Whether the bytes have the form of a compressed or uncompressed key (whether they are a point is not asked). */
export function isPublicKeyEncoding(bytes: Uint8Array): boolean {
  if (bytes.length === 33) return bytes[0] === 0x02 || bytes[0] === 0x03;
  return bytes.length === 65 && bytes[0] === 0x04;
}
