import { fromHex } from '../base/index.js';
import { verifyData } from '../chain/index.js';
import {
  type AnyMessage,
  acceptedOffer,
  isSigned,
  MESSAGE_BOUNDS,
  type Message,
  messageId,
  NO_JOB_HEX,
} from './messages.js';
import { authorLimit, sizeLimit, tooMuch } from './pool-quota.js';
import { type AuthorStanding, replaces, whyNot } from './pool-rules.js';
import { byId, byPrice, type Entry, type PooledJob, viewOf } from './pool-view.js';
import { jobIdHex } from './spec.js';

/** Bounds of a pool, so that strangers can't fill its memory. */
export interface PoolBounds {
  /** Jobs kept at once. */
  readonly jobs: number;
  /** Offers kept per job: the cheapest, one of each seller. */
  readonly offers: number;
  /** Announcements of verifiers kept: the latest of each key, for so many keys. */
  readonly verifiers: number;
  /** Messages kept, and their bytes, that wait for the one they refer to. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Bytes of all messages. */
  readonly bytes: number;
}

export const POOL_BOUNDS: PoolBounds = {
  jobs: 4096,
  offers: 256,
  verifiers: 1024,
  waiting: 4096,
  waitingBytes: 16 << 20,
  bytes: 256 << 20,
};

/** Contradicting messages with one number that are kept as evidence. */
const KEPT_CONTRADICTIONS = 2;

/** What became of a message. */
export type PoolResult =
  | { readonly status: 'new' | 'known' | 'waiting' }
  | { readonly status: 'refused'; readonly reason: string };

/** Why a commitment is none: receipts carry the seller's signature of it, so it has to be good. */
function badCommitment({ type, body, author }: AnyMessage): string | undefined {
  if (type !== 'commitment') return undefined;
  const isGood = verifyData(fromHex(body.signature), fromHex(body.commitment), fromHex(author));
  return isGood ? undefined : "the seller's signature of the commitment is wrong";
}

type Slots = Map<string, Entry[]>;

const slotOf = (message: AnyMessage): string =>
  `${message.type}:${message.author}:${message.sequence}`;

const refused = (reason: string): PoolResult => ({ status: 'refused', reason });

/**
 * The job pool: every signed message about live jobs, once. What it holds depends only on the set of messages
 * it was given, not on their order or repetition, as long as its bounds on jobs and bytes aren't reached
 * (DESIGN 5.2); where they are, live jobs displace others. It looks at no chain; {@link JobPoolService} does, before it adds anything.
 */
export class JobPool {
  readonly #bounds: PoolBounds;
  readonly #jobs = new Map<string, Slots>();
  readonly #coins = new Map<string, string>();
  readonly #waiting = new Map<string, Map<string, Entry>>();
  readonly #verifiers = new Map<string, Entry>();
  readonly #live = new Set<string>();
  readonly #pinned = new Map<string, string>();
  readonly #jobBytes = new Map<string, number>();
  #waitingCount = 0;
  #waitingBytes = 0;
  #bytes = 0;
  // a cursor from before a restart is smaller than any arrival after it, so it lists everything again
  #arrival = Date.now() * 1000;

  constructor(bounds: Partial<PoolBounds> = {}) {
    this.#bounds = { ...POOL_BOUNDS, ...bounds };
  }

  /** Adds one message. Its form must have been checked by `parseMessage`; its signature is checked here. */
  add(message: AnyMessage): PoolResult {
    const bytes = Buffer.byteLength(JSON.stringify(message));
    if (bytes > MESSAGE_BOUNDS.bytes) return refused('the message is larger than 1 MiB');
    const entry = { id: messageId(message), message, bytes, arrival: ++this.#arrival };
    if (this.#has(entry)) return { status: 'known' };
    const excess = tooMuch(message, bytes);
    if (excess !== undefined) return refused(excess);
    if (!isSigned(message)) return refused("the author's signature is wrong");
    if (message.type === 'accept' && !isSigned(acceptedOffer(message))) {
      return refused('the accepted offer is not signed by its seller');
    }
    const falsehood = badCommitment(message);
    if (falsehood !== undefined) return refused(falsehood);
    if (!this.#makeRoom(entry)) return refused('the pool is full');
    if (message.type === 'verifier') return this.#addVerifier(entry, message);
    if (message.type === 'announce') return this.#addJob(entry, message);
    return this.#addToJob(entry);
  }

  /**
   * Says whether a job's escrow is on the chain, or its messages are wanted for another reason. The room of jobs that
   * are not live is given to those that are.
   */
  setLive(jobId: string, isLive: boolean): void {
    if (isLive) this.#live.add(jobId);
    else this.#live.delete(jobId);
  }

  /** Says which acceptance of a job was paid into escrow: contradicting ones never displace it. */
  pin(jobId: string, acceptId: string): void {
    this.#pinned.set(jobId, acceptId);
  }

  isLive(jobId: string): boolean {
    return this.#live.has(jobId);
  }

  /** The job and what was said about it; undefined when it was not announced here. */
  job(jobId: string): PooledJob | undefined {
    const slots = this.#jobs.get(jobId);
    return slots && viewOf(jobId, slots);
  }

  /** Ids of all jobs, sorted. */
  jobIds(): string[] {
    return [...this.#jobs.keys()].sort();
  }

  /** Verifiers that said they are there, sorted by key. */
  verifiers(): Message<'verifier'>[] {
    return [...this.#verifiers.values()]
      .map((entry) => entry.message as Message<'verifier'>)
      .sort((a, b) => (a.author < b.author ? -1 : 1));
  }

  /** Whether it comes near one of its bounds. */
  get isCrowded(): boolean {
    const { jobs, verifiers, waiting, waitingBytes, bytes } = this.#bounds;
    const nears = (amount: number, bound: number): boolean => amount >= (bound * 7) / 8;
    return (
      nears(this.#jobs.size, jobs) ||
      nears(this.#verifiers.size, verifiers) ||
      nears(this.#waitingCount, waiting) ||
      nears(this.#waitingBytes, waitingBytes) ||
      nears(this.#bytes, bytes)
    );
  }

  /** The number of the latest message. */
  get cursor(): number {
    return this.#arrival;
  }

  /** Messages in the order in which they came, of one job or of all, from a cursor on. */
  list(options: {
    jobId?: string | undefined;
    after?: number | undefined;
    /** Stop after the message that goes beyond so many bytes; `next` then points to the rest. */
    maxBytes?: number;
  }): { messages: AnyMessage[]; next: number } {
    const after = options.after ?? 0;
    const entries = [...this.#entries(options.jobId)].filter((entry) => entry.arrival > after);
    entries.sort((a, b) => a.arrival - b.arrival);
    let left = options.maxBytes ?? Number.POSITIVE_INFINITY;
    const page = entries.filter((entry) => {
      const fits = left > 0;
      left -= entry.bytes;
      return fits;
    });
    const isWhole = page.length === entries.length;
    const next = isWhole ? this.#arrival : page.at(-1)!.arrival;
    return { messages: page.map((entry) => entry.message), next };
  }

  /** Forgets a job and everything said about it. */
  remove(jobId: string): void {
    for (const entries of this.#jobs.get(jobId)?.values() ?? []) {
      for (const { bytes } of entries) this.#bytes -= bytes;
    }
    this.#jobBytes.delete(jobId);
    this.#live.delete(jobId);
    this.#pinned.delete(jobId);
    const coin = this.#announced(jobId)?.body.job.coin;
    if (coin !== undefined) this.#coins.delete(coin);
    this.#jobs.delete(jobId);
    for (const entry of this.#waiting.get(jobId)?.values() ?? []) {
      this.#bytes -= entry.bytes;
      this.#waitingBytes -= entry.bytes;
      this.#waitingCount--;
    }
    this.#waiting.delete(jobId);
  }

  /** Forgets messages that came up to this cursor and still wait for the one they refer to. */
  forgetWaiting(upTo: number): void {
    for (const [jobId, waiting] of this.#waiting) {
      for (const entry of [...waiting.values()].filter(({ arrival }) => arrival <= upTo)) {
        waiting.delete(entry.id);
        this.#waitingCount--;
        this.#waitingBytes -= entry.bytes;
        this.#bytes -= entry.bytes;
      }
      if (waiting.size === 0) this.#waiting.delete(jobId);
    }
  }

  /** Everything that makes up the state, as one comparable text: equal sets of messages give equal text. */
  fingerprint(): string {
    const ids = [...this.#entries()].map((entry) => entry.id);
    return ids.sort().join('\n');
  }

  *#entries(jobId?: string): Generator<Entry> {
    for (const [id, slots] of this.#jobs) {
      if (jobId === undefined || id === jobId) for (const entries of slots.values()) yield* entries;
    }
    if (jobId === undefined || jobId === NO_JOB_HEX) yield* this.#verifiers.values();
  }

  #has({ id, message }: Entry): boolean {
    if (message.type === 'verifier') return this.#verifiers.get(message.author)?.id === id;
    const kept = this.#jobs.get(message.jobId)?.get(slotOf(message));
    if (kept?.some((entry) => entry.id === id)) return true;
    return this.#waiting.get(message.jobId)?.has(id) ?? false;
  }

  #announced(jobId: string): Message<'announce'> | undefined {
    for (const [slot, entries] of this.#jobs.get(jobId) ?? []) {
      if (slot.startsWith('announce:')) return entries[0]?.message as Message<'announce'>;
    }
    return undefined;
  }

  #addVerifier(entry: Entry, message: Message<'verifier'>): PoolResult {
    if (message.jobId !== NO_JOB_HEX) return refused('a verifier announces itself for no job');
    const known = this.#verifiers.get(message.author);
    if (known) {
      const height = (known.message as Message<'verifier'>).body.height;
      const newer = message.body.height - height || (entry.id > known.id ? 1 : -1);
      if (newer <= 0) return refused('a later announcement of this verifier is known');
      this.#bytes -= known.bytes;
    } else if (this.#verifiers.size >= this.#bounds.verifiers) {
      return refused('too many verifiers are known');
    }
    this.#verifiers.set(message.author, entry);
    this.#bytes += entry.bytes;
    return { status: 'new' };
  }

  #addJob(entry: Entry, message: Message<'announce'>): PoolResult {
    const { job } = message.body;
    if (jobIdHex(job) !== message.jobId) return refused('the job id is not that of the job');
    if (job.client !== message.author) return refused('only its client announces a job');
    if (message.sequence !== 0) return refused('a job is announced once');
    // one live job per coin; which of two stays must not depend on which came first
    const rival = this.#coins.get(job.coin);
    if (rival !== undefined && rival !== message.jobId) {
      const { created } = this.#announced(rival)!.body.job;
      if (!replaces(job.created, message.jobId, created, rival)) {
        return refused('its coin is promised to another job');
      }
      this.remove(rival);
    }
    if (!this.#jobs.has(message.jobId) && this.#jobs.size >= this.#bounds.jobs) {
      if (!this.#live.has(message.jobId) || !this.#evict(message.jobId)) {
        return refused('the pool holds too many jobs');
      }
    }
    this.#coins.set(job.coin, message.jobId);
    if (!this.#jobs.has(message.jobId)) this.#jobs.set(message.jobId, new Map());
    const result = this.#store(entry);
    this.#admitWaiting(message.jobId);
    return result;
  }

  #addToJob(entry: Entry): PoolResult {
    const { message } = entry;
    const announce = this.#announced(message.jobId);
    if (!announce) return this.#wait(entry);
    if (entry.bytes > sizeLimit(message.type, announce.body.job)) {
      return refused('it is longer than the tokens of its job can make it');
    }
    const why = whyNot(message, announce.body.job, this.#standing(message));
    if (why === 'wait') return this.#wait(entry);
    if (why !== undefined) return refused(why);
    if (entry.bytes + this.#saidBy(message) > authorLimit(announce.body.job)) {
      return refused('its author has said too much about this job');
    }
    const result = this.#store(entry);
    if (message.type === 'accept' || message.type === 'contest') this.#admitWaiting(message.jobId);
    return result;
  }

  #standing(message: AnyMessage): AuthorStanding {
    return {
      isAccepted: () => this.#isAccepted(message),
      isCalled: () => this.#isCalled(message),
    };
  }

  #isCalled({ jobId, author }: AnyMessage): boolean {
    for (const entries of this.#jobs.get(jobId)?.values() ?? []) {
      const called = entries.some(
        ({ message }) =>
          message.type === 'contest' && message.body.keys.some((key) => key.verifier === author),
      );
      if (called) return true;
    }
    return false;
  }

  #isAccepted({ jobId, author }: AnyMessage): boolean {
    for (const entries of this.#jobs.get(jobId)?.values() ?? []) {
      const accepted = entries.some(
        ({ message }) => message.type === 'accept' && message.body.offer.author === author,
      );
      if (accepted) return true;
    }
    return false;
  }

  #store(entry: Entry): PoolResult {
    const slots = this.#jobs.get(entry.message.jobId)!;
    const slot = slotOf(entry.message);
    const pinned = this.#pinned.get(entry.message.jobId);
    const rank = ({ id }: Entry): number => (id === pinned ? 0 : 1);
    const kept = [...(slots.get(slot) ?? []), entry];
    kept.sort((a, b) => rank(a) - rank(b) || byId(a, b));
    slots.set(slot, kept);
    this.#count(entry.message.jobId, entry.bytes);
    const isOffer = entry.message.type === 'offer';
    const dropped = isOffer ? this.#dearestOffers(slots) : kept.slice(KEPT_CONTRADICTIONS);
    for (const gone of dropped) this.#drop(slots, gone);
    // a displaced acceptance takes what its seller said with it, whichever came first
    if (entry.message.type === 'accept' && dropped.length > 0) this.#dropUnaccepted(slots);
    if (entry.message.type === 'contest' && dropped.length > 0) this.#dropUncalled(slots);
    return dropped.includes(entry) ? refused('other messages fill its place') : { status: 'new' };
  }

  #drop(slots: Slots, gone: Entry): void {
    const slot = slotOf(gone.message);
    const left = slots.get(slot)!.filter((entry) => entry !== gone);
    if (left.length === 0) slots.delete(slot);
    else slots.set(slot, left);
    this.#count(gone.message.jobId, -gone.bytes);
  }

  #count(jobId: string, bytes: number): void {
    this.#bytes += bytes;
    this.#jobBytes.set(jobId, (this.#jobBytes.get(jobId) ?? 0) + bytes);
  }

  #saidBy({ jobId, author }: AnyMessage): number {
    let bytes = 0;
    for (const entries of this.#jobs.get(jobId)?.values() ?? []) {
      for (const entry of entries) if (entry.message.author === author) bytes += entry.bytes;
    }
    return bytes;
  }

  /** Makes room for a message of a live job at the cost of jobs that aren't. */
  #makeRoom({ bytes, message: { jobId } }: Entry): boolean {
    while (this.#bytes + bytes > this.#bounds.bytes) {
      if (!this.#live.has(jobId) || !this.#evict(jobId)) return false;
    }
    return true;
  }

  /** Forgets the job that takes most room of those that are not live; false when there is none. */
  #evict(except: string): boolean {
    const others = new Set([...this.#jobs.keys(), ...this.#waiting.keys()]);
    let worst: { id: string; room: number } | undefined;
    for (const id of others) {
      if (id === except || this.#live.has(id)) continue;
      const room = this.#room(id);
      const isWorse = !worst || room > worst.room || (room === worst.room && id < worst.id);
      if (isWorse) worst = { id, room };
    }
    if (worst) this.remove(worst.id);
    return worst !== undefined;
  }

  #room(jobId: string): number {
    let bytes = this.#jobBytes.get(jobId) ?? 0;
    for (const entry of this.#waiting.get(jobId)?.values() ?? []) bytes += entry.bytes;
    return bytes;
  }

  #dearestOffers(slots: Slots): Entry[] {
    const offers = [...slots.values()].flat().filter(({ message }) => message.type === 'offer');
    const sellers = new Set<string>();
    return offers.sort(byPrice).filter(({ message: { author } }) => {
      const isKept = !sellers.has(author) && sellers.size < this.#bounds.offers;
      sellers.add(author);
      return !isKept;
    });
  }

  #dropUnaccepted(slots: Slots): void {
    for (const entry of [...slots.values()].flat()) {
      const { message } = entry;
      const fromSeller = ['commitment', 'withdraw', 'counterproof'].includes(message.type);
      const client = this.#announced(message.jobId)?.author;
      if (fromSeller && message.author !== client && !this.#isAccepted(message)) {
        this.#drop(slots, entry);
      }
    }
  }

  /** The verdicts of those whom only a displaced contest called wait for another one that does. */
  #dropUncalled(slots: Slots): void {
    for (const entry of [...slots.values()].flat()) {
      const { message } = entry;
      const job = this.#announced(message.jobId)?.body.job;
      if (message.type !== 'verdict' || !job || Array.isArray(job.verifiers)) continue;
      if (this.#isCalled(message)) continue;
      this.#drop(slots, entry);
      this.#wait(entry);
    }
  }

  #wait(entry: Entry): PoolResult {
    const { jobId } = entry.message;
    if (
      this.#waitingCount >= this.#bounds.waiting ||
      this.#waitingBytes + entry.bytes > this.#bounds.waitingBytes
    ) {
      return refused('what it refers to is not known here');
    }
    const waiting = this.#waiting.get(jobId) ?? new Map<string, Entry>();
    this.#waiting.set(jobId, waiting.set(entry.id, entry));
    this.#waitingCount++;
    this.#waitingBytes += entry.bytes;
    this.#bytes += entry.bytes;
    return { status: 'waiting' };
  }

  #admitWaiting(jobId: string): void {
    const waiting = [...(this.#waiting.get(jobId)?.values() ?? [])];
    this.#waiting.delete(jobId);
    for (const entry of waiting) {
      this.#waitingCount--;
      this.#waitingBytes -= entry.bytes;
      this.#bytes -= entry.bytes;
    }
    // a new arrival number, so that a listing from a later cursor holds them
    for (const entry of waiting) this.#addToJob({ ...entry, arrival: ++this.#arrival });
  }
}
