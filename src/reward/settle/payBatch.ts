import { BitmodelError, EXIT, equalBytes, fromHex, toHex } from '../../base/index.js';
import {
  type AddressParameters,
  type ChainClient,
  decodeTransaction,
  encodeTransaction,
  estimateFeeRate,
  hashToId,
  RpcError,
  type Transaction,
  transactionId,
  type Wallet,
} from '../../chain/index.js';
import {
  type BatchPlan,
  type BatchRequest,
  batchHead,
  batchName,
  batchOutputs,
  planBatch,
} from './batch.js';
import {
  type Ledger,
  type LedgerBatch,
  type LedgerTransaction,
  ledgerPlace,
  readLedger,
  withLedger,
  writeLedger,
} from './ledger.js';
import { decodePayoutMark } from './payoutMark.js';
import { signBatch, signOne } from './signBatch.js';

/** How a batch is paid. */
export interface PayBatchOptions {
  /** The file of what is carried and paid. */
  readonly ledger: string;
  readonly params: AddressParameters;
  /** Pay although the ledger has a batch of the same graph, demand and minimum. */
  readonly again?: boolean;
  /** Wait for a block where the mempool takes no more, and go on. */
  readonly wait?: boolean;
  /** Payments of one transaction; see `batchOutputs`. */
  readonly most?: number;
  readonly signal?: AbortSignal;
  /** Told of each transaction that the node has. */
  readonly onSent?: (txid: string) => void;
}

/** What came of a batch. */
export interface PaidBatch {
  /** Absent where only an earlier batch was finished, which was this one. */
  readonly plan?: BatchPlan;
  /** Printed ids, in the order of sending. */
  readonly txids: readonly string[];
  /** Base units; absent where an earlier batch was finished. */
  readonly fee?: bigint;
  /** Ids that a batch which was interrupted before had left to send. */
  readonly resumed: readonly string[];
}

/** Blocks on top of a transaction after which it is taken to stay. */
const BURIED = 6;

const noted = (transaction: Transaction): LedgerTransaction => ({
  txid: transactionId(transaction),
  hex: toHex(encodeTransaction(transaction)),
});

const isRefusal = (thrown: unknown, words: RegExp): boolean =>
  thrown instanceof RpcError && words.test(thrown.message);

/** Whether a transaction says the same mark as one of a batch, and pays everybody whom that pays just as much. */
function paysTheSame({ outputs }: Transaction, other: Transaction): boolean {
  const mark = outputs[0] && decodePayoutMark(outputs[0].lockingScript);
  // the one that lays coins aside pays nobody
  if (!mark || mark.count === 0) return false;
  return outputs.slice(0, 1 + mark.count).every(({ value, lockingScript }, i) => {
    const there = other.outputs[i];
    return there?.value === value && equalBytes(there.lockingScript, lockingScript);
  });
}

/** One run of a batch: the ledger as it stands in the file, and what brings it on. */
class BatchRun {
  readonly #client: ChainClient;
  readonly #wallet: Wallet;
  readonly #options: PayBatchOptions;
  #ledger: Ledger;
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
  write(change: Partial<Ledger>): void {
    this.#ledger = { ...this.#ledger, ...change };
    writeLedger(this.#options.ledger, this.#ledger);
  }

  #change(at: number, change: Partial<LedgerBatch>): void {
    const batches = this.#ledger.batches.map((each, i) =>
      i === at ? { ...each, ...change } : each,
    );
    this.write({ batches });
  }

  /** Sends whatever of batch `at` the node does not have, and notes what a block has buried. */
  async bring(at: number): Promise<void> {
    const { transactions, isSent } = this.#ledger.batches[at]!;
    if (isSent && transactions.every(({ hex }) => hex === undefined)) return;
    const height = await this.#client.height();
    const still: LedgerTransaction[] = [];
    for (const each of transactions) still.push(await this.#bringOne(each, height));
    this.#change(at, { transactions: still.flat(), isSent: true });
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
    for (;;) {
      signal?.throwIfAborted();
      const height = await this.#client.height();
      try {
        const txid = await this.#client.send(transaction, { anyFeeRate: true });
        this.sent.push(txid);
        onSent?.(txid);
        return;
      } catch (thrown) {
        if (isRefusal(thrown, /^txn-already-in-mempool|already in/i)) return;
        if (!isRefusal(thrown, /^too-long-mempool-chain/)) throw thrown;
        if (!wait) throw unfinished(thrown);
        await this.#client.waitForBlock(height, signal);
      }
    }
  }

  /**
   * Takes a transaction that replaced one of the ledger's and makes the very same payments, as one that pays a higher fee
   * does (`wallet bump`), for the one in the ledger: it must not be paid anew.
   */
  async followReplaced(): Promise<void> {
    let isChanged = false;
    const batches: LedgerBatch[] = [];
    for (const batch of this.#ledger.batches) {
      const transactions: LedgerTransaction[] = [];
      for (const each of batch.transactions) {
        const other = await this.#replacementOf(each);
        isChanged ||= other !== undefined;
        transactions.push(other ? noted(other) : each);
      }
      batches.push({ ...batch, transactions });
    }
    if (isChanged) this.write({ batches });
  }

  async #replacementOf({ txid, hex }: LedgerTransaction): Promise<Transaction | undefined> {
    if (hex === undefined || (await this.#client.transaction(txid))) return undefined;
    const ours = decodeTransaction(fromHex(hex));
    for (const { outpoint } of ours.inputs) {
      const spender = await this.#client.spender(outpoint);
      if (!spender || spender.txid === txid) continue;
      const other = (await this.#client.transaction(spender.txid))?.transaction;
      if (other && transactionId(other) === spender.txid && paysTheSame(ours, other)) return other;
    }
    return undefined;
  }

  /** The ids of those, of every batch, that can never be in a block, since what they spend is gone for good. */
  async #dead(): Promise<Set<string>> {
    const tip = await this.#client.height();
    const waiting = this.#ledger.batches.flatMap(({ transactions }) => transactions);
    const dead = new Set<string>();
    for (let before = -1; before < dead.size; ) {
      before = dead.size;
      // one may spend the change of another, whatever their order: with that it is dead, too
      for (const each of waiting) {
        if (!dead.has(each.txid) && (await this.#isDead(each, dead, tip))) dead.add(each.txid);
      }
    }
    return dead;
  }

  async #isDead(
    { txid, hex }: LedgerTransaction,
    dead: ReadonlySet<string>,
    tip: number,
  ): Promise<boolean> {
    if (hex === undefined || (await this.#client.transaction(txid))) return false;
    const { inputs } = decodeTransaction(fromHex(hex));
    if (inputs.some(({ outpoint }) => dead.has(hashToId(outpoint.hash)))) return true;
    for (const { outpoint } of inputs) {
      const spender = await this.#client.spender(outpoint);
      if (!spender || spender.txid === txid) continue;
      if (spender.height > 0 && tip - spender.height >= BURIED) return true;
      throw conflict(txid, spender.txid);
    }
    return false;
  }

  /**
   * Signs anew what can never be in a block any more, since another transaction that is buried spends its coin: the same
   * payments out of other coins. It may have been sent: others replace it, or a reorganisation gives its coin to another.
   * As long as that other is not buried, the first may still come, and would be a second payment. All of it is in the
   * ledger at once, so that one cut off here begins again with the same dead.
   */
  async replaceDead(): Promise<void> {
    const dead = await this.#dead();
    if (dead.size === 0) return;
    const feeRate = await estimateFeeRate(this.#client);
    const undo: (() => void)[] = [];
    try {
      const batches: LedgerBatch[] = [];
      for (const batch of this.#ledger.batches) {
        const transactions: LedgerTransaction[] = [];
        let isSent = batch.isSent;
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
          const signed = await signOne(this.#wallet, outputs.slice(0, 1 + mark.count), feeRate);
          undo.push(signed.undo);
          transactions.push(noted(signed.transactions[0]!));
        }
        batches.push({ ...batch, transactions, isSent });
      }
      this.write({ batches });
    } catch (thrown) {
      for (const each of undo) each();
      throw thrown;
    }
  }

  /** Pays a new batch: signed, noted, and only then sent. @returns its fee */
  async pay(plan: BatchPlan): Promise<bigint> {
    const outputs = batchOutputs(plan, this.#options.most);
    const feeRate = await estimateFeeRate(this.#client);
    const nothing = { transactions: [], fee: 0n, undo: () => undefined };
    const signed =
      outputs.length === 0
        ? nothing
        : await signBatch(this.#wallet, batchHead(plan), outputs, feeRate);
    const { carried, batches } = this.#ledger;
    const batch = {
      name: batchName(plan),
      height: plan.mark.height,
      paid: plan.paid,
      carriedBefore: carried,
      transactions: signed.transactions.map(noted),
      isSent: outputs.length === 0,
    };
    this.write({ carried: plan.carried, batches: [...batches, batch] });
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
        this.write({ carried, batches });
      }
      throw thrown;
    }
    return signed.fee;
  }
}

function unfinished(cause: unknown): BitmodelError {
  return new BitmodelError(
    'BATCH_UNFINISHED',
    'The mempool takes no more of this batch before the next block; the rest of it is signed and in the ledger.',
    { next: 'Run the same again after a block, or pass --wait', cause },
  );
}

function conflict(txid: string, spender: string): BitmodelError {
  return new BitmodelError(
    'BATCH_CONFLICT',
    `A coin of ${txid}, which an interrupted batch was to send, was spent by ${spender}.`,
    {
      next: `Run the same again when that is ${BURIED} blocks deep: it is then paid from other coins`,
      exitCode: EXIT.notAllowed,
    },
  );
}

function alreadyPaid({ transactions, height }: LedgerBatch): BitmodelError {
  const by = transactions.at(-1)?.txid;
  return new BitmodelError(
    'ALREADY_PAID',
    `The ledger has a batch of just this graph and these amounts, at height ${height}${by ? ` in ${by}` : ''}.`,
    { next: 'Pass --again if it is to be paid once more', exitCode: EXIT.notAllowed },
  );
}

/**
 * Pays everybody's share of a computed payout out of the wallet, in one transaction or in a tree of them. What is too
 * small is carried in the ledger. All transactions are signed, and on the disk, before the first is sent: whenever this
 * is ended, the next run sends what is missing, by its id, and pays nobody twice.
 * @throws BitmodelError `BAD_OWNER` (nothing is sent), `ALREADY_PAID`, `LEDGER_BUSY`, `BAD_LEDGER`, `BATCH_UNFINISHED`,
 *   `BATCH_CONFLICT`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export function payBatch(
  client: ChainClient,
  wallet: Wallet,
  request: BatchRequest,
  given: PayBatchOptions,
): Promise<PaidBatch> {
  const options = { ...given, ledger: ledgerPlace(given.ledger) };
  return withLedger(options.ledger, async () => {
    const ledger = readLedger(options.ledger, await client.genesisId());
    const run = new BatchRun(client, wallet, options, ledger);
    const plan = planBatch(request, ledger.carried, options.params);
    let isFinished = false;
    await run.followReplaced();
    await run.replaceDead();
    for (const [at, batch] of run.ledger.batches.entries()) {
      await run.bring(at);
      isFinished ||= !batch.isSent && batch.name === batchName(plan);
    }
    const resumed = [...run.sent];
    if (isFinished && !options.again) return { txids: resumed, resumed };
    const same = run.ledger.batches.findLast(({ name }) => name === batchName(plan));
    if (same && !options.again) throw alreadyPaid(same);
    const fee = await run.pay(plan);
    const txids = run.ledger.batches.at(-1)!.transactions.map(({ txid }) => txid);
    return { plan, txids, fee, resumed };
  });
}

/** What {@link payBatch} would pay now by this ledger; nothing is sent or written. @throws as it */
export async function planByLedger(
  client: ChainClient,
  request: BatchRequest,
  { ledger, params }: Pick<PayBatchOptions, 'ledger' | 'params'>,
): Promise<BatchPlan> {
  const { carried } = readLedger(ledger, await client.genesisId());
  return planBatch(request, carried, params);
}
