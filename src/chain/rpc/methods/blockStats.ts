import { ByteWriter } from '../../codec/ByteWriter.js';
import {
  encodeTransaction,
  hashToId,
  type TransactionOutput,
  writeOutput,
} from '../../codec/transaction.js';
import type { Coin } from '../../consensus/coins.js';
import { subsidyAt } from '../../consensus/subsidy.js';
import type { ChainNode } from '../../node/ChainNode.js';
import type { HeaderRecord } from '../../store/records.js';
import { JsonNumber } from '../../wire/parseJson.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { BLOCK_HELP } from '../help/blocks.js';
import { Params } from '../Params.js';
import type { RpcServer } from '../RpcServer.js';
import { storedBlock } from './blocks.js';

/** What Bitcoin Core counts for an entry of the unspent outputs beside the output's own bytes. */
const OUTPUT_OVERHEAD = 41;
const PERCENTILES = [10, 25, 50, 75, 90];

/** A transaction that is no coinbase. */
interface Measure {
  /** Base units. */
  readonly fee: bigint;
  readonly size: number;
  /** Base units per byte. */
  readonly rate: bigint;
}

/** A block that is named by its height on the active chain or by its id. */
function blockNamed(node: ChainNode, params: Params): HeaderRecord {
  const { height: tip } = node.tip;
  if (typeof params.raw(0) === 'number') {
    const height = params.raw(0) as number;
    if (height < 0) {
      const message = `Target block height ${height} is negative`;
      throw new RpcError(RPC_CODE.invalidParameter, message);
    }
    if (height > tip) {
      const message = `Target block height ${height} after current tip ${tip}`;
      throw new RpcError(RPC_CODE.invalidParameter, message);
    }
    return node.store.headerAt(params.integer(0, 'hash_or_height', 0, tip))!;
  }
  const entry = node.store.header(params.hash(0, 'hash_or_height'));
  if (!entry) throw new RpcError(RPC_CODE.notFound, 'Block not found');
  if (!node.store.isActive(entry)) {
    throw new RpcError(RPC_CODE.notFound, `Block is not in chain ${node.parameters.name}`);
  }
  return entry;
}

const sum = (values: Iterable<bigint>): bigint => {
  let total = 0n;
  for (const value of values) total += value;
  return total;
};

const worth = (outputs: readonly TransactionOutput[]): bigint =>
  sum(outputs.map(({ value }) => value));

const bytesOf = (output: TransactionOutput): number => {
  const writer = new ByteWriter(64);
  writeOutput(writer, output);
  return writer.finish().length + OUTPUT_OVERHEAD;
};

function ordered<T extends bigint | number>(values: readonly T[]): T[] {
  return [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The middle one, or the mean of the two in the middle. */
function median(values: readonly bigint[]): bigint {
  if (values.length === 0) return 0n;
  const sorted = ordered(values);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2n;
}

/** Rates below which 10, 25, 50, 75 and 90 of a hundred bytes of the block pay. */
function ratePercentiles(measures: readonly Measure[], total: number): bigint[] {
  const sorted = [...measures].sort((a, b) => (a.rate < b.rate ? -1 : a.rate > b.rate ? 1 : 0));
  let at = 0;
  let bytes = sorted[0]?.size ?? 0;
  return PERCENTILES.map((percent) => {
    while (at < sorted.length - 1 && bytes * 100 < total * percent) bytes += sorted[++at]!.size;
    return sorted[at]?.rate ?? 0n;
  });
}

/** Least, greatest, mean and middle of a list, by Bitcoin Core's names; zeros for an empty one. */
function spread(name: string, values: readonly bigint[], names = { median: true, mean: true }) {
  const sorted = ordered(values);
  return {
    ...(names.mean ? { [`avg${name}`]: sum(values) / BigInt(values.length || 1) } : {}),
    [`max${name}`]: sorted.at(-1) ?? 0n,
    ...(names.median ? { [`median${name}`]: median(values) } : {}),
    [`min${name}`]: sorted[0] ?? 0n,
  };
}

function measuresOf(
  transactions: readonly Parameters<typeof encodeTransaction>[0][],
  spent: readonly (readonly Coin[])[],
): Measure[] {
  return transactions.map((transaction, index) => {
    const { length: size } = encodeTransaction(transaction);
    const paid = sum(spent[index]!.map(({ output }) => output.value));
    const fee = paid - worth(transaction.outputs);
    return { fee, size, rate: fee / BigInt(size) };
  });
}

function blockStats(node: ChainNode, entry: HeaderRecord): Record<string, unknown> {
  const { transactions } = storedBlock(node, entry);
  const [, ...others] = transactions;
  const [, ...spent] = node.store.undo(entry.hash);
  const measures = measuresOf(others, spent);
  const total = measures.reduce((bytes, { size }) => bytes + size, 0);
  const fees = measures.map(({ fee }) => fee);
  const totalFee = sum(fees);
  const outputs = transactions.flatMap((each) => each.outputs);
  const coins = spent.flat();
  const outputBytes = outputs.reduce((bytes, each) => bytes + bytesOf(each), 0);
  const coinBytes = coins.reduce((bytes, { output }) => bytes + bytesOf(output), 0);
  return {
    ...spread('fee', fees),
    ...spread(
      'feerate',
      measures.map(({ rate }) => rate),
      { median: false, mean: false },
    ),
    avgfeerate: total === 0 ? 0n : totalFee / BigInt(total),
    ...spread(
      'txsize',
      measures.map(({ size }) => BigInt(size)),
    ),
    blockhash: hashToId(entry.hash),
    feerate_percentiles: ratePercentiles(measures, total),
    height: entry.height,
    ins: coins.length,
    mediantime: node.medianTimeOf(entry),
    outs: outputs.length,
    subsidy: subsidyAt(entry.height, node.parameters),
    swtotal_size: 0,
    swtotal_weight: 0,
    swtxs: 0,
    time: entry.header.time,
    total_out: sum(others.map((each) => worth(each.outputs))),
    total_size: total,
    total_weight: 4 * total,
    totalfee: totalFee,
    txs: transactions.length,
    utxo_increase: outputs.length - coins.length,
    utxo_size_inc: outputBytes - coinBytes,
  };
}

/** Big integers as JSON numbers with every digit. */
function exact(value: unknown): unknown {
  if (typeof value === 'bigint') return new JsonNumber(`${value}`);
  return Array.isArray(value) ? value.map(exact) : value;
}

function chosenStats(node: ChainNode, params: Params): object {
  const stats = blockStats(node, blockNamed(node, params));
  const chosen = params.has(1) ? (params.raw(1) as unknown[]) : Object.keys(stats).sort();
  const entries = chosen.map((name): [string, unknown] => {
    if (typeof name === 'string' && Object.hasOwn(stats, name)) return [name, exact(stats[name])];
    const message = `Invalid selected statistic '${String(name).slice(0, 40)}'`;
    throw new RpcError(RPC_CODE.invalidParameter, message);
  });
  return Object.fromEntries(entries);
}

/** The method that counts what a block holds, named and shaped as Bitcoin Core's. */
export function registerBlockStats(server: RpcServer, node: ChainNode): void {
  server.register(
    'getblockstats',
    (values) => chosenStats(node, new Params(values)),
    BLOCK_HELP.getblockstats,
  );
}
