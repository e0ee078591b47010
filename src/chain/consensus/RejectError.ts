import { BitmodelError } from '../../base/index.js';

/** Why a block or a transaction is refused. */
export class RejectError extends BitmodelError {
  /** Bitcoin's reason string, such as `bad-txns-inputs-missingorspent`. */
  readonly reason: string;
  #block: Uint8Array | undefined;

  constructor(code: 'BLOCK_REJECTED' | 'TX_REJECTED', reason: string, detail?: string) {
    super(code, detail === undefined ? reason : `${reason}, ${detail}`);
    this.reason = reason;
  }

  /** Hash of the block of a branch that breaks the rule; undefined when it is the one that was submitted. */
  get block(): Uint8Array | undefined {
    return this.#block;
  }

  /** Notes which block of a branch breaks the rule: it need not be the one whose coming had the branch connected. */
  noteBlock(hash: Uint8Array): void {
    this.#block ??= hash;
  }
}

/** A block that breaks a rule. */
export function rejectBlock(reason: string, detail?: string): RejectError {
  return new RejectError('BLOCK_REJECTED', reason, detail);
}

/** A transaction that breaks a rule; within a block the block is refused for the same reason. */
export function rejectTransaction(reason: string, detail?: string): RejectError {
  return new RejectError('TX_REJECTED', reason, detail);
}
