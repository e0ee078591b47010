import { BitmodelError, EXIT, fromHex, toHex } from '../../base/index.js';
import {
  decodeTransaction,
  encodeTransaction,
  formatOutpoint,
  hashToId,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import type { Pin } from '../pins/pin.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import { badAnswer } from './badAnswer.js';
import { balanceOf, type SaidBalance } from './balanceJson.js';
import { type CategoryInfo, categoryFromJson } from './categoryJson.js';
import { type CoinPageOptions, eachCoin } from './coinPages.js';
import { eachInHistory, type HistoryOrder, type HistoryPlace } from './historyPages.js';
import { coinFromJson, coinsFromJson, type OutputJson } from './outputJson.js';
import {
  eachPin,
  type PinEventJson,
  type PinOptions,
  type PinSelector,
  pinHistory,
} from './pinPages.js';
import type { RpcClient } from './RpcClient.js';
import { batchesOf, type Holders, largestOf } from './scriptBatches.js';

/** An unspent output. */
export interface Utxo {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
  /** Block that holds it; 0 while it waits in the mempool. */
  readonly height: number;
  readonly coinbase: boolean;
  /** Ids of the pins whose base unit lies in it; absent when there are none. */
  readonly pins?: readonly string[];
}

/** A transaction that the node knows. */
export interface KnownTransaction {
  readonly transaction: Transaction;
  /** Block that holds it; 0 while it waits in the mempool. */
  readonly height: number;
  /** Printed block id; undefined in the mempool. */
  readonly blockHash?: string;
  /** The block's time, or when the mempool took it, in seconds since 1970. */
  readonly time?: number;
}

interface SpendJson extends OutputJson {
  readonly spent: { readonly txid: string; readonly vin: number; readonly height: number } | null;
}

/** How a transaction is handed to the node. */
export interface SendingOptions {
  /** Let it pay any fee for its size: its owner was asked, or has a limit of their own. */
  readonly anyFeeRate?: boolean | undefined;
}

/** Outputs asked for at a time. */
const TOKEN_PAGE = 1_000;

/** Coins of one contract that are looked at, those worth most. */
const LARGEST_COINS = 1_000;

/** How long one waiting call may hang before it is made again. */
const WAIT_MILLISECONDS = 30_000;

/** Typed calls of a node's RPC, for the wallet, for jobs and for rewards. All errors are those of {@link RpcClient}. */
export class ChainClient {
  readonly rpc: RpcClient;

  constructor(rpc: RpcClient) {
    this.rpc = rpc;
  }

  /** Height of the tip; the genesis block is 0. */
  height(): Promise<number> {
    return this.rpc.call<number>('getblockcount');
  }

  /** Printed id of the genesis block: which chain this is. */
  genesisId(): Promise<string> {
    return this.rpc.call<string>('getblockhash', 0);
  }

  /** Printed id of the block at a height. @throws RpcError when the chain is not that high */
  blockId(height: number): Promise<string> {
    return this.rpc.call<string>('getblockhash', height);
  }

  /**
   * Unspent outputs of the addresses, those of the mempool included, those spent there left out: all of them, those worth
   * most first. Strangers can leave as many as they pay for at any address: where not all are needed, {@link eachUtxo} or
   * {@link largestUtxos} hold no more than is taken.
   */
  utxos(addresses: readonly string[]): Promise<Utxo[]> {
    return listed(this.eachUtxo({ addresses }));
  }

  /** As {@link utxos}, for locking scripts that are no addresses, such as contracts; any number of them. */
  scriptUtxos(scripts: readonly Uint8Array[]): Promise<Utxo[]> {
    return listed(this.eachUtxo({ scripts }));
  }

  /**
   * Unspent outputs of any number of addresses or scripts, from the one worth most down, of equal ones by transaction hash
   * and index. They are asked for page by page as they are taken: `for await … break` where enough is known. A block that
   * comes meanwhile moves none of those still to come; one that is spent meanwhile may be told of.
   * @throws BitmodelError `BAD_RPC_ANSWER` when the node tells one twice, or out of order
   */
  eachUtxo(of: Holders, options?: CoinPageOptions): AsyncGenerator<Utxo, void> {
    return eachCoin(this.rpc, batchesOf(of), options);
  }

  /**
   * As {@link scriptUtxos}, of each script only the coins worth most: anybody can leave so much dust in a contract that no
   * list of all of it could be told.
   */
  largestUtxos(scripts: readonly Uint8Array[], most = LARGEST_COINS): Promise<Utxo[]> {
    return largestOf(this.rpc, scripts, most);
  }

  /** Of each of up to 1,000 addresses the coin that is worth most, if any lies there. */
  async firstUtxos(addresses: readonly string[]): Promise<Utxo[]> {
    return coinsFromJson(await this.rpc.call('getaddressutxos', { addresses }, 1));
  }

  /**
   * What the unspent outputs of any number of addresses or scripts come to, as the node adds them up: for showing.
   * @throws BitmodelError `BAD_RPC_ANSWER`
   */
  balance(of: Holders): Promise<SaidBalance> {
    return balanceOf(this.rpc, batchesOf(of));
  }

  /**
   * Transactions that pay to or spend from any number of addresses or scripts, each once; what waits (height 0) is the
   * newest. They are asked for page by page as they are taken, and a block that comes meanwhile makes none be left out or
   * told twice.
   * @param first how many are asked for at first, by whoever needs few
   * @throws BitmodelError `CHAIN_MOVED` when a reorganisation comes meanwhile; `BAD_RPC_ANSWER`
   */
  eachInHistory(
    of: Holders,
    order: HistoryOrder = 'oldest',
    first?: number,
  ): AsyncGenerator<HistoryPlace, void> {
    return eachInHistory(this.rpc, batchesOf(of), order, first);
  }

  /**
   * The first of {@link eachInHistory} of locking scripts.
   * @param count most that are given
   */
  async scriptHistory(
    scripts: readonly Uint8Array[],
    count: number,
    order: HistoryOrder = 'oldest',
  ): Promise<HistoryPlace[]> {
    const found: HistoryPlace[] = [];
    if (count <= 0) return found;
    for await (const place of this.eachInHistory({ scripts }, order, count)) {
      found.push(place);
      if (found.length >= count) break;
    }
    return found;
  }

  /** A transaction by its printed id, from the chain or the mempool. */
  async transaction(txid: string): Promise<KnownTransaction | undefined> {
    const json = await this.#orUndefined(
      this.rpc.call<{ hex: string; height?: number; blockhash?: string; time?: number }>(
        'getrawtransaction',
        txid,
        true,
      ),
    );
    if (!json) return undefined;
    if (typeof json.hex !== 'string') {
      throw badAnswer('The node gives a transaction without its bytes.');
    }
    return {
      transaction: decodeTransaction(fromHex(json.hex)),
      height: json.height ?? 0,
      ...(json.blockhash === undefined ? {} : { blockHash: json.blockhash }),
      ...(json.time === undefined ? {} : { time: json.time }),
    };
  }

  /**
   * Hands a transaction to the node and returns its printed id.
   * @throws RpcError `TX_REJECTED` with Bitcoin's reject reason, `ALREADY_IN_CHAIN`
   * @throws BitmodelError `HIGH_FEE` when it pays more per byte than the node lets pass unasked
   */
  async send(transaction: Transaction, { anyFeeRate }: SendingOptions = {}): Promise<string> {
    const hex = toHex(encodeTransaction(transaction));
    try {
      return await this.rpc.call<string>('sendrawtransaction', hex, ...(anyFeeRate ? [0] : []));
    } catch (thrown) {
      if (!(thrown instanceof RpcError) || !/\(maxfeerate\)/.test(thrown.message)) throw thrown;
      throw new BitmodelError('HIGH_FEE', 'It pays more for each byte than the node lets pass.', {
        next: 'Lower --fee-rate, or pass --allow-high-fee if this is meant',
        exitCode: EXIT.notAllowed,
        cause: thrown,
      });
    }
  }

  /** An output that is unspent on the chain and in the mempool; undefined when it is spent or unknown. */
  async output(
    outpoint: Outpoint,
  ): Promise<{ output: TransactionOutput; height: number; coinbase: boolean } | undefined> {
    const json = await this.#spend(outpoint);
    if (!json || json.spent) return undefined;
    const { output, height, coinbase } = coinFromJson(json);
    return { output, height, coinbase };
  }

  /** What spent an output, on the chain or in the mempool (height 0); undefined when it is unspent or unknown. */
  async spender(
    outpoint: Outpoint,
  ): Promise<{ txid: string; inputIndex: number; height: number } | undefined> {
    const spent = (await this.#spend(outpoint))?.spent;
    return spent ? { txid: spent.txid, inputIndex: spent.vin, height: spent.height } : undefined;
  }

  /** Every transaction that carries the job id, oldest first, the mempool's (height 0) last. */
  jobTransactions(jobId: Uint8Array): Promise<{ txid: string; height: number }[]> {
    return this.rpc.call('getjobtransactions', toHex(jobId));
  }

  /** Pins of a selection, in the order of their making, on the chain only. A text selects a path, and all of it. */
  async pins(selector: PinSelector | string, options: PinOptions = {}): Promise<Pin[]> {
    const found: Pin[] = [];
    for await (const pin of this.eachPin(selector, options)) found.push(pin);
    return found;
  }

  /** As {@link pins}, page by page: whoever needs only the first that fits stops there. */
  eachPin(selector: PinSelector | string, options: PinOptions = {}): AsyncGenerator<Pin, void> {
    return eachPin(this.rpc, selector, options);
  }

  /** What happened to a pin, oldest first, page by page. */
  pinHistory(id: string): AsyncGenerator<PinEventJson, void> {
    return pinHistory(this.rpc, id);
  }

  /**
   * Unspent outputs that hold a token of the category, the mempool's (height 0) included.
   * @param limit the most that are asked for; all of them unless stated
   */
  async tokens(category: Uint8Array, limit = Number.POSITIVE_INFINITY): Promise<Utxo[]> {
    const found: Utxo[] = [];
    for (;;) {
      const last = found.at(-1);
      const pageSize = Math.min(TOKEN_PAGE, limit - found.length);
      const after = last ? [formatOutpoint(last.outpoint)] : [];
      const page = await this.rpc.call<OutputJson[]>(
        'gettokens',
        hashToId(category),
        pageSize,
        ...after,
      );
      found.push(...coinsFromJson(page));
      if (page.length < pageSize || found.length === limit) return found;
    }
  }

  /**
   * What the node knows of a token category; undefined when no transaction named it.
   * @param latest most of its transactions in `history`: whoever holds a token can make any number
   */
  async tokenCategory(category: Uint8Array, latest = 0): Promise<CategoryInfo | undefined> {
    const json = await this.rpc.call<unknown>('gettoken', hashToId(category), latest);
    return json === null ? undefined : categoryFromJson(json);
  }

  /** Mines blocks that pay to the address, at once; regtest only. Returns their printed ids. */
  generate(count: number, address: string): Promise<string[]> {
    return this.rpc.call<string[]>('generatetoaddress', count, address);
  }

  /** Resolves with the tip's height once it is beyond `afterHeight`. @throws the signal's reason */
  async waitForBlock(afterHeight: number, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      const tip = await this.rpc.callWith<{ height: number }>(
        { signal },
        'waitforblockheight',
        afterHeight + 1,
        WAIT_MILLISECONDS,
      );
      if (tip.height > afterHeight) return tip.height;
    }
  }

  #spend(outpoint: Outpoint): Promise<SpendJson | null> {
    return this.rpc.call('getoutpointspend', hashToId(outpoint.hash), outpoint.index);
  }

  async #orUndefined<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (thrown) {
      if (thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.notFound) return undefined;
      throw thrown;
    }
  }
}

async function listed<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of stream) list.push(item);
  return list;
}
