import { hashToId, transactionHash } from '../../codec/transaction.js';
import { RejectError } from '../../consensus/RejectError.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import type { MethodHelp } from '../method.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { decodeParam } from './decodeParam.js';
import { exceedsRate, maxFeeRate } from './testAccept.js';

/** What `sendrawtransaction` takes and answers. */
export const SENDRAWTRANSACTION: MethodHelp = {
  group: 'Rawtransactions',
  summary: 'Takes a signed transaction into the mempool. One that waits there already is no error.',
  params: [
    { name: 'hexstring', type: 'string', about: 'The transaction in hex.' },
    {
      name: 'maxfeerate',
      type: 'amount',
      default: '0.10',
      about: 'Refuse it when it pays more than so many coins per 1,000 bytes; 0 for no limit.',
    },
  ],
  result: 'Its id.',
  errors: [
    [-22, 'It is not the encoding of a transaction.'],
    [-25, 'A coin that it spends is spent or unknown, or it pays more than maxfeerate.'],
    [-26, "It breaks a rule: the message is Bitcoin's reject reason."],
    [-27, 'It is in the chain already.'],
  ],
  example: '"hexstring"',
};

/** Bitcoin Core's numbers: what is missing or spent is an error, what breaks a rule a refusal. */
function sendError(thrown: unknown): unknown {
  if (!(thrown instanceof RejectError)) return thrown;
  const { reason, message } = thrown;
  const code =
    reason === 'bad-txns-inputs-missingorspent' ? RPC_CODE.verify : RPC_CODE.verifyRejected;
  return new RpcError(code, message);
}

async function send(node: ChainNode, params: Params): Promise<string> {
  const transaction = decodeParam(params, 0);
  const hash = transactionHash(transaction);
  const maximum = maxFeeRate(params, 1);
  if (node.store.hasTransaction(hash)) {
    throw new RpcError(RPC_CODE.alreadyInChain, 'Transaction outputs already in utxo set');
  }
  // sending again what waits already is no error
  if (node.mempool.get(hash)) return hashToId(hash);
  const trial = node.admission.trial(transaction);
  if ('refused' in trial) throw sendError(trial.refused);
  if (exceedsRate(trial.entry.fee, trial.entry.size, maximum)) {
    const message = 'Fee exceeds maximum configured by user (maxfeerate)';
    throw new RpcError(RPC_CODE.verify, message);
  }
  try {
    return await node.submitTransaction(transaction);
  } catch (thrown) {
    throw sendError(thrown);
  }
}

/** The method that takes a transaction into the mempool, named and shaped as Bitcoin Core's. */
export function registerTransactionMethods(server: RpcServer, node: ChainNode): void {
  server.register(
    'sendrawtransaction',
    (values) => send(node, new Params(values)),
    SENDRAWTRANSACTION,
  );
}
