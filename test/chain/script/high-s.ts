import { concatBytes } from '#src/base/index.js';
import { compactFromDer, derFromCompact } from '#src/chain/script/der.js';

const ORDER = BigInt('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');

/** The twin of a low-S signature (hash type byte behind) that has the high S. */
export function highS(signature: Uint8Array): Uint8Array {
  const compact = compactFromDer(signature.subarray(0, -1))!;
  const s = BigInt(`0x${Buffer.from(compact.subarray(32)).toString('hex')}`);
  compact.set(Buffer.from((ORDER - s).toString(16).padStart(64, '0'), 'hex'), 32);
  return concatBytes(derFromCompact(compact), signature.subarray(-1));
}
