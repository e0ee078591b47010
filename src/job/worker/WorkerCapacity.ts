import { parseAmount } from '../../base/index.js';
import type { Wallet } from '../../chain/index.js';
import type { WorkerRecord } from './record.js';

/** Base units kept for fees beyond the stake of a job. */
const FEE_CUSHION = 40_000n;
/** Milliseconds for which an offer that nobody has taken yet keeps a stake and a place: buyers choose within seconds. */
const OFFER_HOLDS = 5_000;

/** What a seller can do at once: jobs up to a number, some of which it computes together, and stakes out of the coins that it has. */
export class WorkerCapacity {
  readonly #wallet: Wallet;
  readonly #maxJobs: number;
  /** Milliseconds since 1970 at which offers were made by this process. */
  readonly #offeredAt = new Map<string, number>();
  #coins: Promise<bigint> | undefined;

  constructor(wallet: Wallet, maxJobs: number) {
    this.#wallet = wallet;
    this.#maxJobs = maxJobs;
  }

  /** Looks at the coins anew when they are asked for next. */
  refresh(open: ReadonlyMap<string, WorkerRecord>): void {
    this.#coins = undefined;
    for (const id of this.#offeredAt.keys()) if (!open.has(id)) this.#offeredAt.delete(id);
  }

  noteOffer(jobId: string): void {
    this.#offeredAt.set(jobId, Date.now());
  }

  /**
   * Whether there is room for one job more beside those that it was chosen and paid for, and those that it may be chosen
   * for any moment. Older offers keep nothing: announcements cost strangers little, and must not take a seller's place.
   */
  async hasRoom(stake: bigint, open: Iterable<WorkerRecord>): Promise<boolean> {
    const held = [...open].filter((record) => isInHand(record) || this.#isFresh(record));
    const unfinished = held.filter(({ commitment }) => !commitment);
    if (unfinished.length >= this.#maxJobs) return false;
    return (await this.confirmed()) >= reserveOf(held) + stake + FEE_CUSHION;
  }

  /** Base units of its coins that are in a block. */
  confirmed(): Promise<bigint> {
    this.#coins ??= this.#wallet
      .utxos()
      .then((coins) => coins.filter(({ height }) => height > 0))
      .then(sum);
    return this.#coins;
  }

  /** Whether so large a stake is more than all coins there are, whatever other jobs it has. */
  async isBeyond(stake: bigint): Promise<boolean> {
    return (await this.confirmed()) < stake + FEE_CUSHION;
  }

  /** Why it can't do a job that it was chosen for beside those that it was chosen for before; undefined where it can. */
  async overload(record: WorkerRecord, open: Iterable<WorkerRecord>): Promise<string | undefined> {
    const before = [...open].filter((other) => isInHand(other) && other.id !== record.id);
    const unfinished = before.filter(({ commitment }) => !commitment);
    if (unfinished.length >= this.#maxJobs) return 'it has too many jobs in hand';
    const needed = reserveOf([...before, record]);
    return (await this.#owned()) >= needed ? undefined : 'its coins stand for other jobs';
  }

  #isFresh({ id, accept }: WorkerRecord): boolean {
    return !accept && Date.now() < (this.#offeredAt.get(id) ?? 0) + OFFER_HOLDS;
  }

  /** Change that waits for a block counts: it pays for a stake as well. */
  async #owned(): Promise<bigint> {
    return sum(await this.#wallet.utxos());
  }
}

/** Whether a job's stake is still to be paid. */
function isInHand({ accept, claim, withdrawal }: WorkerRecord): boolean {
  return accept !== undefined && !claim && !withdrawal;
}

function reserveOf(records: readonly WorkerRecord[]): bigint {
  return records.reduce((total, { job }) => total + parseAmount(job.stake) + FEE_CUSHION, 0n);
}

function sum(coins: Awaited<ReturnType<Wallet['utxos']>>): bigint {
  return coins.reduce((total, { output }) => total + output.value, 0n);
}
