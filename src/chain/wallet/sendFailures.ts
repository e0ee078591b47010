import { RpcError } from '../wire/RpcError.js';

/** What a node says of a transaction whose coins somebody else has spent meanwhile. */
const CONFLICT = /^(?:txn-mempool-conflict|bad-txns-inputs-missingorspent|insufficient fee)/;

/** Whether a transaction was refused because another one spends its coins: with other coins it may do. */
export function isConflict(thrown: unknown): boolean {
  return thrown instanceof RpcError && CONFLICT.test(thrown.message);
}
