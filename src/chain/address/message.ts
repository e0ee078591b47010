import {
  BitmodelError,
  concatBytes,
  EXIT,
  equalBytes,
  fromBase64,
  sha256d,
  toBase64,
  utf8,
} from '../../base/index.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { recoverPublicKey, signRecoverable } from '../script/ecdsa.js';
import { hash160 } from '../script/standard.js';
import { type AddressParameters, decodeAddress } from './address.js';

/** Goes before every message, so that no signature of a message can be one of a transaction. */
const MAGIC = utf8('Bitcoin Signed Message:\n');
/** First byte of a signature whose key is used uncompressed; 4 more when it is compressed. */
const HEADER = 27;
const COMPRESSED = 4;
const SIGNATURE_LENGTH = 65;
/** No base64 text of a signature is longer. */
const LONGEST = 4 * Math.ceil(SIGNATURE_LENGTH / 3);

/** What is signed: the double SHA-256 of magic and message, each behind its length, as in Bitcoin Core. */
export function messageHash(message: Uint8Array): Uint8Array {
  const length = MAGIC.length + message.length + 10;
  return sha256d(new ByteWriter(length).varBytes(MAGIC).varBytes(message).finish());
}

/**
 * Signs a message in Bitcoin's format: base64 of a header byte and a compact signature, out of which the public key
 * can be computed, so that the address is all one needs to check it.
 * @param privateKey 32 bytes; its public key is taken as compressed, as everywhere in this wallet
 * @throws BitmodelError `BAD_PRIVATE_KEY`
 */
export function signMessage(message: Uint8Array, privateKey: Uint8Array): string {
  const signature = signRecoverable(messageHash(message), privateKey);
  const header = HEADER + COMPRESSED + signature[0]!;
  return toBase64(concatBytes(Uint8Array.of(header), signature.subarray(1)));
}

/**
 * Whether the owner of an address signed this message, in Bitcoin's format. Signatures by an uncompressed key are
 * taken too; those of other address forms (BIP137, BIP322) are not.
 * @param signature base64
 * @throws BitmodelError `BAD_ADDRESS`, `WRONG_NETWORK`; `BAD_MESSAGE_SIGNATURE` when it is not base64
 */
export function verifyMessage(
  address: string,
  signature: string,
  message: Uint8Array,
  parameters: AddressParameters,
): boolean {
  const wanted = decodeAddress(address, parameters);
  if (signature.length > LONGEST) return false;
  const bytes = fromBase64(signature);
  if (toBase64(bytes) !== signature) {
    throw new BitmodelError('BAD_MESSAGE_SIGNATURE', 'The signature is not base64.', {
      next: 'Copy the whole signature again; it has 88 characters',
      exitCode: EXIT.usage,
    });
  }
  if (bytes.length !== SIGNATURE_LENGTH) return false;
  const id = bytes[0]! - HEADER;
  if (id < 0 || id >= 2 * COMPRESSED) return false;
  const recoverable = concatBytes(Uint8Array.of(id % COMPRESSED), bytes.subarray(1));
  const publicKey = recoverPublicKey(recoverable, messageHash(message), id >= COMPRESSED);
  return publicKey !== undefined && equalBytes(hash160(publicKey), wanted);
}
