import { sha256, toHex, utf8 } from '../../base/index.js';
import { type AddressParameters, scriptAddress } from '../address/address.js';

/** The text that stands for a locking script in pins: its address, or its bytes in hex where it has none. */
export function holderText(lockingScript: Uint8Array, parameters: AddressParameters): string {
  return scriptAddress(lockingScript, parameters) ?? toHex(lockingScript);
}

/** MetaID behind an address (or behind the hex of a script without one): SHA-256 of its text, 32 bytes (MetaID v2). */
export function metaIdOf(text: string): Uint8Array {
  return sha256(utf8(text));
}
