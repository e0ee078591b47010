import { toHex } from '../../../base/index.js';
import { encodeTransaction, hashToId, transactionHash } from '../../codec/transaction.js';
import { RejectError } from '../../consensus/reject.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { JsonAmount } from '../json.js';
import { Params } from '../params.js';
import { RPC_CODE, RpcError } from '../RpcError.js';
import type { RpcServer } from '../RpcServer.js';
import { scriptView, transactionView } from '../views.js';
import { decodeParam } from './decodeParam.js';
import { exceedsRate, maxFeeRate } from './testAccept.js';

function rawTransaction(node: ChainNode, params: Params): unknown {
  const hash = params.hash(0, 'txid');
  const verbose = params.raw(1) !== undefined && params.raw(1) !== 0 && params.raw(1) !== false;
  const stored = node.store.transactionByHash(hash);
  const waiting = stored ? undefined : node.mempool.get(hash);
  const transaction = stored?.transaction ?? waiting?.transaction;
  if (!transaction) {
    const message = 'No such mempool or blockchain transaction';
    throw new RpcError(RPC_CODE.notFound, message);
  }
  const hex = toHex(encodeTransaction(transaction));
  if (!verbose) return hex;
  const view = { ...transactionView(transaction, node.parameters), hex };
  if (!stored) return { ...view, time: waiting!.time };
  const { block } = stored;
  return {
    ...view,
    blockhash: hashToId(block.hash),
    height: block.height,
    confirmations: node.tip.height - block.height + 1,
    time: block.header.time,
    blocktime: block.header.time,
  };
}

/** Bitcoin Core's numbers: what is missing or spent is an error, what breaks a rule a refusal. */
function sendError(thrown: unknown): unknown {
  if (!(thrown instanceof RejectError)) return thrown;
  const { reason, message } = thrown;
  if (reason === 'txn-already-known') {
    return new RpcError(RPC_CODE.alreadyInChain, 'Transaction outputs already in utxo set');
  }
  const code =
    reason === 'bad-txns-inputs-missingorspent' ? RPC_CODE.verify : RPC_CODE.verifyRejected;
  return new RpcError(code, message);
}

async function send(node: ChainNode, params: Params): Promise<string> {
  const transaction = decodeParam(params, 0);
  const hash = transactionHash(transaction);
  const maximum = maxFeeRate(params, 1);
  // sending again what waits already is no error
  if (node.mempool.get(hash)) return hashToId(hash);
  const trial = node.admission.trial(transaction);
  if ('entry' in trial && exceedsRate(trial.entry.fee, trial.entry.size, maximum)) {
    const message = 'Fee exceeds maximum configured by user (maxfeerate)';
    throw new RpcError(RPC_CODE.verify, message);
  }
  try {
    return await node.submitTransaction(transaction);
  } catch (thrown) {
    throw sendError(thrown);
  }
}

function unspentOutput(node: ChainNode, params: Params): unknown {
  const outpoint = { hash: params.hash(0, 'txid'), index: params.integer(1, 'n', 0, 0xffff_ffff) };
  const found = node.unspent(outpoint, params.boolean(2, 'include_mempool', true));
  if (!found) return null;
  return {
    bestblock: node.tip.hash,
    confirmations: found.height === 0 ? 0 : node.tip.height - found.height + 1,
    value: new JsonAmount(found.output.value),
    scriptPubKey: scriptView(found.output.lockingScript, node.parameters),
    coinbase: found.coinbase,
  };
}

/** Methods that show, test and take transactions, named and shaped as Bitcoin Core's. */
export function registerTransactionMethods(server: RpcServer, node: ChainNode): void {
  server.register(
    'getrawtransaction',
    (values) => rawTransaction(node, new Params(values)),
    'getrawtransaction TXID [VERBOSE]',
  );
  server.register(
    'decoderawtransaction',
    (values) => transactionView(decodeParam(new Params(values), 0), node.parameters),
    'decoderawtransaction HEX',
  );
  server.register(
    'sendrawtransaction',
    (values) => send(node, new Params(values)),
    'sendrawtransaction HEX [MAXFEERATE]',
  );
  server.register(
    'gettxout',
    (values) => unspentOutput(node, new Params(values)),
    'gettxout TXID N [INCLUDE_MEMPOOL]',
  );
}
