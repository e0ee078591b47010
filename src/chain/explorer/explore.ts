import { formatAmount, parseAmount } from '../../base/index.js';
import type { RpcClient } from '../client/RpcClient.js';
import { callExact, coinsOf, mapFew, signedCoins, unitsOf } from './exact.js';
import { exploreBriefly, type ShownTransaction } from './transactions.js';

/** Which part of a long list is shown. */
export interface Page {
  /** The first is 1. */
  readonly page: number;
  /** Items on a page. */
  readonly size: number;
}

/** The chain as it stands. */
export interface ShownChain {
  readonly network: string;
  readonly height: number;
  readonly tip: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly difficulty: number;
  /** Hexadecimal. */
  readonly work: string;
  readonly sizeOnDisk: number;
  readonly pruned: boolean;
  /** Transactions that wait, their bytes, and the fee per 1,000 bytes that is asked. */
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly minimumFee: string;
}

/** A block with one page of its transactions. */
export interface ShownBlock {
  readonly hash: string;
  readonly height: number;
  /** 1 at the tip, -1 off the active chain. */
  readonly confirmations: number;
  readonly time: number;
  readonly medianTime: number;
  readonly version: number;
  readonly previous?: string;
  readonly next?: string;
  readonly merkleRoot: string;
  readonly bits: string;
  readonly nonce: number;
  readonly difficulty: number;
  readonly work: string;
  readonly size: number;
  /** Of the active chain only, as the next four. */
  readonly subsidy?: string;
  readonly fees?: string;
  /** What all transactions but the coinbase pay. */
  readonly paid?: string;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly transactionCount: number;
  readonly page: number;
  readonly pages: number;
  readonly transactions: readonly ShownTransaction[];
}

/** What an address has, and one page of what happened there, newest first. */
export interface ShownAddress {
  readonly address: string;
  readonly confirmed: string;
  readonly pending: string;
  readonly immature: string;
  readonly page: number;
  /** Whether there is a further page. */
  readonly more: boolean;
  readonly history: readonly {
    readonly txid: string;
    /** Undefined in the mempool. */
    readonly height?: number;
    readonly time?: number;
    /** What it gave to the address less what it took, with its sign. */
    readonly change: string;
  }[];
}

interface BlockJson {
  readonly hash: string;
  readonly height: number;
  readonly confirmations: number;
  readonly time: number;
  readonly mediantime: number;
  readonly version: number;
  readonly previousblockhash?: string;
  readonly nextblockhash?: string;
  readonly merkleroot: string;
  readonly bits: string;
  readonly nonce: number;
  readonly difficulty: number;
  readonly chainwork: string;
  readonly size: number;
  readonly tx: readonly string[];
}

interface StatsJson {
  readonly subsidy: unknown;
  readonly totalfee: unknown;
  readonly total_out: unknown;
  readonly ins: number;
  readonly outs: number;
}

const asHex = (work: string): string => `0x${work.replace(/^0+(?=.)/, '')}`;

/** The tip, what the chain takes on the disk, and what waits. */
export async function exploreChain(rpc: RpcClient): Promise<ShownChain> {
  const chain = await rpc.call<{
    chain: string;
    blocks: number;
    bestblockhash: string;
    time: number;
    difficulty: number;
    chainwork: string;
    size_on_disk: number;
    pruned: boolean;
  }>('getblockchaininfo');
  const mempool = await callExact<{ size: number; bytes: number; mempoolminfee: unknown }>(
    rpc,
    'getmempoolinfo',
  );
  return {
    network: chain.chain,
    height: chain.blocks,
    tip: chain.bestblockhash,
    time: chain.time,
    difficulty: chain.difficulty,
    work: asHex(chain.chainwork),
    sizeOnDisk: chain.size_on_disk,
    pruned: chain.pruned,
    waiting: mempool.size,
    waitingBytes: mempool.bytes,
    minimumFee: coinsOf(mempool.mempoolminfee),
  };
}

/** A block's id out of what a person names: a height, an id, or `tip`. */
async function blockId(rpc: RpcClient, which: string): Promise<string> {
  if (which === 'tip') return rpc.call<string>('getbestblockhash');
  return /^\d{1,10}$/.test(which) ? rpc.call<string>('getblockhash', Number(which)) : which;
}

async function blockStats(rpc: RpcClient, { hash, confirmations }: BlockJson): Promise<object> {
  if (confirmations < 1) return {};
  const names = ['subsidy', 'totalfee', 'total_out', 'ins', 'outs'];
  const stats = await callExact<StatsJson>(rpc, 'getblockstats', hash, names);
  return {
    subsidy: formatAmount(unitsOf(stats.subsidy)),
    fees: formatAmount(unitsOf(stats.totalfee)),
    paid: formatAmount(unitsOf(stats.total_out)),
    inputs: stats.ins,
    outputs: stats.outs,
  };
}

/**
 * A block and one page of its transactions.
 * @param which a height, a block id, or `tip`
 * @throws RpcError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function exploreBlock(rpc: RpcClient, which: string, page: Page): Promise<ShownBlock> {
  const block = await rpc.call<BlockJson>('getblock', await blockId(rpc, which), 1);
  const from = (page.page - 1) * page.size;
  const txids = block.tx.slice(from, from + page.size);
  // the index knows the active chain only
  const where = block.confirmations < 1 ? block.hash : undefined;
  const transactions = await mapFew(txids, (txid) => exploreBriefly(rpc, txid, where));
  const { previousblockhash, nextblockhash } = block;
  return {
    hash: block.hash,
    height: block.height,
    confirmations: block.confirmations,
    time: block.time,
    medianTime: block.mediantime,
    version: block.version,
    ...(previousblockhash === undefined ? {} : { previous: previousblockhash }),
    ...(nextblockhash === undefined ? {} : { next: nextblockhash }),
    merkleRoot: block.merkleroot,
    bits: block.bits,
    nonce: block.nonce,
    difficulty: block.difficulty,
    work: asHex(block.chainwork),
    size: block.size,
    ...(await blockStats(rpc, block)),
    transactionCount: block.tx.length,
    page: page.page,
    pages: Math.max(1, Math.ceil(block.tx.length / page.size)),
    transactions,
  };
}

/** What a transaction gives to an address, less what it takes from it, in base units. */
function changeOf({ inputs, outputs }: ShownTransaction, address: string): bigint {
  const worth = (coins: readonly { address?: string; value?: string }[]): bigint =>
    coins
      .filter((coin) => coin.address === address)
      .reduce((sum, { value = '0' }) => sum + parseAmount(value), 0n);
  return worth(outputs) - worth(inputs);
}

/**
 * What an address has, and one page of what happened there, newest first.
 * @throws RpcError `NOT_FOUND` for an address that is none of this network
 */
export async function exploreAddress(
  rpc: RpcClient,
  address: string,
  { page, size }: Page,
): Promise<ShownAddress> {
  const balance = await rpc.call<Pick<ShownAddress, 'confirmed' | 'pending' | 'immature'>>(
    'getaddressbalance',
    address,
  );
  const found = await rpc.call<{ txid: string; height: number }[]>(
    'getaddresshistory',
    address,
    size + 1,
    (page - 1) * size,
    'newest',
  );
  const history = await mapFew(found.slice(0, size), async ({ txid }) => {
    const transaction = await exploreBriefly(rpc, txid);
    const { height, time } = transaction;
    return {
      txid,
      ...(height === undefined ? {} : { height }),
      ...(time === undefined ? {} : { time }),
      change: signedCoins(changeOf(transaction, address)),
    };
  });
  return { address, ...balance, page, more: found.length > size, history };
}
