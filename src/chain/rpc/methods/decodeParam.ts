import { decodeTransaction, type Transaction } from '../../codec/transaction.js';
import type { Params } from '../params.js';
import { RPC_CODE, RpcError } from '../RpcError.js';

/** The transaction in a hexadecimal parameter. @throws RpcError -22 as Bitcoin Core */
export function decodeParam(params: Params, index: number): Transaction {
  const bytes = params.hex(index, 'hexstring');
  try {
    return decodeTransaction(bytes);
  } catch (thrown) {
    throw new RpcError(RPC_CODE.deserialization, 'TX decode failed', { cause: thrown });
  }
}
