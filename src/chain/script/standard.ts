import { concatBytes, sha256 } from '../../base/index.js';
import { ripemd160 } from './digests.js';
import { OP } from './opcodes.js';
import { isPushOnly } from './push.js';
import { isPublicKeyEncoding } from './signing.js';

/** RIPEMD-160 of SHA-256, 20 bytes: what an address names. */
export function hash160(bytes: Uint8Array): Uint8Array {
  return ripemd160(sha256(bytes));
}

const P2PKH_HEAD = Uint8Array.of(OP.OP_DUP, OP.OP_HASH160, 20);
const P2PKH_TAIL = Uint8Array.of(OP.OP_EQUALVERIFY, OP.OP_CHECKSIG);

/** The locking script that pays to a public key's hash160. */
export function p2pkhScript(hash: Uint8Array): Uint8Array {
  return concatBytes(P2PKH_HEAD, hash, P2PKH_TAIL);
}

/** The hash160 that a pay-to-public-key-hash script names; undefined for any other script. */
export function p2pkhHash(script: Uint8Array): Uint8Array | undefined {
  const matches =
    script.length === 25 &&
    script[0] === OP.OP_DUP &&
    script[1] === OP.OP_HASH160 &&
    script[2] === 20 &&
    script[23] === OP.OP_EQUALVERIFY &&
    script[24] === OP.OP_CHECKSIG;
  return matches ? script.slice(3, 23) : undefined;
}

/** What kind of locking script it is, in Bitcoin's words. */
export type ScriptClass =
  | { readonly type: 'pubkeyhash'; readonly hash160: Uint8Array }
  | { readonly type: 'pubkey'; readonly publicKey: Uint8Array }
  | { readonly type: 'nulldata' }
  | { readonly type: 'nonstandard' };

/** Sorts a locking script. `nulldata` is OP_RETURN, or OP_0 OP_RETURN as pins begin, with pushes behind it. */
export function classifyScript(script: Uint8Array): ScriptClass {
  const hash = p2pkhHash(script);
  if (hash) return { type: 'pubkeyhash', hash160: hash };
  const key = script.subarray(1, -1);
  if (script[0] === key.length && script.at(-1) === OP.OP_CHECKSIG && isPublicKeyEncoding(key)) {
    return { type: 'pubkey', publicKey: key.slice() };
  }
  const at = script[0] === OP.OP_0 ? 1 : 0;
  if (script[at] === OP.OP_RETURN && isPushOnly(script.subarray(at + 1))) {
    return { type: 'nulldata' };
  }
  return { type: 'nonstandard' };
}
