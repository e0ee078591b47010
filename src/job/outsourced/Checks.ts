import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, messageOf, toHex } from '../../base/index.js';
import type { Host } from '../../network/index.js';
import type { Receipt } from '../receipt.js';
import type { NeighbourBook, RecordChange } from './NeighbourBook.js';
import { type OutsourceOptions, outsource } from './outsource.js';
import type { NeighbourReport, OutsourcedVerification } from './verification.js';

/** Where a check stands. */
export type CheckState =
  | { readonly state: 'running' }
  | { readonly state: 'done'; readonly verification: OutsourcedVerification }
  | { readonly state: 'failed'; readonly reason: string };

/** What the model at hand says of the same output: the first false position, if there is one. */
export interface KnownTruth {
  readonly falseAt?: number | undefined;
}

/** Checks at once, and results kept; each holds a line per position. */
const MOST_RUNNING = 4;
const MOST_KEPT = 50;

/** The checks that a node has neighbours make, for whoever asks it. */
export class Checks {
  readonly #host: Host;
  readonly #book: NeighbourBook;
  readonly #states = new Map<string, CheckState>();
  readonly #closing = new AbortController();
  #running = 0;

  constructor(host: Host, book: NeighbourBook) {
    this.#host = host;
    this.#book = book;
  }

  /**
   * Begins one.
   * @returns its name, to ask for it
   * @throws BitmodelError `TOO_MANY_CHECKS`
   */
  start(receipt: Receipt, options: Omit<OutsourceOptions, 'signal'>): string {
    if (this.#running >= MOST_RUNNING) {
      throw new BitmodelError('TOO_MANY_CHECKS', `${MOST_RUNNING} checks are under way.`, {
        next: 'Try again when one of them is done',
      });
    }
    const id = toHex(randomBytes(8));
    this.#running++;
    this.#set(id, { state: 'running' });
    const { signal } = this.#closing;
    outsource(this.#host, this.#book, receipt, { ...options, signal })
      .then(
        (verification) => this.#set(id, { state: 'done', verification }),
        (thrown) => this.#set(id, { state: 'failed', reason: messageOf(thrown) }),
      )
      .finally(() => this.#running--);
    return id;
  }

  /** @throws BitmodelError `UNKNOWN_CHECK` */
  state(id: string): CheckState {
    const state = this.#states.get(id);
    if (state) return state;
    throw new BitmodelError('UNKNOWN_CHECK', 'There is no such check here.', {
      next: 'Begin it again',
      exitCode: EXIT.notFound,
    });
  }

  /**
   * Holds what neighbours said against what the model at hand says: who is contradicted is not asked again.
   * @returns how many were borne out, and how many contradicted
   * @throws BitmodelError `UNKNOWN_CHECK`
   */
  settle(id: string, truth: KnownTruth): { right: number; wrong: number } {
    const state = this.state(id);
    const outcome = { right: 0, wrong: 0 };
    if (state.state !== 'done') return outcome;
    const changes = new Map<string, RecordChange>();
    const { neighbours, sampled } = state.verification;
    for (const report of neighbours) {
      const fate = borneOut(report, truth, sampled);
      if (!fate) continue;
      changes.set(report.neighbour, { [fate]: 1 });
      outcome[fate]++;
    }
    this.#book.note(changes);
    return outcome;
  }

  close(): void {
    this.#closing.abort();
  }

  #set(id: string, state: CheckState): void {
    this.#states.set(id, state);
    for (const [old, { state: stage }] of this.#states) {
      if (this.#states.size <= MOST_KEPT) break;
      if (stage !== 'running') this.#states.delete(old);
    }
  }
}

/** Whether what a neighbour said is what the truth is; undefined where it need not have come across it. */
function borneOut(
  { evidence, reach }: NeighbourReport,
  { falseAt }: KnownTruth,
  sampled: boolean,
): 'right' | 'wrong' | undefined {
  if (!evidence || reach === 0) return undefined;
  const { accuses } = evidence;
  const isSeen = falseAt !== undefined && falseAt < reach;
  if (accuses === (isSeen ? falseAt : undefined)) return 'right';
  // before the first false token nothing is false; after it, and where some positions were left out, who knows
  if (accuses !== undefined && !(isSeen && accuses > falseAt)) return 'wrong';
  return sampled ? undefined : 'wrong';
}
