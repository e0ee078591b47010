import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  estimateFeeRate,
  formatOutpoint,
  hashToId,
  isConflict,
  RpcError,
  type Transaction,
  type Wallet,
} from '../../chain/index.js';
import { BatchCoins } from './BatchCoins.js';
import { type BatchPlan, batchHead, batchName, batchOutputs } from './batch.js';
import { deadOf, followReplaced, noted } from './batchFate.js';
import {
  BURIED,
  type Ledger,
  type LedgerBatch,
  type LedgerTransaction,
  writeCarried,
  writeLedger,
} from './ledger.js';
import type { PayBatchOptions } from './payBatch.js';
import { decodePayoutMark } from './payoutMark.js';
import { type CoinChoice, type SignedTransactions, signBatch, signOne } from './signBatch.js';

/** Blocks that are waited for before a batch says that it gets on no further. */
const PATIENCE = 6;

const isRefusal = (thrown: unknown, words: RegExp): boolean =>
  thrown instanceof RpcError && words.test(thrown.message);

/** One run of a batch: the ledger as it stands in the file, and what brings it on. */
export class BatchRun {
  readonly #client: ChainClient;
  readonly #wallet: Wallet;
  readonly #options: PayBatchOptions;
  #ledger: Ledger;
  /** Ids of what was sent, in order. */
  readonly sent: string[] = [];

  constructor(client: ChainClient, wallet: Wallet, options: PayBatchOptions, ledger: Ledger) {
    this.#client = client;
    this.#wallet = wallet;
    this.#options = options;
    this.#ledger = ledger;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** The ledger is on the disk before anything that follows from it happens. */
  #write(change: Partial<Ledger>): void {
    this.#ledger = { ...this.#ledger, ...change };
    writeLedger(this.#options.ledger, this.#ledger);
  }

  /** Sends whatever of batch `at` the node does not have, and notes what a block has buried. */
  async bring(at: number): Promise<void> {
    const { transactions, isSent } = this.#ledger.batches[at]!;
    if (isSent && transactions.every(({ hex }) => hex === undefined)) return;
    const height = await this.#client.height();
    const still: LedgerTransaction[] = [];
    for (const each of transactions) still.push(await this.#bringOne(each, height));
    const batches = this.#ledger.batches.map((each, i) =>
      i === at ? { ...each, transactions: still, isSent: true } : each,
    );
    this.#write({ batches });
  }

  async #bringOne(each: LedgerTransaction, tip: number): Promise<LedgerTransaction> {
    const { txid, hex } = each;
    if (hex === undefined) return each;
    const known = await this.#client.transaction(txid);
    if (known) {
      const isBuried = known.height > 0 && tip - known.height >= BURIED;
      return isBuried ? { txid } : each;
    }
    await this.#send(decodeTransaction(fromHex(hex)));
    return each;
  }

  async #send(transaction: Transaction): Promise<void> {
    const { wait = false, signal, onSent } = this.#options;
    for (let waited = 0; ; waited++) {
      signal?.throwIfAborted();
      const height = await this.#client.height();
      try {
        const txid = await this.#client.send(transaction, { anyFeeRate: true });
        this.sent.push(txid);
        onSent?.(txid);
        return;
      } catch (thrown) {
        if (isRefusal(thrown, /^txn-already-in-mempool|already in/i)) return;
        if (isConflict(thrown)) throw await this.#lost(transaction, thrown);
        if (!isRefusal(thrown, /^too-long-mempool-chain/)) throw thrown;
        if (!wait || waited === PATIENCE) throw unfinished(waited, thrown);
        await this.#client.waitForBlock(height, signal);
      }
    }
  }

  /** Says whose coin is missing where the node knows no transaction that has it: a reorganisation may have taken it. */
  async #lost({ inputs }: Transaction, thrown: unknown): Promise<unknown> {
    for (const { outpoint } of inputs) {
      const parent = hashToId(outpoint.hash);
      if (await this.#client.transaction(parent)) continue;
      return new BitmodelError(
        'LOST_COIN',
        `A batch was signed with the coin ${formatOutpoint(outpoint)}, and the node knows no such transaction any more.`,
        {
          next: `Hand ${parent} to the node again (bitmodel tx send), then run the same again`,
          cause: thrown,
        },
      );
    }
    return thrown;
  }

  /** Takes what replaced a transaction of the ledger with the same payments for that one. */
  async followReplaced(): Promise<void> {
    const batches = await followReplaced(this.#client, this.#ledger);
    if (batches) this.#write({ batches });
  }

  /**
   * Signs anew what can never be in a block any more, since another transaction that is buried spends its coin: the same
   * payments out of other coins. It may have been sent: others replace it, or a reorganisation gives its coin to another.
   * As long as that other is not buried, the first may still come, and would be a second payment. All of it is in the
   * ledger at once, so that one cut off here begins again with the same dead.
   */
  async replaceDead(): Promise<void> {
    const dead = await deadOf(this.#client, this.#ledger);
    if (dead.size === 0) return;
    const undo: (() => void)[] = [];
    try {
      const batches: LedgerBatch[] = [];
      for (const batch of this.#ledger.batches) {
        const transactions: LedgerTransaction[] = [];
        let { isSent } = batch;
        for (const each of batch.transactions) {
          if (!dead.has(each.txid)) {
            transactions.push(each);
            continue;
          }
          isSent = false;
          const { outputs } = decodeTransaction(fromHex(each.hex!));
          const mark = decodePayoutMark(outputs[0]?.lockingScript ?? new Uint8Array(0));
          // the one that laid coins aside pays nobody: those that spent them are dead with it, and find coins of their own
          if (!mark || mark.count === 0) continue;
          const paying = outputs.slice(0, 1 + mark.count);
          const signed = await this.#funded(dead, (choice) =>
            signOne(this.#wallet, paying, choice),
          );
          undo.push(signed.undo);
          transactions.push(noted(signed.transactions[0]!));
        }
        batches.push({ ...batch, transactions, isSent });
      }
      this.#write({ batches });
    } catch (thrown) {
      for (const each of undo) each();
      throw thrown;
    }
  }

  /** Signs with coins that a batch may spend, after the blocks that make them deep enough where it may wait. */
  async #funded(
    dead: ReadonlySet<string>,
    sign: (choice: CoinChoice) => Promise<SignedTransactions>,
  ): Promise<SignedTransactions> {
    const { wait = false, signal } = this.#options;
    for (let waited = 0; ; waited++) {
      const height = await this.#client.height();
      const coins = new BatchCoins(this.#ledger, dead, height);
      try {
        return await sign({ from: coins.choose, feeRate: await estimateFeeRate(this.#client) });
      } catch (thrown) {
        const lacks = thrown instanceof BitmodelError && thrown.code === 'INSUFFICIENT_FUNDS';
        const young = lacks ? coins.tooYoung(thrown, wait) : undefined;
        if (!young) throw thrown;
        if (!wait || waited > BURIED) throw young;
        await this.#client.waitForBlock(height, signal);
      }
    }
  }

  /** Pays a new batch: signed, noted, and only then sent. @returns its fee */
  async pay(plan: BatchPlan): Promise<bigint> {
    const outputs = batchOutputs(plan, this.#options.most);
    const nothing = { transactions: [], fee: 0n, undo: () => undefined };
    const signed =
      outputs.length === 0
        ? nothing
        : await this.#funded(new Set(), (choice) =>
            signBatch(this.#wallet, batchHead(plan), outputs, choice),
          );
    const { genesis, carried, batches } = this.#ledger;
    const batch = {
      name: batchName(plan),
      height: plan.mark.height,
      paid: plan.paid,
      began: toHex(plan.mark.carried),
      transactions: signed.transactions.map(noted),
      isSent: outputs.length === 0,
    };
    writeCarried(this.#options.ledger, genesis, carried);
    this.#write({ carried: plan.carried, batches: [...batches, batch] });
    const sentBefore = this.sent.length;
    try {
      await this.bring(batches.length);
    } catch (thrown) {
      // a refusal of the first is an end: nothing was sent. Whatever else happened, it may have been
      if (
        this.sent.length === sentBefore &&
        thrown instanceof RpcError &&
        thrown.code === 'TX_REJECTED'
      ) {
        signed.undo();
        this.#write({ carried, batches });
      }
      throw thrown;
    }
    return signed.fee;
  }
}

function unfinished(waited: number, cause: unknown): BitmodelError {
  const why =
    waited === 0
      ? 'The mempool takes no more of this batch before the next block'
      : `The mempool took no more of this batch in ${waited} blocks, since what it hangs on is in none`;
  return new BitmodelError(
    'BATCH_UNFINISHED',
    `${why}; the rest of it is signed and in the ledger.`,
    {
      next: `Run the same again ${waited === 0 ? 'after a block, or pass --wait' : 'later'}`,
      cause,
    },
  );
}
