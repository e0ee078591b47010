import { fromHex } from '../../../base/index.js';
import { decodeTransaction, type Transaction } from '../../codec/transaction.js';
import { MAX_TRANSACTION_SIZE } from '../../consensus/parameters.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { Params } from '../Params.js';

/** The transaction in a hexadecimal parameter. @throws RpcError -22 as Bitcoin Core */
export function decodeParam(params: Params, index: number): Transaction {
  const hex = params.string(index, 'hexstring');
  try {
    const bytes = fromHex(hex);
    if (bytes.length > MAX_TRANSACTION_SIZE) throw new RangeError('beyond the largest transaction');
    return decodeTransaction(bytes);
  } catch (thrown) {
    const message = 'TX decode failed. Make sure the tx has at least one input.';
    throw new RpcError(RPC_CODE.deserialization, message, { cause: thrown });
  }
}
