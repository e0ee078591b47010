import { join } from 'node:path';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import {
  type BundleAbout,
  type CalibrationRef,
  ModelRegistry,
  PieceKeeper,
  type ServedModels,
  wholeBundle,
} from '../../model/index.js';
import type { Host } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import type { CalibrationTest } from './fetchCalibrations.js';
import type { Holders } from './Holders.js';
import { Pull, type PullProgress } from './Pull.js';

/** Downloads at the same time, and ended ones whose outcome is remembered. */
const MOST_RUNNING = 4;
const MOST_REMEMBERED = 64;

/** Which model is wanted. */
export interface PullRequest {
  /** Model id, hex. */
  readonly id: string;
  readonly about: BundleAbout;
  /** Folder; unless stated the one where it lies already, or else one of the data folder. */
  readonly dir?: string;
  readonly maxBytes?: number;
  /** Calibrations that its publisher named, to be fetched with it. */
  readonly calibrations?: readonly CalibrationRef[];
}

/** How a download stands. */
export interface PullStatus extends PullProgress {
  readonly id: string;
  readonly dir: string;
  /** Why it failed. */
  readonly failure?: { readonly code: string; readonly message: string; readonly next?: string };
}

interface Entry {
  readonly dir: string;
  readonly pull: Pull;
  readonly ending: AbortController;
  ended: Promise<void>;
  isRunning: boolean;
  failure?: BitmodelError;
}

/** What pulls stand on. */
export interface PullsOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly holders: Holders;
  /** Folder of the user, whose `models` holds what is fetched. */
  readonly datadir: string;
  /** Shown what has come. */
  readonly models: ServedModels | undefined;
  readonly isCalibration: CalibrationTest;
  /** Called when a model is there. */
  readonly onDone: () => Promise<void>;
  readonly onWarning: (message: string) => void;
}

/** The downloads of a node. */
export class Pulls {
  readonly #options: PullsOptions;
  readonly #entries = new Map<string, Entry>();
  #keeper: PieceKeeper | undefined;

  constructor(options: PullsOptions) {
    this.#options = options;
  }

  /**
   * Begins to fetch a model, goes on with one, or joins one that is being fetched.
   * @throws BitmodelError `TOO_MANY_PULLS`, `PULL_ELSEWHERE` when it is being fetched to another folder
   */
  start({ id, about, dir, maxBytes, calibrations = [] }: PullRequest): PullStatus {
    const folder = dir ?? this.#folderOf(id);
    const running = this.#entries.get(id);
    if (running?.isRunning) {
      if (running.dir === folder) return this.status(id);
      throw new BitmodelError('PULL_ELSEWHERE', `The model is being fetched to ${running.dir}.`, {
        next: 'Wait for it, or stop it',
        exitCode: EXIT.notAllowed,
      });
    }
    const count = [...this.#entries.values()].filter(({ isRunning }) => isRunning).length;
    if (count >= MOST_RUNNING) {
      throw new BitmodelError('TOO_MANY_PULLS', `${count} models are being fetched already.`, {
        next: 'Wait until one is there, then pull again',
        exitCode: EXIT.notAllowed,
      });
    }
    const ending = new AbortController();
    const keeper = this.#keeper ?? new PieceKeeper();
    this.#keeper = keeper;
    const { host, penalties, holders, isCalibration } = this.#options;
    const { signal } = ending;
    const parts = { host, penalties, holders, keeper, isCalibration, signal };
    const pull = new Pull({ ...parts, id, dir: folder, about, maxBytes, calibrations });
    const entry: Entry = { dir: folder, pull, ending, isRunning: true, ended: Promise.resolve() };
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    entry.ended = this.#run(id, entry);
    this.#forget();
    return this.status(id);
  }

  /** @throws BitmodelError `UNKNOWN_PULL` */
  status(id: string): PullStatus {
    const { dir, pull, failure } = this.#find(id);
    if (failure === undefined) return { id, dir, ...pull.progress() };
    const { code, message, next } = failure;
    const shown = { code, message, ...(next === undefined ? {} : { next }) };
    return { id, dir, ...pull.progress(), failure: shown };
  }

  list(): PullStatus[] {
    return [...this.#entries.keys()].map((id) => this.status(id));
  }

  /** Ends a download; what is there stays. @throws BitmodelError `UNKNOWN_PULL` */
  async stop(id: string): Promise<void> {
    const { ending, ended } = this.#find(id);
    ending.abort();
    await ended;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((id) => this.stop(id)));
    await this.#keeper?.close();
  }

  #folderOf(id: string): string {
    const { datadir } = this.#options;
    const known = new ModelRegistry(datadir).listIds().find((model) => model.id === id);
    return known && wholeBundle(known.dir, id) ? known.dir : join(datadir, 'models', id);
  }

  async #run(id: string, entry: Entry): Promise<void> {
    const { models, onDone, onWarning, datadir } = this.#options;
    try {
      const bundle = await entry.pull.run();
      new ModelRegistry(datadir).register(id, entry.dir, bundle.name, { origin: 'pulled' });
      models?.forget();
    } catch (thrown) {
      entry.failure = asFailure(thrown);
    } finally {
      entry.isRunning = false;
    }
    if (entry.failure) return;
    await onDone().catch((thrown: unknown) => onWarning(messageOf(thrown)));
  }

  #find(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry) return entry;
    throw new BitmodelError('UNKNOWN_PULL', `Model ${id} is not being fetched here.`, {
      next: `Fetch it with: bitmodel model pull ${id}`,
      exitCode: EXIT.notFound,
    });
  }

  #forget(): void {
    for (const [id, { isRunning }] of this.#entries) {
      if (this.#entries.size <= MOST_REMEMBERED) return;
      if (!isRunning) this.#entries.delete(id);
    }
  }
}

function asFailure(thrown: unknown): BitmodelError {
  if (thrown instanceof BitmodelError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new BitmodelError('PULL_STOPPED', 'The download was stopped; what is there stays.', {
      next: 'Pull the model again to go on',
    });
  }
  return new BitmodelError('PULL_FAILED', `The model can't be fetched: ${messageOf(thrown)}.`, {
    next: 'Pull it again; what is there stays',
    cause: thrown,
  });
}
