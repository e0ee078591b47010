import { BitmodelError, toHex } from '../../../base/index.js';
import { requireNoToken } from './demands.js';
import { type Expression, expression, joinParts } from './expression.js';

/** How many signatures of given keys over data a covenant demands. */
export interface DataThreshold {
  /** Compressed public keys, each once. */
  readonly publicKeys: readonly Uint8Array[];
  /** Exactly so many of them have signed. */
  readonly threshold: number;
  /**
   * What else is demanded when key `index` has signed, for instance its fee ({@link payNth}). Finds on top of
   * the stack how many have signed so far, this one included, and leaves the stack as it was.
   */
  readonly onSigner?: (index: number) => string;
}

/**
 * Demands that exactly `threshold` of the keys have signed SHA-256(message), and takes message and signatures.
 * A key that has not signed gets an empty element in its signature's place; a wrong signature ends the script.
 * Keys are asked in their order, so the first key's signature lies right below the message.
 *
 * Stack: signature of the last key … signature of the first key, message →
 *
 * The alternate stack is used and left as found.
 * @throws BitmodelError `BAD_CONTRACT` for a key that stands twice, or a threshold that can't be
 */
export function checkDataThreshold({ publicKeys, threshold, onSigner }: DataThreshold): string {
  const different = new Set(publicKeys.map(toHex));
  const possible = Number.isInteger(threshold) && threshold >= 1 && threshold <= publicKeys.length;
  if (different.size !== publicKeys.length || !possible) {
    throw new BitmodelError(
      'BAD_CONTRACT',
      `A threshold of ${threshold} among ${publicKeys.length} keys can't be met by different keys.`,
      { next: 'Name each key once, and a threshold from 1 to their number' },
    );
  }
  const asked = publicKeys.map((publicKey, index) => {
    const check = `OP_SWAP OP_FROMALTSTACK OP_DUP OP_TOALTSTACK ${expression(publicKey)} OP_CHECKDATASIG`;
    return `${check} OP_IF OP_1ADD ${onSigner?.(index) ?? ''} OP_ENDIF`;
  });
  return joinParts(
    'OP_TOALTSTACK 0',
    ...asked,
    `${threshold} OP_NUMEQUALVERIFY OP_FROMALTSTACK OP_DROP`,
  );
}

/** What each who signs is paid, one output after the other. */
export interface NthPayment {
  /** Output that the first signer is paid by; the second by the next one, and so on. */
  readonly firstOutput: number;
  readonly value: Expression;
  readonly script: Expression;
}

/**
 * Demands that the output of the n-th signer has this value and script, and carries no token.
 *
 * Stack: n → n
 */
export function payNth({ firstOutput, value, script }: NthPayment): string {
  const output = `OP_DUP ${firstOutput - 1} OP_ADD`;
  const paid = `${output} OP_OUTPUTVALUE ${expression(value)} OP_NUMEQUALVERIFY`;
  const locked = `${output} OP_OUTPUTBYTECODE ${expression(script)} OP_EQUALVERIFY`;
  return `${paid} ${locked} ${requireNoToken(output)}`;
}
