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
import { conflict, fundingOf, whyRefused } from './funding.js';
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
/** Blocks that a job may be ahead of this node, as in the pool. */
const HEIGHT_SLACK = 6;
/** Blocks that it may be behind, and that it may last: a place is not held for longer than a job of a buyer's takes. */
const MOST_AGE = 30;
const MOST_LIFETIME = 1_008;
/** Refusals that are kept, and answers that are on their way at once. */
const MOST_REFUSALS = 10_000;
const MOST_ANSWERS = 64;

/** What a watcher answers, whoever asked about whatever job. */
type Answer = Omit<NoteOf<'tell'>, 'kind' | 'jobId'>;

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
  /** Jobs whose payment the node refuses: they are waited for, and hold no place. */
  readonly #unpaid = new Set<string>();
  /** Why jobs were refused, by their key and id: a second copy of a letter is not taken after the first was not. */
  readonly #refusals = new Map<string, string>();
  #answering = 0;
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
        this.#problem(thrown);
      }
      await pause(this.#interval, signal);
    }
    for (const { stop } of this.#driving.values()) stop.abort();
    await Promise.all([...this.#driving.values()].map(({ done }) => done));
  }

  async #read(): Promise<void> {
    for (const { from, note } of await this.#mail.receive()) {
      if (note.kind === 'tell') continue;
      try {
        const answer = await this.#answer(from, note);
        this.#say(from, note.node, { kind: 'tell', jobId: note.jobId, ...answer });
      } catch (thrown) {
        // one letter must not keep the others from being read; whoever wrote it writes again
        this.#problem(thrown);
      }
    }
  }

  /** Sends an answer, without waiting for a node that may be slow to take it; one too many is left to be asked for again. */
  #say(to: string, node: string | undefined, note: NoteOf<'tell'>): void {
    if (this.#answering >= MOST_ANSWERS) return;
    this.#answering += 1;
    void this.#mail
      .send(to, node, note)
      .catch((thrown: unknown) => this.#problem(thrown))
      .finally(() => {
        this.#answering -= 1;
      });
  }

  #problem(thrown: unknown): void {
    if (this.#absence.note(thrown)) return;
    this.emit({ role: 'client', step: 'problem', detail: messageOf(thrown) });
  }

  /** Jobs that are not over yet. Of the others, which become many, no record is read again. */
  #driven(): string[] {
    return this.#records.ids().filter((id) => {
      if (this.#over.has(id)) return false;
      const isDriven = this.#records.load(id).state === 'driven';
      if (!isDriven) {
        this.#over.add(id);
        this.#unpaid.delete(id);
      }
      return isDriven;
    });
  }

  async #answer(from: string, note: NoteOf<'hand' | 'ask' | 'back'>): Promise<Answer> {
    const known = this.#records.current(note.jobId);
    if (known && known.record.job.client !== from) return { state: 'unknown' };
    if (note.kind === 'hand' && !known) return this.#take(from, note);
    if (!known) return { state: 'unknown' };
    if (note.kind === 'back' && known.state === 'driven') return this.#giveBack(known);
    return this.#tell(known);
  }

  async #take(from: string, note: NoteOf<'hand'>): Promise<Answer> {
    const name = `${from} ${note.jobId}`;
    const reason = this.#refusals.get(name) ?? (await this.#takeOrSay(from, note));
    if (reason === undefined) return { state: 'driven' };
    this.#refusals.set(name, reason);
    if (this.#refusals.size > MOST_REFUSALS) {
      this.#refusals.delete(this.#refusals.keys().next().value!);
    }
    return { state: 'refused', reason };
  }

  /** Takes a job, or says why not. */
  async #takeOrSay(from: string, note: NoteOf<'hand'>): Promise<string | undefined> {
    let record: ClientRecord;
    try {
      record = takenRecord(note);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      return messageOf(thrown).slice(0, 300);
    }
    const reason =
      from === record.job.client
        ? await this.#whyNot(record, note)
        : 'the letter is not of the job’s key';
    if (reason !== undefined) return reason;
    const { jobId: id, key, home, fee, funding } = note;
    const takenAt = await this.#options.chain.height();
    this.#records.save({ v: 1, id, key, home, fee, funding, record, takenAt, state: 'driven' });
    this.emit({ role: 'client', step: 'handed', jobId: id, amount: parseAmount(fee) });
    return undefined;
  }

  async #whyNot(record: ClientRecord, note: NoteOf<'hand'>): Promise<string | undefined> {
    const { chain, params, models, price, maxJobs = MOST_JOBS } = this.#options;
    const { job, promptIds, allowSuspects } = record;
    const own = modelFor(models, job);
    if (!own) return 'the model is not here';
    const { vocabularySize, contextLength } = own.model.info;
    if (promptIds.some((id) => id >= vocabularySize)) return 'the prompt is not of the model';
    if (promptIds.length + job.maxTokens > contextLength)
      return 'the job is too long for the model';
    if (parseAmount(note.fee) < price) return `it asks ${formatAmount(price)} coins`;
    const driven = this.#driven();
    if (driven.filter((id) => !this.#unpaid.has(id)).length >= maxJobs)
      return 'it has enough to do';
    const tip = await chain.height();
    if (job.created > tip + HEIGHT_SLACK) return 'the job was created after the tip of the chain';
    if (job.created < tip - MOST_AGE || tip >= job.expires - claimMargin(params)) {
      return 'the job is too old';
    }
    if (job.expires - job.created > MOST_LIFETIME) return 'the job lasts too long';
    const funding = fundingOf(note);
    if (driven.some((id) => conflict(funding, fundingOf(this.#records.load(id))))) {
      return 'its payment takes a coin of another job’s';
    }
    const refused = await whyRefused(chain, funding);
    if (refused !== undefined) return `the node does not take its payment (${refused})`;
    if (!Array.isArray(job.verifiers) || allowSuspects) return undefined;
    const suspects = await suspectKeys(chain, job.verifiers, params);
    return suspects && suspects.size > 0 ? 'a verifier of the job is suspect' : undefined;
  }

  /** Lets go of a job, and writes that down before it says so. */
  async #giveBack(known: HandedJob): Promise<Answer> {
    const driving = this.#driving.get(known.id);
    driving?.stop.abort();
    await driving?.done;
    const now = this.#records.current(known.id);
    if (!now) return { state: 'unknown' };
    if (now.state === 'driven') this.#records.save({ ...now, state: 'given-back' });
    this.emit({ role: 'client', step: 'given-back', jobId: known.id });
    return this.#tell(this.#records.load(known.id));
  }

  #tell(known: HandedJob): Answer {
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
    const { price: _, maxJobs = MOST_JOBS, ...hands } = this.#options;
    const wait = (isKnown: boolean): boolean => {
      if (isKnown) this.#unpaid.delete(id);
      else this.#unpaid.add(id);
      return this.#unpaid.size <= maxJobs;
    };
    const done = drive(
      { ...hands, interval: this.#interval, directory: this.#jobFolder(id), wait },
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
      .finally(() => {
        this.#driving.delete(id);
        if (!this.#records.current(id)) this.#unpaid.delete(id);
      });
    this.#driving.set(id, { stop, done });
  }
}
