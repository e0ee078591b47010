import bs58check from 'bs58check';
import { BitmodelError, EXIT } from '../../base/index.js';
import { hash160, p2pkhHash, p2pkhScript } from '../script/standard.js';

/** What an address and a written private key say of the network they are for (DESIGN 4.1). */
export interface AddressParameters {
  readonly name: string;
  /** First byte of an address. */
  readonly addressVersion: number;
  /** First byte of a private key in wallet import format. */
  readonly wifVersion: number;
}

const HASH_LENGTH = 20;
/** Longest text that is looked at: no address or private key is longer. */
const LONGEST = 64;

/** Version byte of the network that an address of the other kind is for, to name it in an error. */
const KNOWN_VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x00, 'main'],
  [0x6f, 'test or regtest'],
]);

/**
 * Payload behind a Base58Check text with its version byte in front, or undefined when the text is none.
 * The checksum is the first 4 bytes of the double SHA-256 of all before it.
 */
export function decodeBase58Check(text: string): Uint8Array | undefined {
  return text.length > LONGEST ? undefined : bs58check.decodeUnsafe(text);
}

/**
 * The address of a public key's hash: Base58Check of version byte and RIPEMD-160(SHA-256(public key)), as in
 * Bitcoin and in section 2.2 of the CamelidCoin paper.
 * @param hash 20 bytes
 */
export function encodeAddress(hash: Uint8Array, parameters: AddressParameters): string {
  return bs58check.encode([parameters.addressVersion, ...hash]);
}

/**
 * The 20-byte public key hash behind an address of this network.
 * @throws BitmodelError `BAD_ADDRESS` when it is no address (a letter changed, one missing);
 *   `WRONG_NETWORK` when it is one of another network
 */
export function decodeAddress(text: string, parameters: AddressParameters): Uint8Array {
  const bytes = decodeBase58Check(text);
  if (bytes?.length !== 1 + HASH_LENGTH) {
    throw new BitmodelError('BAD_ADDRESS', `"${text.slice(0, LONGEST)}" is not an address.`, {
      next: 'Copy the whole address again; every letter counts',
      exitCode: EXIT.usage,
    });
  }
  const version = bytes[0]!;
  if (version !== parameters.addressVersion) {
    const other = KNOWN_VERSIONS.get(version);
    throw new BitmodelError(
      'WRONG_NETWORK',
      `${text} is an address for ${other ?? 'another chain'}, not for ${parameters.name}.`,
      {
        next: `Ask for an address for ${parameters.name}, or choose the network with --network`,
        exitCode: EXIT.usage,
      },
    );
  }
  return bytes.slice(1);
}

/** The locking script that pays an address (P2PKH). @throws as {@link decodeAddress} */
export function addressScript(address: string, parameters: AddressParameters): Uint8Array {
  return p2pkhScript(decodeAddress(address, parameters));
}

/** The address that a locking script pays, or undefined when it is not P2PKH. */
export function scriptAddress(
  lockingScript: Uint8Array,
  parameters: AddressParameters,
): string | undefined {
  const hash = p2pkhHash(lockingScript);
  return hash && encodeAddress(hash, parameters);
}

/** The address of a public key, 33 or 65 bytes. */
export function publicKeyAddress(publicKey: Uint8Array, parameters: AddressParameters): string {
  return encodeAddress(hash160(publicKey), parameters);
}
