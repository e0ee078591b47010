import { join } from 'node:path';
import { BitmodelError, formatAmount, messageOf, parseAmount, toHex } from '../../base/index.js';
import type { ChainClient, KeyPair, NetworkParameters } from '../../chain/index.js';
import { claimMargin } from '../agreement.js';
import type { ClientRecord } from '../client/record.js';
import { JobEvents } from '../JobEvents.js';
import { JobRecords } from '../JobRecords.js';
import { type JobModel, modelFor } from '../jobModel.js';
import { NodeAbsence } from '../NodeAbsence.js';
import { pause } from '../sending.js';
import { suspectKeys } from '../suspects/ask.js';
import { Mail } from './Mail.js';
import { type NoteOf, progressOf, takenRecord } from './notes.js';
import { drive, type HandedJob } from './watchedJob.js';

/** What a watcher is made from. */
export interface WatcherOptions {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** Whose letters it reads; its address is paid. */
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  /** Where it keeps the jobs that it was handed, with their keys. */
  readonly directory: string;
  /** Base units it keeps of each job. */
  readonly price: bigint;
  /** Most jobs that it drives at once; 16 unless stated. */
  readonly maxJobs?: number;
  /** Milliseconds between two looks; 300 unless stated. */
  readonly interval?: number;
}

interface Driving {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const MOST_JOBS = 16;

/**
 * Drives jobs for buyers that have gone away: with a key that was made for the job alone it does everything that the buyer
 * would do, to the answer or the money's return, and then sends all that is left home. What it was handed is on its
 * disk before it says that it took it, so that it goes on after it was killed at any step.
 */
export class Watcher extends JobEvents {
  readonly #options: WatcherOptions;
  readonly #interval: number;
  readonly #mail: Mail;
  readonly #records: JobRecords<HandedJob>;
  readonly #driving = new Map<string, Driving>();
  readonly #over = new Set<string>();
  readonly #absence = new NodeAbsence({
    away: (detail) => this.emit({ role: 'client', step: 'problem', detail }),
    back: () => this.emit({ role: 'client', step: 'back' }),
  });

  constructor(options: WatcherOptions) {
    super();
    this.#options = options;
    this.#interval = options.interval ?? 300;
    this.#mail = new Mail(options.chain, options.key);
    this.#records = new JobRecords(join(options.directory, 'handed'));
  }

  /** Public key, hex, and the peer id of its node: what buyers name it by. Asks the node. */
  async address(): Promise<{ readonly publicKey: string; readonly node?: string }> {
    await this.#read();
    const { node } = this.#mail;
    const publicKey = toHex(this.#options.key.publicKey);
    return { publicKey, ...(node === undefined ? {} : { node }) };
  }

  /** Takes jobs and drives them until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read();
        this.#absence.end();
        for (const id of this.#driven()) this.#driveIfDue(id, signal);
      } catch (thrown) {
        if (!this.#absence.note(thrown)) {
          this.emit({ role: 'client', step: 'problem', detail: messageOf(thrown) });
        }
      }
      await pause(this.#interval, signal);
    }
    for (const { stop } of this.#driving.values()) stop.abort();
    await Promise.all([...this.#driving.values()].map(({ done }) => done));
  }

  async #read(): Promise<void> {
    for (const { from, note } of await this.#mail.receive()) {
      if (note.kind === 'tell') continue;
      const answer = await this.#answer(from, note);
      await this.#mail.send(from, note.node, { kind: 'tell', jobId: note.jobId, ...answer });
    }
  }

  /** Jobs that are not over yet. Of the others, which become many, no record is read again. */
  #driven(): string[] {
    return this.#records.ids().filter((id) => {
      if (this.#over.has(id)) return false;
      const isDriven = this.#records.load(id).state === 'driven';
      if (!isDriven) this.#over.add(id);
      return isDriven;
    });
  }

  async #answer(
    from: string,
    note: NoteOf<'hand' | 'ask' | 'back'>,
  ): Promise<Omit<NoteOf<'tell'>, 'kind' | 'jobId'>> {
    const known = this.#records.current(note.jobId);
    if (known && known.record.job.client !== from) return { state: 'unknown' };
    if (note.kind === 'hand' && !known) return this.#take(from, note);
    if (!known) return { state: 'unknown' };
    if (note.kind === 'back' && known.state === 'driven') return this.#giveBack(known);
    return this.#tell(known);
  }

  async #take(from: string, note: NoteOf<'hand'>): Promise<Omit<NoteOf<'tell'>, 'kind' | 'jobId'>> {
    let record: ClientRecord;
    try {
      record = takenRecord(note);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      return { state: 'refused', reason: messageOf(thrown).slice(0, 300) };
    }
    const reason =
      from === record.job.client
        ? await this.#whyNot(record, note)
        : 'the letter is not of the job’s key';
    if (reason !== undefined) return { state: 'refused', reason };
    const { jobId: id, key, home, fee, funding } = note;
    this.#records.save({ v: 1, id, key, home, fee, funding, record, state: 'driven' });
    this.emit({ role: 'client', step: 'handed', jobId: id, amount: parseAmount(fee) });
    return { state: 'driven' };
  }

  async #whyNot(record: ClientRecord, { fee }: NoteOf<'hand'>): Promise<string | undefined> {
    const { chain, params, models, price, maxJobs = MOST_JOBS } = this.#options;
    const { job, allowSuspects } = record;
    if (!modelFor(models, job)) return 'the model is not here';
    if (parseAmount(fee) < price) return `it asks ${formatAmount(price)} coins`;
    if (this.#driven().length >= maxJobs) return 'it has enough to do';
    const tip = await chain.height();
    if (tip >= job.expires - claimMargin(params)) return 'the job is too old';
    if (!Array.isArray(job.verifiers) || allowSuspects) return undefined;
    const suspects = await suspectKeys(chain, job.verifiers, params);
    return suspects && suspects.size > 0 ? 'a verifier of the job is suspect' : undefined;
  }

  /** Lets go of a job, and writes that down before it says so. */
  async #giveBack(known: HandedJob): Promise<Omit<NoteOf<'tell'>, 'kind' | 'jobId'>> {
    const driving = this.#driving.get(known.id);
    driving?.stop.abort();
    await driving?.done;
    const now = this.#records.load(known.id);
    if (now.state === 'driven') this.#records.save({ ...now, state: 'given-back' });
    this.emit({ role: 'client', step: 'given-back', jobId: known.id });
    return this.#tell(this.#records.load(known.id));
  }

  #tell(known: HandedJob): Omit<NoteOf<'tell'>, 'kind' | 'jobId'> {
    const { id, state, why, sentHome } = known;
    const record = new JobRecords<ClientRecord>(this.#jobFolder(id)).current(id) ?? known.record;
    return {
      state,
      progress: progressOf(record),
      ...(why === undefined ? {} : { reason: why }),
      ...(sentHome === undefined ? {} : { sentHome }),
    };
  }

  #jobFolder(id: string): string {
    return join(this.#options.directory, 'jobs', id);
  }

  #driveIfDue(id: string, signal: AbortSignal): void {
    if (this.#driving.has(id) || signal.aborted) return;
    const stop = new AbortController();
    const { price: _, maxJobs: __, ...hands } = this.#options;
    const done = drive(
      { ...hands, interval: this.#interval, directory: this.#jobFolder(id) },
      this.#records,
      id,
      stop.signal,
      (event) => this.emit(event),
    )
      .catch((thrown: unknown) => {
        if (stop.signal.aborted) return undefined;
        // whatever it was is tried again, from what is on disk
        this.emit({ role: 'client', step: 'problem', jobId: id, detail: messageOf(thrown) });
        return pause(10 * this.#interval, stop.signal);
      })
      .finally(() => this.#driving.delete(id));
    this.#driving.set(id, { stop, done });
  }
}
