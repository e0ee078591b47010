import bs58check from 'bs58check';
import { BitmodelError, EXIT } from '../../base/index.js';
import { type AddressParameters, decodeBase58Check } from './address.js';

const KEY_LENGTH = 32;
/** Follows the key when its public key is used in the compressed, 33-byte form. */
const COMPRESSED = 0x01;

/** A private key in wallet import format, for a compressed public key: 52 characters of Base58Check. */
export function encodeWif(privateKey: Uint8Array, parameters: AddressParameters): string {
  return bs58check.encode([parameters.wifVersion, ...privateKey, COMPRESSED]);
}

/**
 * The 32-byte private key behind a text in wallet import format. The text never gets into an error.
 * @throws BitmodelError `BAD_WIF`; `WRONG_NETWORK`; `UNCOMPRESSED_KEY` for the old form, whose coins lie at an
 *   address of the 65-byte public key, which this wallet does not watch
 */
export function decodeWif(text: string, parameters: AddressParameters): Uint8Array {
  const bytes = decodeBase58Check(text);
  const compressed = bytes?.length === KEY_LENGTH + 2 && bytes[KEY_LENGTH + 1] === COMPRESSED;
  if (!bytes || (bytes.length !== KEY_LENGTH + 1 && !compressed)) {
    throw new BitmodelError('BAD_WIF', 'This is not a private key in wallet import format.', {
      next: 'Copy the whole key again; every letter counts',
      exitCode: EXIT.usage,
    });
  }
  if (bytes[0] !== parameters.wifVersion) {
    throw new BitmodelError(
      'WRONG_NETWORK',
      `This private key is for another network than ${parameters.name}.`,
      { next: 'Choose its network with --network', exitCode: EXIT.usage },
    );
  }
  if (!compressed) {
    throw new BitmodelError(
      'UNCOMPRESSED_KEY',
      'This private key is of the old, uncompressed form.',
      {
        next: 'Send its coins to an address of a new key (bitmodel keygen) with the wallet that made it',
        exitCode: EXIT.usage,
      },
    );
  }
  return bytes.slice(1, 1 + KEY_LENGTH);
}
