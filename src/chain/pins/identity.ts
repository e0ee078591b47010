import { sha256, toHex, utf8 } from '../../base/index.js';
import { type AddressParameters, scriptAddress } from '../address/address.js';

/** Longest script that is shown byte by byte: an index of pins must not grow by megabytes with each move. */
const LONGEST_SHOWN = 100;

/**
 * The text that stands for a locking script in pins: its address, or where it has none its bytes in hex, or for a long
 * one `sha256:` and the hash of them.
 */
export function holderText(lockingScript: Uint8Array, parameters: AddressParameters): string {
  const address = scriptAddress(lockingScript, parameters);
  if (address !== undefined) return address;
  return lockingScript.length > LONGEST_SHOWN
    ? `sha256:${toHex(sha256(lockingScript))}`
    : toHex(lockingScript);
}

/** MetaID behind an address (or behind the hex of a script without one): SHA-256 of its text, 32 bytes (MetaID v2). */
export function metaIdOf(text: string): Uint8Array {
  return sha256(utf8(text));
}
