import type { Transaction } from '../codec/transaction.js';
import { scriptRejectReason } from '../script/errors.js';
import { type ScriptResult, verifyInput } from '../script/interpreter.js';
import { SignatureCache } from '../script/SignatureCache.js';
import { type Coin, hashKey } from './coins.js';
import { MAX_BLOCK_SIGNATURE_CHECKS } from './parameters.js';
import { rejectBlock, rejectTransaction } from './RejectError.js';
import { type EncodedSpending, ScriptJob, type Spending } from './ScriptJob.js';
import { ScriptPool } from './ScriptPool.js';

const KNOWN_LIMIT = 100_000;

/**
 * Inputs from which on other threads are asked. They help from 32 on, but what takes this thread 6 ms is not worth
 * waiting for one that a busy machine does not let run.
 */
const PARALLEL_INPUTS = 128;
/** Bytes of transactions from which on it is the same with few inputs: what a script may cost grows with its bytes. */
const PARALLEL_BYTES = 100_000;

/** What is needed of a block to run its scripts. */
export interface BlockSpendings {
  readonly transactions: readonly Transaction[];
  /** The encoded block, and where its transactions begin in it. */
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  /** Transaction hashes in byte order. */
  readonly hashes: readonly Uint8Array[];
  /** Coins spent, per transaction and input; none for the coinbase. */
  readonly spent: readonly (readonly Coin[])[];
}

/** The scripts of a block, which may be running already on other threads. */
export interface BlockScripts {
  /**
   * Runs scripts on this thread, too, and lets others have their turn every millisecond, until what is left will be done
   * in about so many milliseconds without it. With few inputs all is left to `finish`.
   * @param meanwhile milliseconds that the caller is busy with something else before it calls `finish`
   */
  share(meanwhile: number): Promise<void>;
  /**
   * Waits for the end and demands that every input's scripts agree.
   * @throws RejectError `mandatory-script-verify-flag-failed (…)` of the first input by order that fails;
   * `bad-blk-sigchecks` when more signatures were checked before than a block may hold
   * @throws BitmodelError `SCRIPT_THREAD_FAILED`
   */
  finish(): void;
}

/** Counts the signature checks of a block. */
class SignatureChecks {
  #sum = 0;

  add(checks: number): void {
    this.#sum += checks;
    if (this.#sum > MAX_BLOCK_SIGNATURE_CHECKS) throw rejectBlock('bad-blk-sigchecks');
  }
}

/**
 * Runs the scripts of transactions, and remembers what passed on its way into the mempool: a block of known transactions
 * costs no signature check. A transaction's hash covers its unlocking scripts and the outputs it spends, and the rules
 * are always the same, so the hash alone names the result. Signatures are remembered one by one too, for a transaction
 * that comes again in another form.
 */
export class ScriptVerifier {
  /** Signature checks by transaction hash, oldest first. */
  readonly #known = new Map<string, number>();
  readonly #cache: SignatureCache;
  readonly #pool: ScriptPool;

  /** @param threads that run the scripts of a block, this one included */
  constructor(threads = 1, cache: SignatureCache = new SignatureCache()) {
    this.#cache = cache;
    this.#pool = new ScriptPool(threads - 1, this.#cache);
  }

  /**
   * Demands that every input's scripts agree, and remembers it; returns the number of signature checks that they made.
   * @param coins one per input, in order
   * @param costLimit operation cost of all scripts together beyond which no further one is run
   * @throws RejectError `mandatory-script-verify-flag-failed (…)`; `bad-txns-too-many-sigops` beyond the limit
   */
  verify(
    transaction: Transaction,
    hash: Uint8Array,
    coins: readonly Coin[],
    costLimit = Number.POSITIVE_INFINITY,
  ): number {
    const key = hashKey(hash);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const spending = { transaction, spentOutputs: coins.map((coin) => coin.output) };
    let signatureChecks = 0;
    let cost = 0;
    for (let inputIndex = 0; inputIndex < transaction.inputs.length; inputIndex++) {
      const result = this.#runInput(spending, inputIndex, true);
      signatureChecks += result.signatureChecks;
      cost += result.operationCost;
      if (cost > costLimit) {
        throw rejectTransaction(
          'bad-txns-too-many-sigops',
          `its scripts cost more than ${costLimit}`,
        );
      }
    }
    this.#remember(key, signatureChecks);
    return signatureChecks;
  }

  /** {@link beginBlocks} of one. */
  beginBlock(block: BlockSpendings): BlockScripts {
    return this.beginBlocks([block]);
  }

  /**
   * Begins to run the scripts of blocks. With many inputs other threads begin at once, while this one goes on; with few
   * everything happens in `finish`. The result is the same.
   */
  beginBlocks(blocks: readonly BlockSpendings[]): BlockScripts {
    const unknown: EncodedSpending[] = [];
    const plans = blocks.map((block) => this.#planOf(block, unknown));
    const inputs = unknown.reduce((sum, { transaction }) => sum + transaction.inputs.length, 0);
    const job = this.#beginJob(unknown, inputs, MAX_BLOCK_SIGNATURE_CHECKS * blocks.length);
    const share = async (meanwhile: number): Promise<void> => {
      if (job) await this.#pool.share(job, meanwhile);
    };
    const finish = (): void => {
      if (job) this.#pool.finish(job);
      for (const plan of plans) {
        const count = new SignatureChecks();
        for (const { known, place } of plan) {
          if (known !== undefined) count.add(known);
          else
            this.#finishTransaction(unknown[place]!, count, (input) => job?.passed(place, input));
        }
      }
    };
    return { share, finish };
  }

  /** Per transaction: its signature checks where they are known, or its place among the unknown ones, which are added. */
  #planOf(
    { transactions, hashes, spent, bytes, offsets }: BlockSpendings,
    unknown: EncodedSpending[],
  ): { readonly known: number | undefined; readonly place: number }[] {
    return transactions.slice(1).map((transaction, index) => {
      const known = this.#known.get(hashKey(hashes[index + 1]!));
      if (known !== undefined) return { known, place: -1 };
      const spentOutputs = spent[index + 1]!.map((coin) => coin.output);
      const encoded = bytes.subarray(offsets[index + 1], offsets[index + 2]);
      return { known, place: unknown.push({ transaction, spentOutputs, bytes: encoded }) - 1 };
    });
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  #beginJob(
    unknown: readonly EncodedSpending[],
    inputs: number,
    limit: number,
  ): ScriptJob | undefined {
    const bytes = unknown.reduce((sum, each) => sum + each.bytes.length, 0);
    if (inputs < PARALLEL_INPUTS && bytes < PARALLEL_BYTES) return undefined;
    const job = ScriptJob.of(unknown, limit);
    this.#pool.begin(job, limit);
    return job;
  }

  /** Goes through the inputs in order. What has not passed on another thread, for whatever reason, is run here. */
  #finishTransaction(
    spending: Spending,
    count: SignatureChecks,
    passed: (inputIndex: number) => number | undefined,
  ): void {
    for (let inputIndex = 0; inputIndex < spending.transaction.inputs.length; inputIndex++) {
      count.add(passed(inputIndex) ?? this.#runInput(spending, inputIndex, false).signatureChecks);
    }
  }

  #runInput(spending: Spending, inputIndex: number, keep: boolean): ScriptResult {
    const checkSignature = keep ? this.#cache.checkAndKeep : this.#cache.check;
    const result = verifyInput({ ...spending, inputIndex, checkSignature });
    if (result.ok) return result;
    throw rejectTransaction(
      scriptRejectReason(result.error),
      `input ${inputIndex}, ${result.script} script at byte ${result.offset}`,
    );
  }

  #remember(key: string, signatureChecks: number): void {
    if (this.#known.size >= KNOWN_LIMIT) {
      this.#known.delete(this.#known.keys().next().value!);
    }
    this.#known.set(key, signatureChecks);
  }
}
