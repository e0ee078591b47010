import { utils } from '@noble/secp256k1';
import { BitmodelError, EXIT } from '../../base/index.js';
import { type AddressParameters, publicKeyAddress } from '../address/address.js';
import { publicKeyOf } from '../script/ecdsa.js';

/** A secp256k1 key with the address of its compressed public key. */
export interface KeyPair {
  /** 32 bytes, big-endian. */
  readonly privateKey: Uint8Array;
  /** 33 bytes, compressed (SEC 1). */
  readonly publicKey: Uint8Array;
  readonly address: string;
}

/**
 * The key pair of a private key.
 * @param privateKey 32 bytes, a number from 1 to the order of the curve less 1
 * @throws BitmodelError `BAD_PRIVATE_KEY`
 */
export function keyPair(privateKey: Uint8Array, parameters: AddressParameters): KeyPair {
  if (!utils.isValidSecretKey(privateKey)) {
    throw new BitmodelError('BAD_PRIVATE_KEY', 'This is not a secp256k1 private key.', {
      next: 'Make a key with: bitmodel keygen',
      exitCode: EXIT.usage,
    });
  }
  const publicKey = publicKeyOf(privateKey);
  return { privateKey, publicKey, address: publicKeyAddress(publicKey, parameters) };
}

/** A new key pair from the system's source of randomness. */
export function createKey(parameters: AddressParameters): KeyPair {
  return keyPair(utils.randomSecretKey(), parameters);
}
