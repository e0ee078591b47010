import { BitmodelError } from '../../base/index.js';
import {
  type Host,
  Pace,
  type PeerId,
  type Penalties,
  type Protocol,
  Reconciler,
} from '../../network/index.js';
import { type AnyMessage, NO_JOB_HEX } from '../messages.js';
import type { JobPool } from '../pool/JobPool.js';
import {
  ANSWER_BYTES,
  type DigestPage,
  decodeDigests,
  decodeJobIds,
  decodeMessages,
  decodePoolQuestion,
  encodeDigests,
  encodeJobIds,
  encodeMessages,
  encodePoolQuestion,
  type JobIds,
  MOST_DIGESTS,
  MOST_IDS,
  MOST_JOBS,
  MOST_WANTED,
  type PoolQuestion,
} from './frames.js';
import { encodeJobMessage } from './wire.js';

/** Brings two job pools together: what differs is asked for by job, then by message. */
export const JOB_POOL: Protocol = {
  name: 'job-pool/1',
  // a page of ids; or messages, the last of which may go beyond what an answer aims at
  maxFrame: ANSWER_BYTES + (1 << 20) + 16 * MOST_WANTED,
  idleTimeout: 20_000,
  streamsPerPeer: 4,
  overRelay: true,
};

const TIMEOUT = { timeout: 30_000 };
/** Milliseconds between two looks into a neighbour's pool, so that what was lost comes after all. */
const PERIOD = 30_000;
/** Most pages of digests that are read of one pool: more jobs than a pool holds. */
const MOST_PAGES = 4;
/** A peer may forget so many messages at once between naming them and being asked for them: those of a job or two. */
const MOST_GONE = 16;

/** What the comparison of job pools stands on. */
export interface JobPoolSyncOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly pool: JobPool;
  /** Takes what was asked for; resolves to the id of the message, undefined when it is none. */
  readonly take: (encoded: Uint8Array, from: PeerId) => Promise<string | undefined>;
  /** Told in one sentence what went wrong that the node can go on without. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Whether a message was refused since the last block. */
  readonly isRefused: (id: string) => boolean;
  /** Milliseconds between two looks into a neighbour's pool; half a minute unless stated. */
  readonly period?: number | undefined;
}

/**
 * Heals what gossip lost, reordered or could not place yet: a new neighbour is asked what its pool holds, every half
 * minute one neighbour is asked again, and what came in any other way than by gossip is told to all. Only what is in the
 * state of a pool is named, so nobody passes on what waits, and nobody what is private.
 */
export class JobPoolSync {
  readonly #options: JobPoolSyncOptions;
  readonly #reconciler: Reconciler<{ readonly jobId: string; readonly id: string }>;
  readonly #asked: Pace;
  readonly #given: Pace;

  constructor(options: JobPoolSyncOptions) {
    this.#options = options;
    const { host, penalties, period = PERIOD } = options;
    this.#asked = new Pace({ perSecond: 20, burst: 1000 }, penalties, 'jobs');
    this.#given = new Pace({ perSecond: 4 << 20, burst: 64 << 20 }, penalties, 'jobs');
    host.answer(JOB_POOL, (frame, peer) => this.#answer(frame, peer));
    this.#reconciler = new Reconciler({
      host,
      penalties,
      protocol: JOB_POOL,
      period,
      mostTold: MOST_JOBS,
      tell: (peer, told) => this.#ask(peer, { kind: 'have', jobs: byJob(told) }),
      pull: (peer) => this.#readPool(peer),
      onFault: (peer, message) =>
        options.onWarning?.(`The job pool of ${peer} could not be compared. ${message}`),
    });
  }

  /** Tells all neighbours of messages that this pool has admitted; who lacks them asks. */
  tell(jobId: string, id: string): void {
    this.#reconciler.tell([{ jobId, id }]);
  }

  /** Takes from any neighbour's pool what this one lacks. */
  pullFromSomeone(): void {
    this.#reconciler.pullFromSomeone();
  }

  /** Takes from a peer's pool what this one lacks. */
  pull(peer: PeerId): Promise<void> {
    return this.#reconciler.pull(peer);
  }

  close(): void {
    this.#reconciler.close();
  }

  async #readPool(peer: PeerId): Promise<void> {
    let after: string | undefined;
    for (let page = 0; page < MOST_PAGES && !this.#reconciler.isClosed; page++) {
      const { lines, isMore } = decodeDigests(await this.#ask(peer, { kind: 'digests', after }));
      if (after !== undefined && lines[0] && lines[0][0] <= after) throw this.#unasked(peer);
      const { pool } = this.#options;
      const differing = lines.filter(([jobId, digest]) => pool.digest(jobId) !== digest);
      for (let at = 0; at < differing.length && !this.#reconciler.isClosed; at += MOST_JOBS) {
        const jobIds = differing.slice(at, at + MOST_JOBS).map(([jobId]) => jobId);
        const jobs = decodeJobIds(await this.#ask(peer, { kind: 'ids', jobIds }));
        await this.#fetch(
          peer,
          jobs.filter(({ jobId }) => jobIds.includes(jobId)),
        );
      }
      if (!isMore) return;
      after = lines.at(-1)![0];
    }
  }

  /** Fetches what is lacking: the announcements of unknown jobs first, the rest only of those that are known then. */
  async #fetch(peer: PeerId, jobs: readonly JobIds[]): Promise<void> {
    const { pool } = this.#options;
    const isKnown = ({ jobId }: JobIds): boolean =>
      jobId === NO_JOB_HEX || pool.digest(jobId) !== undefined;
    const firsts = jobs.filter((job) => !isKnown(job));
    await this.#fetchIds(
      peer,
      this.#lacking(firsts.map(({ jobId, ids }) => ({ jobId, ids: ids.slice(0, 1) }))),
    );
    await this.#fetchIds(peer, this.#lacking(jobs.filter(isKnown)));
  }

  #lacking(jobs: readonly JobIds[]): string[] {
    const { pool, isRefused } = this.#options;
    return jobs.flatMap(({ jobId, ids }) =>
      ids.filter((id) => !pool.has(jobId, id) && !isRefused(id)),
    );
  }

  #fetchIds(peer: PeerId, ids: readonly string[]): Promise<void> {
    return this.#reconciler.fetch(ids, MOST_WANTED, async (asked) => {
      const given = await this.#take(peer, asked);
      if (given.size === 0 && asked.length > MOST_GONE) throw this.#stalled(peer);
      return asked.filter((id) => !given.has(id));
    });
  }

  async #take(peer: PeerId, ids: readonly string[]): Promise<Set<string>> {
    const given = new Set<string>();
    for (const encoded of decodeMessages(await this.#ask(peer, { kind: 'want', ids }))) {
      const id = await this.#options.take(encoded, peer);
      // what is no message was held against the peer already
      if (id === undefined) throw unasked();
      if (!ids.includes(id) || given.has(id)) throw this.#unasked(peer);
      given.add(id);
    }
    return given;
  }

  #unasked(peer: PeerId): BitmodelError {
    this.#options.penalties.penalise(peer, 'unasked', 'jobs not asked for');
    return unasked();
  }

  #stalled(peer: PeerId): BitmodelError {
    this.#options.penalties.penalise(peer, 'stall', 'none of the job messages that it named');
    return new BitmodelError('STALLED', 'A peer has none of what it said it has.');
  }

  #ask(peer: PeerId, question: PoolQuestion): Promise<Uint8Array> {
    return this.#options.host.request(peer, JOB_POOL, encodePoolQuestion(question), TIMEOUT);
  }

  async #answer(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const question = this.#reconciler.decoded(peer, () => decodePoolQuestion(frame));
    await this.#asked.hold(peer);
    switch (question.kind) {
      case 'digests':
        return encodeDigests(this.#page(question.after));
      case 'ids':
        return this.#paid(peer, encodeJobIds(question.jobIds.map((jobId) => this.#idsOf(jobId))));
      case 'want':
        return this.#paid(peer, encodeMessages(this.#messages(question.ids)));
      case 'have':
        this.#reconciler.follow(peer, () => this.#fetch(peer, question.jobs));
        return new Uint8Array(0);
    }
  }

  async #paid(peer: PeerId, answer: Uint8Array): Promise<Uint8Array> {
    await this.#given.hold(peer, answer.length);
    return answer;
  }

  #page(after: string | undefined): DigestPage {
    const all = this.#options.pool.digests();
    const behind = after === undefined ? all : all.filter(([jobId]) => jobId > after);
    return { lines: behind.slice(0, MOST_DIGESTS), isMore: behind.length > MOST_DIGESTS };
  }

  #idsOf(jobId: string): JobIds {
    const { pool } = this.#options;
    const begins: readonly (string | undefined)[] = ['announce', 'appeal'];
    const isFirst = (id: string): number => (begins.includes(pool.shared(id)?.type) ? 0 : 1);
    const ids = pool.sharedIds(jobId).sort((a, b) => isFirst(a) - isFirst(b));
    return { jobId, ids: ids.slice(0, MOST_IDS) };
  }

  #messages(ids: readonly string[]): Uint8Array[] {
    const given: Uint8Array[] = [];
    let bytes = 0;
    for (const id of new Set(ids)) {
      const message: AnyMessage | undefined = this.#options.pool.shared(id);
      if (!message || bytes >= ANSWER_BYTES) continue;
      const encoded = encodeJobMessage(message);
      bytes += encoded.length;
      given.push(encoded);
    }
    return given;
  }
}

function unasked(): BitmodelError {
  return new BitmodelError('UNASKED', 'A peer answers what was not asked.');
}

function byJob(told: readonly { readonly jobId: string; readonly id: string }[]): JobIds[] {
  const jobs = new Map<string, string[]>();
  for (const { jobId, id } of told) jobs.set(jobId, [...(jobs.get(jobId) ?? []), id]);
  return [...jobs].map(([jobId, ids]) => ({ jobId, ids }));
}
