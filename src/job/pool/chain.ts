import { toHex } from '../../base/index.js';
import type {
  NetworkParameters,
  Outpoint,
  Transaction,
  TransactionOutput,
} from '../../chain/index.js';
import { type BondChain, registryAt, registryHeight } from '../bonds/bonds.js';

type MaybePromise<T> = T | Promise<T>;

/** What the pool asks of a chain; a node answers from its store and mempool, a `ChainClient` over RPC. */
export interface PoolChain {
  readonly parameters: NetworkParameters;
  height(): MaybePromise<number>;
  /** An output unspent on the chain and in the mempool. */
  output(outpoint: Outpoint): MaybePromise<{ readonly output: TransactionOutput } | undefined>;
  /** The transaction that spends an output, the mempool included (height 0). */
  spender(
    outpoint: Outpoint,
  ): MaybePromise<{ readonly txid: string; readonly height: number } | undefined>;
  transaction(
    txid: string,
  ): MaybePromise<{ readonly transaction: Transaction; readonly height: number } | undefined>;
}

/** A chain on which it can be seen who is bonded, where it answers that too. */
export type ServiceChain = PoolChain & Partial<Pick<BondChain, 'blockId' | 'pins'>>;

/** Keys, hex, of the registry that jobs made now draw from; of nobody where the chain can't tell. */
export async function bondedAtTip(chain: ServiceChain): Promise<ReadonlySet<string>> {
  const { parameters } = chain;
  if (!canTellBonds(chain)) return new Set();
  const registry = await registryAt(
    chain,
    parameters,
    registryHeight(await chain.height(), parameters),
  );
  return new Set(registry?.keys.map((key) => toHex(key)));
}

/** Whether a chain answers who is bonded, too. */
export const canTellBonds = (chain: ServiceChain): chain is PoolChain & BondChain =>
  chain.blockId !== undefined && chain.pins !== undefined;
