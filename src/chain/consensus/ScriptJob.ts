import { ByteReader } from '../codec/ByteReader.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import {
  readOutput,
  readTransaction,
  type Transaction,
  type TransactionOutput,
  writeOutput,
} from '../codec/transaction.js';
import type { SignatureCheck } from '../script/ecdsa.js';
import { verifyInput } from '../script/interpreter.js';

/** A transaction whose scripts are to be run, and the outputs that it spends. */
export interface Spending {
  readonly transaction: Transaction;
  readonly spentOutputs: readonly TransactionOutput[];
}

/** The same with the encoded transaction, as other threads are sent it. */
export interface EncodedSpending extends Spending {
  readonly bytes: Uint8Array;
}

/** What a thread is sent of a job; all of it is shared memory. */
export interface ScriptJobMemory {
  /** Encoded {@link Spending}s, one behind the other. */
  readonly bytes: SharedArrayBuffer;
  /** Where each begins in `bytes`, with one more entry for the end of the last. */
  readonly offsets: SharedArrayBuffer;
  /** Number of its first input, counted over all of them, with one more entry for the number of all inputs. */
  readonly firstInputs: SharedArrayBuffer;
  /** Counters, then one word per input. */
  readonly state: SharedArrayBuffer;
}

/** Inputs that a thread takes at a time. */
const CHUNK = 16;

const NEXT_CHUNK = 0;
const DONE_CHUNKS = 1;
/** Signature checks made so far. */
const SIGNATURE_CHECKS = 2;
/** Whether an input failed, so that what comes behind it doesn't matter. */
const FAILED = 3;
/** Whether a thread met an error that is none of a script. */
const BROKEN = 4;
const COUNTERS = 8;

/** Word of an input that has not passed. */
const NOT_PASSED = -1;

/**
 * The scripts of many transactions, run by as many threads as care to join. What counts is one word per input: how many
 * signatures it checked, written once it passed. All else is only about who does what, so that no thread that dies, and
 * none that comes late, can make an input pass. Chunks of inputs are taken in order: once one failed, everything before it
 * is taken too.
 */
export class ScriptJob {
  readonly memory: ScriptJobMemory;
  readonly #offsets: Uint32Array;
  readonly #firstInputs: Uint32Array;
  readonly #counters: Int32Array;
  readonly #checks: Int32Array;
  readonly #inputs: number;
  readonly #limit: number;
  /** The transaction that was decoded last: its inputs come one after the other. */
  #last: { index: number; spending: Spending } | undefined;
  readonly #spendings: readonly Spending[] | undefined;

  /**
   * @param limit signature checks beyond which the rest need not be run
   * @param spendings where they need not be decoded from the memory
   */
  constructor(memory: ScriptJobMemory, limit: number, spendings?: readonly Spending[]) {
    this.memory = memory;
    this.#offsets = new Uint32Array(memory.offsets);
    this.#firstInputs = new Uint32Array(memory.firstInputs);
    this.#inputs = this.#firstInputs[this.#firstInputs.length - 1]!;
    this.#counters = new Int32Array(memory.state, 0, COUNTERS);
    this.#checks = new Int32Array(memory.state, COUNTERS * 4, this.#inputs);
    this.#limit = limit;
    this.#spendings = spendings;
  }

  /** Lays out a job in shared memory. */
  static of(spendings: readonly EncodedSpending[], limit: number): ScriptJob {
    const writer = new ByteWriter(256 * spendings.length);
    const offsets = new SharedArrayBuffer(4 * (spendings.length + 1));
    const firstInputs = new SharedArrayBuffer(4 * (spendings.length + 1));
    const offsetWords = new Uint32Array(offsets);
    const firstWords = new Uint32Array(firstInputs);
    let inputs = 0;
    spendings.forEach(({ transaction, spentOutputs, bytes: encoded }, index) => {
      offsetWords[index] = writer.length;
      firstWords[index] = inputs;
      writer.bytes(encoded);
      for (const output of spentOutputs) writeOutput(writer, output);
      inputs += transaction.inputs.length;
    });
    offsetWords[spendings.length] = writer.length;
    firstWords[spendings.length] = inputs;
    const bytes = new SharedArrayBuffer(writer.length);
    new Uint8Array(bytes).set(writer.written());
    const state = new SharedArrayBuffer(4 * (COUNTERS + inputs));
    new Int32Array(state).fill(NOT_PASSED, COUNTERS);
    return new ScriptJob({ bytes, offsets, firstInputs, state }, limit, spendings);
  }

  /** Whether a thread met an error that is none of a script. */
  get broken(): boolean {
    return Atomics.load(this.#counters, BROKEN) !== 0;
  }

  /** Takes and runs chunks until none is left that matters. */
  work(check: SignatureCheck): void {
    while (this.workChunk(check));
  }

  /** Takes and runs one chunk; false when none is left that matters. */
  workChunk(check: SignatureCheck): boolean {
    if (this.#decided()) return false;
    const first = Atomics.add(this.#counters, NEXT_CHUNK, 1) * CHUNK;
    if (first >= this.#inputs) return false;
    this.#runInputs(first, Math.min(first + CHUNK, this.#inputs), check);
    Atomics.add(this.#counters, DONE_CHUNKS, 1);
    Atomics.notify(this.#counters, DONE_CHUNKS);
    return true;
  }

  /** Inputs that it has. */
  get inputs(): number {
    return this.#inputs;
  }

  /** Inputs that were run, about. */
  get done(): number {
    return Math.min(Atomics.load(this.#counters, DONE_CHUNKS) * CHUNK, this.#inputs);
  }

  /** Tells the thread that waits that this one can't go on. */
  markBroken(): void {
    Atomics.store(this.#counters, BROKEN, 1);
    Atomics.notify(this.#counters, DONE_CHUNKS);
  }

  /** Whether all that was taken is done. */
  get isSettled(): boolean {
    return this.broken || Atomics.load(this.#counters, DONE_CHUNKS) >= this.#taken();
  }

  /** Waits until all that was taken is done, or nothing happens for so many milliseconds. */
  wait(patience: number): void {
    for (;;) {
      const done = Atomics.load(this.#counters, DONE_CHUNKS);
      if (this.broken || done >= this.#taken()) return;
      if (Atomics.wait(this.#counters, DONE_CHUNKS, done, patience) === 'timed-out') return;
    }
  }

  /** Signature checks of an input that passed; undefined for one that failed or was not run. */
  passed(index: number, inputIndex: number): number | undefined {
    const checks = this.#checks[this.#firstInputs[index]! + inputIndex]!;
    return checks === NOT_PASSED ? undefined : checks;
  }

  #taken(): number {
    const chunks = Math.ceil(this.#inputs / CHUNK);
    return Math.min(Atomics.load(this.#counters, NEXT_CHUNK), chunks);
  }

  /** Whether what was taken so far decides that the block is refused. */
  #decided(): boolean {
    const counters = this.#counters;
    return (
      Atomics.load(counters, FAILED) !== 0 ||
      Atomics.load(counters, SIGNATURE_CHECKS) > this.#limit ||
      this.broken
    );
  }

  #runInputs(first: number, end: number, checkSignature: SignatureCheck): void {
    for (let input = first; input < end; input++) {
      const index = this.#transactionOf(input);
      const inputIndex = input - this.#firstInputs[index]!;
      const result = verifyInput({ ...this.#spending(index), inputIndex, checkSignature });
      Atomics.add(this.#counters, SIGNATURE_CHECKS, result.signatureChecks);
      if (!result.ok) {
        Atomics.store(this.#counters, FAILED, 1);
        return;
      }
      this.#checks[input] = result.signatureChecks;
    }
  }

  /** Which transaction an input belongs to: the last one that begins at or before it. */
  #transactionOf(input: number): number {
    let low = 0;
    let high = this.#firstInputs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#firstInputs[middle]! <= input) low = middle;
      else high = middle;
    }
    return low;
  }

  #spending(index: number): Spending {
    const known = this.#spendings?.[index];
    if (known) return known;
    if (this.#last?.index !== index) {
      const start = this.#offsets[index]!;
      const length = this.#offsets[index + 1]! - start;
      const reader = new ByteReader(new Uint8Array(this.memory.bytes, start, length));
      const transaction = readTransaction(reader);
      const spentOutputs = transaction.inputs.map(() => readOutput(reader));
      this.#last = { index, spending: { transaction, spentOutputs } };
    }
    return this.#last.spending;
  }
}
