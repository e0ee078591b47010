import { equalBytes, toHex } from '../../../base/index.js';
import {
  encodeTransaction,
  hashToId,
  type Transaction,
  transactionHash,
} from '../../codec/transaction.js';
import type { Coin } from '../../consensus/coins.js';
import type { NetworkParameters } from '../../consensus/parameters.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { placeInBlock } from '../../store/queries.js';
import type { HeaderRecord } from '../../store/records.js';
import { JsonAmount } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { tokenView } from '../../wire/tokenView.js';
import { TRANSACTION_HELP } from '../help/transactions.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { scriptView } from '../scriptViews.js';
import { transactionView } from '../views.js';
import { storedBlock } from './blocks.js';
import { createTransaction } from './createTransaction.js';
import { decodeParam } from './decodeParam.js';

/** A transaction that the node knows, and where from. */
interface Found {
  readonly transaction: Transaction;
  readonly block?: HeaderRecord;
  /** When the mempool took it. */
  readonly time?: number;
}

function findIn(node: ChainNode, params: Params, hash: Uint8Array): Found {
  const block = node.store.header(params.hash(2, 'blockhash'));
  if (!block) throw new RpcError(RPC_CODE.notFound, 'Block hash not found');
  const transaction = storedBlock(node, block).transactions.find((each) =>
    equalBytes(transactionHash(each), hash),
  );
  if (!transaction) {
    const message = 'No such transaction found in the provided block';
    throw new RpcError(RPC_CODE.notFound, message);
  }
  return { transaction, block };
}

function find(node: ChainNode, params: Params): Found {
  const hash = params.hash(0, 'txid');
  if (params.has(2)) return findIn(node, params, hash);
  const found = node.store.transactionByHash(hash) ?? node.mempool.get(hash);
  if (found) return found;
  throw new RpcError(RPC_CODE.notFound, 'No such mempool or blockchain transaction');
}

/** The coins that a transaction spends: of the chain, out of the block's undo data, whose place is looked up. */
function spentCoins(node: ChainNode, { transaction, block }: Found): (Coin | undefined)[] {
  if (!block) return transaction.inputs.map(({ outpoint }) => node.output(outpoint));
  if (!node.store.isActive(block)) return [];
  const place = placeInBlock(node.store, transactionHash(transaction));
  if (place === undefined) return [];
  return node.store.undo(block.hash)[place] ?? [];
}

function rawTransaction(node: ChainNode, params: Params): unknown {
  const found = find(node, params);
  const { transaction, block, time } = found;
  const verbosity = params.verbosity(1, 'verbosity', 2, 0);
  const hex = toHex(encodeTransaction(transaction));
  if (verbosity === 0) return hex;
  const surroundings = verbosity === 2 ? { coins: spentCoins(node, found), prevouts: true } : {};
  const isActive = block !== undefined && node.store.isActive(block);
  return {
    ...(params.has(2) ? { in_active_chain: isActive } : {}),
    ...transactionView(transaction, node.parameters, surroundings),
    hex,
    ...(block ? { blockhash: hashToId(block.hash) } : { time }),
    ...(isActive
      ? {
          height: block.height,
          confirmations: node.tip.height - block.height + 1,
          time: block.header.time,
          blocktime: block.header.time,
        }
      : {}),
    ...(block && !isActive ? { confirmations: 0 } : {}),
  };
}

function decodeScriptHex(parameters: NetworkParameters, params: Params): object {
  const script = params.hexString(0, 'argument');
  const { hex: _, ...view } = scriptView(script, parameters) as { hex: string };
  return view;
}

function unspentOutput(node: ChainNode, params: Params): unknown {
  const outpoint = { hash: params.hash(0, 'txid'), index: params.integer(1, 'n', 0, 0xffff_ffff) };
  const found = node.unspent(outpoint, params.boolean(2, 'include_mempool', true));
  if (!found) return null;
  const { token } = found.output;
  return {
    bestblock: node.tip.hash,
    confirmations: found.height === 0 ? 0 : node.tip.height - found.height + 1,
    value: new JsonAmount(found.output.value),
    scriptPubKey: scriptView(found.output.lockingScript, node.parameters),
    ...(token ? { tokenData: tokenView(token) } : {}),
    coinbase: found.coinbase,
  };
}

/** Methods that make transactions and take them apart; they need no chain. */
export function registerCodingMethods(server: RpcServer, parameters: NetworkParameters): void {
  const help = TRANSACTION_HELP;
  server.register(
    'createrawtransaction',
    (values) => toHex(encodeTransaction(createTransaction(new Params(values), parameters))),
    help.createrawtransaction,
  );
  server.register(
    'decoderawtransaction',
    (values) => transactionView(decodeParam(new Params(values), 0), parameters),
    help.decoderawtransaction,
  );
  server.register(
    'decodescript',
    (values) => decodeScriptHex(parameters, new Params(values)),
    help.decodescript,
  );
}

/** Methods that make, take apart and find transactions, named and shaped as Bitcoin Core's. */
export function registerRawTransactionMethods(server: RpcServer, node: ChainNode): void {
  const help = TRANSACTION_HELP;
  const { parameters } = node;
  server.register(
    'getrawtransaction',
    (values) => rawTransaction(node, new Params(values)),
    help.getrawtransaction,
  );
  registerCodingMethods(server, parameters);
  server.register('gettxout', (values) => unspentOutput(node, new Params(values)), help.gettxout);
}
