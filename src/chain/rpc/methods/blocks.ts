import { toHex } from '../../../base/index.js';
import { hashToId, transactionId } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HeaderRecord } from '../../store/records.js';
import { Params } from '../params.js';
import { RPC_CODE, RpcError } from '../RpcError.js';
import type { RpcServer } from '../RpcServer.js';
import { difficultyOf, headerHex, headerView, transactionView, workView } from '../views.js';

const MAX_HEIGHT = 0xffff_ffff;

function findHeader(node: ChainNode, params: Params): HeaderRecord {
  const entry = node.store.header(params.hash(0, 'blockhash'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
  return entry;
}

/** What `getblockchaininfo` answers. */
function chainInfo(node: ChainNode): object {
  const tip = node.store.tip();
  return {
    chain: node.parameters.name,
    blocks: tip.height,
    headers: tip.height,
    bestblockhash: hashToId(tip.hash),
    bits: tip.header.bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(tip.header.bits),
    time: tip.header.time,
    mediantime: node.medianTimeOf(tip),
    verificationprogress: 1,
    initialblockdownload: false,
    chainwork: workView(tip.work),
    pruned: false,
    warnings: '',
  };
}

function blockView(node: ChainNode, params: Params): unknown {
  const entry = findHeader(node, params);
  const given = params.raw(1);
  const verbosity =
    typeof given === 'boolean' ? Number(given) : params.integer(1, 'verbosity', 0, 3, 1);
  const bytes = node.store.blockBytes(entry.hash);
  if (!bytes) throw new RpcError(RPC_CODE.misc, 'Block not available');
  if (verbosity === 0) return toHex(bytes);
  const { transactions } = node.store.block(entry.hash)!;
  return {
    ...headerView(node, entry),
    size: entry.size,
    weight: 4 * entry.size,
    tx: transactions.map((transaction) =>
      verbosity === 1 ? transactionId(transaction) : transactionView(transaction, node.parameters),
    ),
  };
}

/** Methods that show the chain, named and shaped as Bitcoin Core's. */
export function registerBlockMethods(server: RpcServer, node: ChainNode): void {
  const { store } = node;
  server.register('getblockchaininfo', () => chainInfo(node));
  server.register('getblockcount', () => node.tip.height);
  server.register('getbestblockhash', () => node.tip.hash);
  server.register('getdifficulty', () => difficultyOf(store.tip().header.bits));
  server.register(
    'getblockhash',
    (values) => {
      const height = new Params(values).integer(0, 'Block height', 0, MAX_HEIGHT);
      const hash = store.hashAt(height);
      if (!hash) throw new RpcError(RPC_CODE.invalidParameter, 'Block height out of range');
      return hashToId(hash);
    },
    'getblockhash HEIGHT',
  );
  server.register(
    'getblockheader',
    (values) => {
      const params = new Params(values);
      const entry = findHeader(node, params);
      return params.boolean(1, 'verbose', true) ? headerView(node, entry) : headerHex(entry);
    },
    'getblockheader BLOCKHASH [VERBOSE]',
  );
  server.register(
    'getblock',
    (values) => blockView(node, new Params(values)),
    'getblock BLOCKHASH [VERBOSITY]',
  );
}
