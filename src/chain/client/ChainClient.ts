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
import type { Pin, PinStatus, PinVersion } from '../pins/pin.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import { type CategoryInfo, categoryFromJson } from './categoryJson.js';
import { coinFromJson, coinsFromJson, type OutputJson } from './outputJson.js';
import type { RpcClient } from './RpcClient.js';
import { type HistoryPlace, historyOf, scriptBatches } from './scriptBatches.js';

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

type PinVersionJson = Omit<PinVersion, 'payload'> & { readonly payload?: string };
type PinJson = Omit<Pin, 'payload' | 'versions'> & {
  readonly payload?: string;
  readonly versions: readonly PinVersionJson[];
};

/** One thing that happened to a pin, as the node tells it: it was made, changed, or only moved. */
export interface PinEventJson {
  readonly operation: string;
  /** Printed id of the transaction. */
  readonly txid: string;
  readonly height: number;
  readonly status: PinStatus;
  /** Who holds the pin since; absent when nobody does. */
  readonly owner?: string;
  /** Output that holds the base unit since, `txid:vout`. */
  readonly location?: string;
  /** Base units of that output before it. */
  readonly offset?: number;
  readonly contentType?: string;
  /** Bytes of the payload. */
  readonly size?: number;
  /** In hex; absent when the pin only moved, and where it is too long to be listed. */
  readonly payload?: string;
}

/** Which pins: those at a path, at an owner's address, made by a MetaID (64 hex digits), or one by its id. */
export type PinSelector =
  | { readonly path: string }
  | { readonly owner: string }
  | { readonly metaId: string }
  | { readonly id: string };

/** Which part of the pins of a path or a holder is asked for. */
export interface PinOptions {
  /** As of this block: what was made, changed or moved later does not count. The tip unless stated. */
  readonly atHeight?: number;
  /** Hidden and revoked pins, too. */
  readonly all?: boolean;
  readonly limit?: number;
  /** Only those behind this pin, to read a long list in pages. */
  readonly after?: string;
  /** Longer payloads are left out; 131,072 bytes unless stated. */
  readonly maxPayload?: number;
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

/** Events of a pin asked for at once. */
const HISTORY_PAGE = 1_000;

/** Pins asked for at once. */
const PIN_PAGE = 500;

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

  /** Unspent outputs of the addresses, those of the mempool included, those spent there left out. */
  utxos(addresses: readonly string[]): Promise<Utxo[]> {
    return this.#utxos({ addresses });
  }

  /** As {@link utxos}, for locking scripts that are no addresses, such as contracts; any number of them. */
  async scriptUtxos(scripts: readonly Uint8Array[]): Promise<Utxo[]> {
    const found: Utxo[] = [];
    for (const batch of scriptBatches(scripts)) {
      for (const coin of await this.#utxos({ scripts: batch })) found.push(coin);
    }
    return found;
  }

  /**
   * As {@link scriptUtxos}, of each script only the coins worth most: anybody can leave so much dust in a contract that no
   * list of all of it could be told.
   */
  async largestUtxos(scripts: readonly Uint8Array[], most = LARGEST_COINS): Promise<Utxo[]> {
    const found: Utxo[] = [];
    for (const batch of scriptBatches(scripts, most)) {
      for (const coin of await this.#utxos({ scripts: batch }, most)) found.push(coin);
    }
    return found;
  }

  /**
   * Transactions that pay to or spend from any number of locking scripts, each once.
   * @param count most that are given
   */
  scriptHistory(
    scripts: readonly Uint8Array[],
    count: number,
    order: 'oldest' | 'newest' = 'oldest',
  ): Promise<HistoryPlace[]> {
    return historyOf(this.rpc, scripts, count, order);
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
      throw new BitmodelError('BAD_RPC_ANSWER', 'The node gives a transaction without its bytes.', {
        next: 'Use another node: --rpc URL',
      });
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
  async *eachPin(
    selector: PinSelector | string,
    options: PinOptions = {},
  ): AsyncGenerator<Pin, void> {
    const of = typeof selector === 'string' ? { path: selector } : selector;
    let { limit = Number.POSITIVE_INFINITY, after } = options;
    while (limit > 0) {
      const page = await this.rpc.call<PinJson[]>('getpins', {
        ...of,
        ...options,
        limit: Math.min(limit, PIN_PAGE),
        ...(after === undefined ? {} : { after }),
      });
      for (const json of page) yield pinOf(json);
      limit -= page.length;
      after = page.at(-1)?.id;
      if (after === undefined || 'id' in of) return;
    }
  }

  /** What happened to a pin, oldest first, page by page. */
  async *pinHistory(id: string): AsyncGenerator<PinEventJson, void> {
    for (let skip = 0; ; ) {
      const page = await this.rpc.call<PinEventJson[]>('getpinhistory', id, HISTORY_PAGE, skip);
      // a page of long events is a short one, with more behind it
      if (page.length === 0) return;
      yield* page;
      skip += page.length;
    }
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

  /** What the node knows of a token category; undefined when no transaction named it. */
  async tokenCategory(category: Uint8Array): Promise<CategoryInfo | undefined> {
    const json = await this.rpc.call<unknown>('gettoken', hashToId(category));
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

  async #utxos(
    of: { addresses: readonly string[] } | { scripts: string[] },
    ...largest: number[]
  ): Promise<Utxo[]> {
    const found = await this.rpc.call('getaddressutxos', of, ...largest);
    return coinsFromJson(found);
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

function pinOf(json: PinJson): Pin {
  return {
    ...json,
    payload: fromHex(json.payload ?? ''),
    versions: json.versions.map((version) => ({
      ...version,
      payload: fromHex(version.payload ?? ''),
    })),
  };
}
