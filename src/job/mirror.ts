import { BitmodelError } from '../base/index.js';
import type { ChainClient } from '../chain/index.js';
import { type AnyMessage, messageId, parseMessage } from './messages.js';
import { JobPool, type PoolResult } from './pool.js';
import type { PooledJob } from './pool-view.js';

/**
 * A participant's own copy of its node's job pool. It checks every message itself, so that the node need not be
 * trusted, and tells the node again what it may have lost in a restart.
 */
export class PoolMirror {
  readonly #chain: ChainClient;
  readonly #pool = new JobPool();
  readonly #own = new Map<string, AnyMessage>();
  #after = 0;
  #toldAt = -1;

  constructor(chain: ChainClient) {
    this.#chain = chain;
  }

  /** Reads what is new, and after each block repeats what this participant has said about live jobs. */
  async refresh(height: number): Promise<void> {
    for (;;) {
      const { messages, next } = await this.#chain.jobMessages({ after: this.#after });
      this.#after = next;
      if (messages.length === 0) break;
      for (const value of messages) this.#take(value);
    }
    if (height === this.#toldAt) return;
    this.#toldAt = height;
    for (const message of this.#own.values()) await this.#chain.sendJobMessage(message);
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
    );
  }

  /**
   * Says something that others may need, where it does no harm when the pool no longer wants it.
   * @returns the pool's reason to refuse it, if it does
   */
  async remind(message: AnyMessage): Promise<string | undefined> {
    const id = messageId(message);
    if (this.#own.has(id)) return undefined;
    const result = await this.#chain.sendJobMessage<PoolResult>(message);
    if (result.status === 'refused') return result.reason;
    this.#own.set(id, message);
    this.#pool.add(message);
    return undefined;
  }

  job(jobId: string): PooledJob | undefined {
    return this.#pool.job(jobId);
  }

  jobIds(): string[] {
    return this.#pool.jobIds();
  }

  verifiers(): ReturnType<JobPool['verifiers']> {
    return this.#pool.verifiers();
  }

  /** Forgets a job that is over. */
  forget(jobId: string): void {
    this.#pool.remove(jobId);
    for (const [id, message] of this.#own) if (message.jobId === jobId) this.#own.delete(id);
  }

  #take(value: unknown): void {
    try {
      this.#pool.add(parseMessage(value));
    } catch (thrown) {
      // a node that hands out what is no message is not a reason to stop
      if (!(thrown instanceof BitmodelError)) throw thrown;
    }
  }
}
