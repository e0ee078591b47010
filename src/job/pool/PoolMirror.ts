import { BitmodelError } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { type AnyMessage, messageId, NO_JOB_HEX, parseMessage } from '../messages.js';
import { POOL_BOUNDS, type PoolBounds } from './bounds.js';
import type { PooledCase } from './CaseEntries.js';
import { isTimely } from './caseLife.js';
import { listJobMessages, sendJobMessage } from './client.js';
import { JobPool } from './JobPool.js';
import type { PooledJob } from './view.js';

/** Blocks after which the mirror is built anew from what its node holds. */
const REBUILD_PERIOD = 36;
/** Blocks for which a job that nobody accepted an offer for is kept. */
const OFFER_PERIOD = 720;
/** Blocks behind a job's expiry after which it is over: more than the windows of any network. */
const AFTER_EXPIRY = 144;
/** Blocks for which a message waits for the one it refers to. */
const WAITING_PERIOD = 6;

/** Twice as many as its node keeps, and ranks by what the chain shows: the mirror drops none of them between rebuilds. */
const VERIFIERS = 2 * POOL_BOUNDS.verifiers;

/**
 * A participant's own copy of its node's job pool. It checks every message itself, so that the node need not be
 * trusted, and tells the node again what it may have lost in a restart. It forgets what is over and what its node has
 * forgotten, so that it never fills: jobs that this participant has spoken in stay until they are over.
 */
export class PoolMirror {
  readonly #chain: ChainClient;
  readonly #bounds: Partial<PoolBounds>;
  readonly #own = new Map<string, AnyMessage>();
  readonly #cursors: number[] = [];
  #pool: JobPool;
  #after = 0;
  #toldAt = -1;
  #builtAt = 0;
  #node: string | undefined;

  constructor(chain: ChainClient, bounds: Partial<PoolBounds> = {}) {
    this.#chain = chain;
    this.#bounds = { verifiers: VERIFIERS, ...bounds };
    this.#pool = new JobPool(this.#bounds);
  }

  /** Reads what is new, and after each block repeats what this participant has said about live jobs. */
  async refresh(height: number): Promise<void> {
    const isNewBlock = height !== this.#toldAt;
    const isOld = height >= this.#builtAt + REBUILD_PERIOD || height < this.#builtAt;
    if (isNewBlock && (isOld || this.#pool.isCrowded)) await this.#rebuild(height);
    else this.#after = await this.#read(this.#pool, this.#after);
    if (!isNewBlock) return;
    this.#prune(height);
    this.#toldAt = height;
    for (const message of this.#own.values()) await sendJobMessage(this.#chain, message);
  }

  /**
   * Says something, and keeps saying it after a restart of the node until {@link forget}.
   * @throws BitmodelError `JOB_MESSAGE_REFUSED` with the pool's reason
   */
  async say(message: AnyMessage): Promise<void> {
    const refusal = await this.remind(message);
    if (refusal === undefined) return;
    throw new BitmodelError(
      'JOB_MESSAGE_REFUSED',
      `The node's job pool refuses this ${message.type}: ${refusal}.`,
      { next: 'Mend what it names, or wait for the next block, then try again' },
    );
  }

  /**
   * Says something that others may need, where it does no harm when the pool no longer wants it.
   * @returns the pool's reason to refuse it, if it does
   */
  async remind(message: AnyMessage): Promise<string | undefined> {
    const id = messageId(message);
    if (this.#own.has(id)) return undefined;
    const result = await sendJobMessage(this.#chain, message);
    if ('reason' in result) return result.reason;
    // a verifier's announcement of itself replaces the one before
    if (message.type === 'verifier') this.#forgetOwn(message.jobId);
    this.#own.set(id, message);
    if (message.type !== 'verifier') this.#pool.setLive(message.jobId, true);
    this.#pool.add(message);
    return undefined;
  }

  /** Peer id of the node that this participant speaks through; undefined where that node is on no network. */
  get node(): string | undefined {
    return this.#node;
  }

  job(jobId: string): PooledJob | undefined {
    return this.#pool.job(jobId);
  }

  jobIds(): string[] {
    return this.#pool.jobIds();
  }

  case(id: string): PooledCase | undefined {
    return this.#pool.case(id);
  }

  caseIds(): string[] {
    return this.#pool.caseIds();
  }

  verifiers(): ReturnType<JobPool['verifiers']> {
    return this.#pool.verifiers();
  }

  /** Forgets a job that is over. */
  forget(jobId: string): void {
    this.#pool.remove(jobId);
    this.#forgetOwn(jobId);
  }

  #forgetOwn(jobId: string): void {
    for (const [id, message] of this.#own) if (message.jobId === jobId) this.#own.delete(id);
  }

  /** Forgets what is over at a height. */
  #prune(height: number): void {
    const own = this.#ownJobs();
    for (const id of this.#pool.caseIds()) {
      this.#pool.retainAppeals(id, (appeal) => isTimely(appeal, height));
      if (!this.#pool.case(id)) this.forget(id);
    }
    for (const id of this.#pool.jobIds()) {
      const { spec, accepts } = this.#pool.job(id)!;
      const isUntaken = accepts.length === 0 && height > spec.created + OFFER_PERIOD;
      if (height >= spec.expires + AFTER_EXPIRY) this.forget(id);
      else if (isUntaken && !own.has(id)) this.#pool.remove(id);
    }
    this.#cursors.push(this.#pool.cursor);
    if (this.#cursors.length > WAITING_PERIOD) this.#pool.forgetWaiting(this.#cursors.shift()!);
  }

  /** Takes the node's whole pool in place of the own one, but for the jobs that this participant has spoken in. */
  async #rebuild(height: number): Promise<void> {
    const pool = new JobPool(this.#bounds);
    for (const jobId of this.#ownJobs()) {
      pool.setLive(jobId, true);
      for (const message of this.#pool.list({ jobId }).messages) pool.add(message);
    }
    for (const message of this.#own.values()) pool.add(message);
    this.#after = await this.#read(pool, 0);
    this.#pool = pool;
    this.#cursors.length = 0;
    this.#builtAt = height;
  }

  #ownJobs(): Set<string> {
    const ids = [...this.#own.values()].map(({ jobId }) => jobId);
    return new Set(ids.filter((id) => id !== NO_JOB_HEX));
  }

  /** Reads the node's messages from a cursor on into a pool. @returns the next cursor */
  async #read(pool: JobPool, from: number): Promise<number> {
    const disputed = new Set<string>();
    for (let after = from; ; ) {
      const { messages, next, node } = await listJobMessages(this.#chain, { after });
      this.#node = typeof node === 'string' ? node : undefined;
      if (messages.length === 0) {
        for (const jobId of disputed) await this.#reread(pool, jobId);
        return next;
      }
      for (const value of messages) {
        const message = take(pool, value);
        if (message?.type === 'accept') {
          if ((pool.job(message.jobId)?.accepts.length ?? 0) > 1) disputed.add(message.jobId);
        }
      }
      after = next;
    }
  }

  /** The node knows which of contradicting acceptances was paid, and keeps it: takes its word for what there is. */
  async #reread(pool: JobPool, jobId: string): Promise<void> {
    const known: AnyMessage[] = [];
    for (let after = 0; ; ) {
      const { messages, next } = await listJobMessages(this.#chain, { jobId, after });
      if (messages.length === 0) break;
      known.push(...(messages as AnyMessage[]));
      after = next;
    }
    if (known.length === 0) return;
    pool.remove(jobId);
    if (this.#ownJobs().has(jobId)) pool.setLive(jobId, true);
    for (const value of known) take(pool, value);
    for (const message of this.#own.values()) if (message.jobId === jobId) pool.add(message);
  }
}

function take(pool: JobPool, value: unknown): AnyMessage | undefined {
  try {
    const message = parseMessage(value);
    pool.add(message);
    return message;
  } catch (thrown) {
    // a node that hands out what is no message is not a reason to stop
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return undefined;
  }
}
