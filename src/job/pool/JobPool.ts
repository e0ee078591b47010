import { sha256, toHex, utf8 } from '../../base/index.js';
import { type AnyMessage, isPrivate, type Message, messageId, NO_JOB_HEX } from '../messages.js';
import { POOL_BOUNDS, type PoolBounds } from './bounds.js';
import { isOfCase, type PooledCase } from './CaseEntries.js';
import { faultOf } from './faults.js';
import { HeldCases } from './HeldCases.js';
import { HeldJobs } from './HeldJobs.js';
import { JobEntries } from './JobEntries.js';
import { type PoolResult, refused } from './results.js';
import { replaces } from './rules.js';
import { VerifierEntries } from './VerifierEntries.js';
import { type Entry, type PooledJob, pageOf } from './view.js';
import { WaitingMessages } from './WaitingMessages.js';

/**
 * The job pool: every signed message about live jobs, once. What it holds depends only on the set of messages
 * it was given, not on their order or repetition (DESIGN 5.2), and so do its bounds on jobs, offers, verifiers and what
 * one author says. Only where all messages together reach the bound on bytes, or too many wait, does order matter;
 * asking others for what they hold then brings pools together once there is room. It looks at no chain;
 * {@link JobPoolService} does, before it adds anything.
 */
export class JobPool {
  /** Told of each message that became part of the state, also of one that had to wait for another. */
  onAdmitted: ((message: AnyMessage, id: string) => void) | undefined;
  readonly #bounds: PoolBounds;
  readonly #jobs = new HeldJobs();
  readonly #waiting: WaitingMessages;
  readonly #verifiers: VerifierEntries;
  readonly #cases: HeldCases;
  readonly #index = new Map<string, Entry>();
  #bytes = 0;
  // a cursor from before a restart is smaller than any arrival after it, so it lists everything again
  #arrival = Date.now() * 1000;

  constructor(bounds: Partial<PoolBounds> = {}) {
    this.#bounds = { ...POOL_BOUNDS, ...bounds };
    this.#waiting = new WaitingMessages(this.#bounds);
    this.#verifiers = new VerifierEntries(this.#bounds.verifiers);
    this.#cases = new HeldCases(this.#bounds);
  }

  /**
   * Adds one message. Its form must have been checked by `parseMessage`; its signature is checked here.
   * @param worth of an announcement or an appeal: what its coin is worth, base units
   */
  add(message: AnyMessage, worth = 0n): PoolResult {
    const id = messageId(message);
    if (this.has(message.jobId, id)) return { status: 'known' };
    const bytes = Buffer.byteLength(JSON.stringify(message));
    const fault = faultOf(message, bytes);
    if (fault !== undefined) return refused(fault, true);
    const entry = { id, message, bytes, arrival: ++this.#arrival };
    if (message.type === 'verifier') return this.#addVerifier(entry);
    if (message.type === 'announce') return this.#addJob(entry, message, worth);
    if (isOfCase(message)) return this.#addToCase(entry, worth);
    return this.#addToJob(entry);
  }

  /** Whether it holds a message, or keeps it waiting. */
  has(jobId: string, id: string): boolean {
    return this.#index.has(id) || this.#waiting.has(jobId, id);
  }

  /** A message of the state that nodes share. */
  shared(id: string): AnyMessage | undefined {
    const message = this.#index.get(id)?.message;
    return message && !isPrivate(message.type) ? message : undefined;
  }

  /**
   * Says whether a job's escrow is on the chain, or its messages are wanted for another reason. The room of jobs that
   * are not live is given to those that are.
   */
  setLive(jobId: string, isLive: boolean): void {
    this.#jobs.setLive(jobId, isLive);
  }

  /** Says which acceptance of a job was paid into escrow: contradicting ones never displace it. */
  pin(jobId: string, acceptId: string): void {
    this.#jobs.pin(jobId, acceptId);
  }

  isLive(jobId: string): boolean {
    return this.#jobs.isLive(jobId);
  }

  /** The job and what was said about it; undefined when it was not announced here. */
  job(jobId: string): PooledJob | undefined {
    return this.#jobs.get(jobId)?.view();
  }

  /** Ids of all jobs, sorted. */
  jobIds(): string[] {
    return this.#jobs.ids();
  }

  /** The case and what was said about it; undefined where nobody appeals. */
  case(id: string): PooledCase | undefined {
    return this.#cases.get(id)?.view();
  }

  /** Ids of all cases, sorted. */
  caseIds(): string[] {
    return this.#cases.ids();
  }

  /** Drops the appeals of a case that no longer stand, and the case with the last of them. */
  retainAppeals(id: string, stands: (appeal: Message<'appeal'>) => boolean): void {
    for (const gone of this.#cases.retain(id, (held) => held.retain(stands))) this.#forgot(gone);
  }

  /** Whether another verifier finds room only in place of one that is here. */
  get isFullOfVerifiers(): boolean {
    return this.#verifiers.isFull;
  }

  /** Says which verifiers' keys, hex, have a bond on the chain: they stay before all others. */
  setBonded(keys: ReadonlySet<string>): void {
    this.#verifiers.setBonded(keys);
  }

  /** Verifiers that said they are there, sorted by key. */
  verifiers(): Message<'verifier'>[] {
    return this.#verifiers.messages();
  }

  /**
   * One line for each job and each case, sorted by id: SHA-256 of the sorted ids of what nodes share of it, in hex. The verifiers'
   * announcements of themselves stand under {@link NO_JOB_HEX}.
   */
  digests(): [jobId: string, digest: string][] {
    const held = [...this.#jobs.values(), ...this.#cases.values()];
    const lines = held.map((each): [string, string] => [each.id, each.digest()]);
    const verifiers = this.sharedIds(NO_JOB_HEX);
    if (verifiers.length > 0) lines.push([NO_JOB_HEX, toHex(sha256(utf8(verifiers.join(''))))]);
    return lines.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** The digest of one job, as in {@link digests}; undefined when nothing is known of it. */
  digest(jobId: string): string | undefined {
    if (jobId !== NO_JOB_HEX) {
      return this.#jobs.get(jobId)?.digest() ?? this.#cases.get(jobId)?.digest();
    }
    const ids = this.sharedIds(jobId);
    return ids.length > 0 ? toHex(sha256(utf8(ids.join('')))) : undefined;
  }

  /** Ids of what nodes share of a job, sorted; of the verifiers under {@link NO_JOB_HEX}. */
  sharedIds(jobId: string): string[] {
    if (jobId !== NO_JOB_HEX) {
      return this.#jobs.get(jobId)?.sharedIds() ?? this.#cases.get(jobId)?.ids() ?? [];
    }
    return [...this.#verifiers.entries()].map(({ id }) => id).sort();
  }

  /** Whether it comes near one of its bounds. */
  get isCrowded(): boolean {
    const { jobs, verifiers, bytes } = this.#bounds;
    const nears = (amount: number, bound: number): boolean => amount >= (bound * 7) / 8;
    return (
      nears(this.#jobs.size, jobs) ||
      nears(this.#verifiers.size, verifiers) ||
      this.#waiting.isCrowded ||
      nears(this.#bytes, bytes)
    );
  }

  /** Bytes of all messages, those that wait included. */
  get bytes(): number {
    return this.#bytes + this.#waiting.bytes;
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
    const page = pageOf(entries, options.maxBytes);
    const isWhole = page.length === entries.length;
    const next = isWhole ? this.#arrival : page.at(-1)!.arrival;
    return { messages: page.map((entry) => entry.message), next };
  }

  /** Forgets a job or a case and everything said about it. */
  remove(jobId: string): void {
    for (const held of [this.#jobs.remove(jobId), this.#cases.remove(jobId)]) {
      for (const entry of held?.entries() ?? []) this.#index.delete(entry.id);
      this.#bytes -= held?.bytes ?? 0;
    }
    this.#waiting.take(jobId);
  }

  /** Forgets messages that came up to this cursor and still wait for the one they refer to. */
  forgetWaiting(upTo: number): void {
    this.#waiting.forget(upTo);
  }

  /**
   * Everything that makes up the state that nodes share, as one comparable text: equal sets of messages give equal
   * text. Private messages are no part of it.
   */
  fingerprint(): string {
    const shared = [...this.#entries()].filter(({ message }) => !isPrivate(message.type));
    return shared
      .map((entry) => entry.id)
      .sort()
      .join('\n');
  }

  *#entries(jobId?: string): Generator<Entry> {
    if (jobId === undefined || jobId === NO_JOB_HEX) yield* this.#verifiers.entries();
    if (jobId === undefined) {
      for (const job of this.#jobs.values()) yield* job.entries();
      for (const each of this.#cases.values()) yield* each.entries();
      return;
    }
    yield* this.#jobs.get(jobId)?.entries() ?? [];
    yield* this.#cases.get(jobId)?.entries() ?? [];
  }

  #addVerifier(entry: Entry): PoolResult {
    if (!this.#fits(entry.bytes)) return refused('the pool is full');
    const placed = this.#verifiers.place(entry);
    if (typeof placed === 'string') return refused(placed);
    for (const gone of placed) this.#forgot(gone);
    return this.#admitted(entry);
  }

  #addJob(entry: Entry, message: Message<'announce'>, worth: bigint): PoolResult {
    const { jobId } = message;
    if (this.#jobs.get(jobId)) return this.#addToJob(entry);
    const job = new JobEntries(message, worth, this.#bounds.offers);
    this.#jobs.prepare(job);
    // one live job per coin; which of two stays must not depend on which came first
    const rival = this.#jobs.rivalOf(job);
    if (rival && !replaces(job.spec.created, jobId, rival.spec.created, rival.id)) {
      return refused('its coin is promised to another job');
    }
    if (rival) this.remove(rival.id);
    if (this.#jobs.size >= this.#bounds.jobs && !this.#evict(job)) {
      return refused('the pool holds too many jobs');
    }
    if (!this.#makeRoom(entry.bytes, job)) return refused('the pool is full');
    this.#jobs.add(job);
    const result = this.#addToJob(entry);
    if (result.status === 'refused') this.remove(jobId);
    else this.#settle(jobId);
    return result;
  }

  #addToCase(entry: Entry, worth: bigint): PoolResult {
    if (!this.#fits(entry.bytes)) return refused('the pool is full');
    const placed = this.#cases.place(entry, worth);
    if (placed.status === 'wait') return this.#wait(entry);
    if (placed.status === 'refused') return placed;
    const isGone = placed.gone.includes(entry);
    for (const gone of placed.gone) if (gone !== entry) this.#forgot(gone);
    for (const displaced of placed.displaced) {
      if (this.#index.has(displaced.id)) this.#forgot(displaced);
      this.#wait({ ...displaced, arrival: ++this.#arrival });
    }
    if (isGone) return refused('the pool holds too many cases');
    const result = this.#admitted(entry);
    if (entry.message.type === 'appeal') {
      for (const waiting of this.#waiting.take(entry.message.jobId)) {
        this.#addToCase({ ...waiting, arrival: ++this.#arrival }, 0n);
      }
    }
    return result;
  }

  #addToJob(entry: Entry): PoolResult {
    const job = this.#jobs.get(entry.message.jobId);
    if (!job) return this.#wait(entry);
    const result = this.#place(entry, job);
    const { type } = entry.message;
    if (result.status === 'new' && (type === 'accept' || type === 'contest')) {
      this.#settle(job.id);
    }
    return result;
  }

  /** Gives what waits for a job another try, as long as that lets others in. */
  #settle(jobId: string): void {
    for (let isChanged = true; isChanged; ) {
      isChanged = false;
      for (const waiting of this.#waiting.take(jobId)) {
        const job = this.#jobs.get(jobId);
        // a new arrival number, so that a listing from a later cursor holds it
        const entry = { ...waiting, arrival: ++this.#arrival };
        const { status } = job ? this.#place(entry, job, waiting) : this.#wait(waiting);
        const { type } = entry.message;
        if (status === 'new' && (type === 'accept' || type === 'contest')) isChanged = true;
      }
    }
  }

  /** @param asWaiting what waits when it has to */
  #place(entry: Entry, job: JobEntries, asWaiting = entry): PoolResult {
    if (!this.#makeRoom(entry.bytes, job)) return refused('the pool is full');
    const placed = job.place(entry);
    if (placed.status === 'wait') return this.#wait(asWaiting);
    if (placed.status === 'refused') return placed;
    for (const gone of placed.gone) this.#forgot(gone);
    for (const displaced of placed.displaced) {
      this.#forgot(displaced);
      this.#wait({ ...displaced, arrival: ++this.#arrival });
    }
    return this.#admitted(entry);
  }

  #admitted(entry: Entry): PoolResult {
    this.#index.set(entry.id, entry);
    this.#bytes += entry.bytes;
    this.onAdmitted?.(entry.message, entry.id);
    return { status: 'new' };
  }

  #forgot(entry: Entry): void {
    this.#index.delete(entry.id);
    this.#bytes -= entry.bytes;
  }

  #wait(entry: Entry): PoolResult {
    if (this.#fits(entry.bytes) && this.#waiting.add(entry)) return { status: 'waiting' };
    return refused('what it refers to is not known here');
  }

  #fits(bytes: number): boolean {
    return this.bytes + bytes <= this.#bounds.bytes;
  }

  /** Makes room for a message at the cost of jobs that have to go before its own. */
  #makeRoom(bytes: number, job: JobEntries): boolean {
    while (!this.#fits(bytes)) if (!this.#evict(job)) return false;
    return true;
  }

  /** Forgets the job that has to go first, unless that is this one. */
  #evict(than: JobEntries): boolean {
    const worst = this.#jobs.worstBut(than);
    if (worst) this.remove(worst.id);
    return worst !== undefined;
  }
}
