import { BitmodelError, messageOf } from '../../base/index.js';
import {
  FairQueue,
  type GossipVerdict,
  type Host,
  type PeerId,
  type Penalties,
} from '../../network/index.js';
import { type AnyMessage, isPrivate, MESSAGE_BOUNDS, messageId } from '../messages.js';
import type { JobPoolService } from '../pool/JobPoolService.js';
import type { PoolResult } from '../pool/results.js';
import { JobPoolSync } from './JobPoolSync.js';
import { decodeJobMessage, encodeJobMessage } from './wire.js';

/** Where job messages are gossiped. */
export const JOB_TOPIC = 'jobs/1';

/** What waits to be looked at: at most 64 MB of messages. */
const QUEUE = {
  tasks: 4096,
  tasksPerPeer: 1024,
  bytes: 64 << 20,
  perSecond: 50,
  burst: 2000,
  bytesPerSecond: 2 << 20,
  bytesBurst: 32 << 20,
};

/** Messages that are not asked for again before the next block. */
const MOST_REFUSED = 16_384;
/** Milliseconds after which a new block is a reason to look into a neighbour's pool again. */
const LOOK_INTERVAL = 5_000;

/** What the gossip of jobs stands on. */
export interface JobGossipOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly pool: JobPoolService;
  /** Told in one sentence what went wrong that the node can go on without. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds between two looks into a neighbour's pool; half a minute unless stated. */
  readonly period?: number | undefined;
}

/**
 * A job pool among those of other nodes. What a neighbour sends goes on to others once the pool has it in its state: what
 * waits for another message does not, what breaks a rule by itself is held against who sent it, and what is merely late,
 * early or too much is left without blame. Losses heal by {@link JobPoolSync}. Private messages never come near it.
 */
export class JobGossip {
  readonly #options: JobGossipOptions;
  readonly #queue = new FairQueue(QUEUE);
  readonly #sync: JobPoolSync;
  /** Ids of messages that gossip brought and its verdict passes on. */
  readonly #gossiped = new Set<string>();
  /** Ids of messages that were asked for. */
  readonly #fetched = new Set<string>();
  readonly #refused = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: JobGossipOptions) {
    this.#options = options;
    const { host, penalties, pool, period } = options;
    host.join({
      name: JOB_TOPIC,
      maxBytes: MESSAGE_BOUNDS.bytes,
      validate: (data, from) => this.#validate(data, from),
    });
    pool.pool.onAdmitted = (message, id) => this.#admitted(message, id);
    this.#sync = new JobPoolSync({
      host,
      penalties,
      pool: pool.pool,
      take: (encoded, from) => this.#takeAsked(encoded, from),
      isRefused: (id) => this.#refused.has(id),
      onWarning: options.onWarning,
      period,
    });
  }

  /** What was refused may be welcome on the new chain. Call it after every block. */
  advance(): void {
    const mayHaveChanged = this.#refused.size > 0;
    this.#refused.clear();
    // blocks may come by the hundred
    const now = performance.now();
    if (!mayHaveChanged || now < this.#lookedAt + LOOK_INTERVAL) return;
    this.#lookedAt = now;
    this.#sync.pullFromSomeone();
  }

  /** Messages that wait to be looked at, and their bytes. */
  get waiting(): { readonly count: number; readonly bytes: number } {
    return { count: this.#queue.size, bytes: this.#queue.bytes };
  }

  close(): void {
    this.#closed = true;
    this.#options.pool.pool.onAdmitted = undefined;
    this.#sync.close();
    this.#queue.close();
  }

  async #validate(data: Uint8Array, from: PeerId): Promise<GossipVerdict> {
    const verdict = this.#queue.run(from, data.length, () => this.#look(data, from));
    // it is undefined when the queue was closed meanwhile
    if (verdict) return (await verdict) ?? 'ignore';
    this.#options.penalties.penalise(from, 'flood', 'more job messages than can be looked at');
    return 'ignore';
  }

  async #look(data: Uint8Array, from: PeerId): Promise<GossipVerdict> {
    const value = this.#decoded(data, from);
    if (value === undefined) return 'blamed';
    const result = await this.#take(value, from, this.#gossiped);
    if (result.status === 'new') return 'accept';
    return result.status === 'refused' && result.fault ? 'blamed' : 'ignore';
  }

  /** Takes a message that was asked for; resolves to its id, undefined when it is none. */
  async #takeAsked(data: Uint8Array, from: PeerId): Promise<string | undefined> {
    const value = this.#decoded(data, from);
    if (value === undefined) return undefined;
    const work = () => this.#take(value, from, this.#fetched);
    const result = await this.#queue.run(from, data.length, work);
    const isNone = result?.status === 'refused' && result.fault;
    // what a full queue leaves out was not looked at: it may be anything
    return isNone ? undefined : idOf(value);
  }

  #decoded(data: Uint8Array, from: PeerId): ReturnType<typeof decodeJobMessage> | undefined {
    try {
      return decodeJobMessage(data);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      this.#options.penalties.penalise(from, 'invalid-job-message', thrown.message);
      return undefined;
    }
  }

  /** @param way where it is written down how the message came, while the pool looks at it */
  async #take(value: unknown, from: PeerId, way: Set<string>): Promise<PoolResult> {
    const id = idOf(value);
    if (id !== undefined) way.add(id);
    try {
      const result = await this.#options.pool.take(value);
      if (result.status === 'refused') this.#refuse(result, from, id);
      return result;
    } catch (thrown) {
      // the chain behind the pool failed; the message may be good
      this.#options.onWarning?.(`A job message could not be looked at. ${messageOf(thrown)}`);
      return { status: 'refused', reason: messageOf(thrown), fault: false };
    } finally {
      if (id !== undefined) way.delete(id);
    }
  }

  #refuse(
    { reason, fault }: { reason: string; fault: boolean },
    from: PeerId,
    id: string | undefined,
  ): void {
    if (fault) this.#options.penalties.penalise(from, 'invalid-job-message', reason);
    else if (id !== undefined && this.#refused.size < MOST_REFUSED) this.#refused.add(id);
  }

  #admitted(message: AnyMessage, id: string): void {
    if (isPrivate(message.type) || this.#gossiped.has(id)) return;
    // neighbours that could not place it before won't look at it again when it is gossiped, so they are told, too
    if (!this.#fetched.has(id)) this.#publish(message);
    this.#sync.tell(message.jobId, id);
  }

  #publish(message: AnyMessage): void {
    this.#options.host.publish(JOB_TOPIC, encodeJobMessage(message)).catch((thrown: unknown) => {
      if (!this.#closed) {
        this.#options.onWarning?.(`A job message was not passed on. ${messageOf(thrown)}`);
      }
    });
  }
}

/** The id that a value has if it is a message. */
function idOf(value: unknown): string | undefined {
  try {
    return messageId(value as AnyMessage);
  } catch {
    // no object at all; the pool says what is wrong with it
    return undefined;
  }
}
