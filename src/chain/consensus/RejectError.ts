import { BitmodelError } from '../../base/index.js';

/** Why a block or a transaction is refused. */
export class RejectError extends BitmodelError {
  /** Bitcoin's reason string, such as `bad-txns-inputs-missingorspent`. */
  readonly reason: string;

  constructor(code: 'BLOCK_REJECTED' | 'TX_REJECTED', reason: string, detail?: string) {
    super(code, detail === undefined ? reason : `${reason}, ${detail}`);
    this.reason = reason;
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
