import { toHex } from '../../../base/index.js';
import type { Block } from '../../codec/block.js';
import { encodeTransaction, hashToId, transactionId } from '../../codec/transaction.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HeaderRecord } from '../../store/records.js';
import { JsonList } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { BLOCK_HELP } from '../help/blocks.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { difficultyOf, headerHex, headerView, transactionView, workView } from '../views.js';

const MAX_HEIGHT = 0x7fff_ffff;
const MAX_VERBOSITY = 3;

function findHeader(node: ChainNode, params: Params): HeaderRecord {
  const entry = node.store.header(params.hash(0, 'blockhash'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
  return entry;
}

/** Bitcoin Core's words for a block without bytes: one that was there once has a count of transactions. */
function notAvailable(entry: HeaderRecord): RpcError {
  if (entry.status === 'header') {
    return new RpcError(RPC_CODE.misc, 'Block not available (not fully downloaded)');
  }
  const pruned = entry.transactionCount > 0 ? ' (pruned data)' : '';
  return new RpcError(RPC_CODE.misc, `Block not available${pruned}`);
}

/** A block by its header. @throws RpcError -1 when the store no longer has its bytes */
export function storedBlock(node: ChainNode, entry: HeaderRecord): Block {
  const block = node.store.block(entry.hash);
  if (!block) throw notAvailable(entry);
  return block;
}

/** The members about pruning, as Bitcoin Core has them. */
function pruneView({ store, pruneBytes }: ChainNode): object {
  const { pruneHeight } = store.marks;
  if (pruneBytes === undefined && pruneHeight === undefined) return { pruned: false };
  return {
    pruned: true,
    pruneheight: pruneHeight ?? 0,
    automatic_pruning: pruneBytes !== undefined,
    ...(pruneBytes === undefined ? {} : { prune_target_size: pruneBytes }),
  };
}

/** What `getblockchaininfo` answers. */
function chainInfo(node: ChainNode): object {
  const tip = node.store.tip();
  const headers = node.headers.best;
  return {
    chain: node.parameters.name,
    blocks: tip.height,
    headers: headers.height,
    bestblockhash: hashToId(tip.hash),
    bits: tip.header.bits.toString(16).padStart(8, '0'),
    difficulty: difficultyOf(tip.header.bits),
    time: tip.header.time,
    mediantime: node.medianTimeOf(tip),
    verificationprogress: headers.height === 0 ? 1 : Math.min(1, tip.height / headers.height),
    initialblockdownload: node.isFarBehind,
    chainwork: workView(tip.work),
    size_on_disk: node.store.marks.bodyBytes,
    ...pruneView(node),
    warnings: [],
  };
}

/** A block's transactions as `getblock` lists them: ids, or with fees, or with the coins they spend. */
function blockTransactions(
  node: ChainNode,
  entry: HeaderRecord,
  block: Block,
  verbosity: number,
): unknown {
  if (verbosity === 1) return block.transactions.map(transactionId);
  // only blocks of the active chain have undo data
  const spent = node.store.isActive(entry) ? node.store.undo(entry.hash) : [];
  return new JsonList(block.transactions, (transaction, index) => ({
    ...transactionView(transaction, node.parameters, {
      coins: spent[index],
      prevouts: verbosity === 3,
    }),
    hex: toHex(encodeTransaction(transaction)),
  }));
}

function blockView(node: ChainNode, params: Params): unknown {
  const entry = findHeader(node, params);
  const verbosity = params.verbosity(1, 'verbosity', MAX_VERBOSITY, 1);
  if (verbosity === 0) {
    const bytes = node.store.blockBytes(entry.hash);
    if (!bytes) throw notAvailable(entry);
    return toHex(bytes);
  }
  const block = storedBlock(node, entry);
  return {
    ...headerView(node, entry),
    strippedsize: entry.size,
    size: entry.size,
    weight: 4 * entry.size,
    tx: blockTransactions(node, entry, block, verbosity),
  };
}

/** Bitcoin Core's words for what is known of a branch. */
const BRANCH_STATUS = {
  valid: 'valid-fork',
  unchecked: 'valid-headers',
  invalid: 'invalid',
  refused: 'invalid',
  header: 'headers-only',
};

/** How many blocks a branch has beyond the active chain. */
function branchLength(node: ChainNode, entry: HeaderRecord): number {
  let at = entry;
  while (!node.store.isActive(at)) at = node.store.parent(at)!;
  return entry.height - at.height;
}

/** Every header that none builds on: the tip and the ends of the branches. */
function chainTips(node: ChainNode): object[] {
  const ends = new Map<string, HeaderRecord>();
  const built = new Set<string>();
  for (const entry of node.store.headers()) {
    if (entry.height > 0) built.add(hashToId(entry.header.previousHash));
    const isInside = node.store.isActive(entry) && entry.height < node.tip.height;
    if (!isInside) ends.set(hashToId(entry.hash), entry);
  }
  return [...ends]
    .filter(([hash, entry]) => !built.has(hash) || entry.height === node.tip.height)
    .map(([hash, entry]) => ({
      height: entry.height,
      hash,
      branchlen: branchLength(node, entry),
      status: node.store.isActive(entry) ? 'active' : BRANCH_STATUS[entry.status],
    }))
    .sort((a, b) => b.height - a.height);
}

/** Methods that show the chain, named and shaped as Bitcoin Core's. */
export function registerBlockMethods(server: RpcServer, node: ChainNode): void {
  const { store } = node;
  const help = BLOCK_HELP;
  server.register('getblockchaininfo', () => chainInfo(node), help.getblockchaininfo);
  server.register('getblockcount', () => node.tip.height, help.getblockcount);
  server.register('getbestblockhash', () => node.tip.hash, help.getbestblockhash);
  server.register('getdifficulty', () => difficultyOf(store.tip().header.bits), help.getdifficulty);
  server.register('getchaintips', () => chainTips(node), help.getchaintips);
  server.register(
    'getblockhash',
    (values) => {
      const height = new Params(values).integer(0, 'Block height', 0, MAX_HEIGHT);
      const hash = store.hashAt(height);
      if (!hash) throw new RpcError(RPC_CODE.invalidParameter, 'Block height out of range');
      return hashToId(hash);
    },
    help.getblockhash,
  );
  server.register(
    'getblockheader',
    (values) => {
      const params = new Params(values);
      const entry = findHeader(node, params);
      return params.boolean(1, 'verbose', true) ? headerView(node, entry) : headerHex(entry);
    },
    help.getblockheader,
  );
  server.register('getblock', (values) => blockView(node, new Params(values)), help.getblock);
}
