import { BitmodelError } from '../../base/index.js';
import type { DecodeSession } from '../types.js';

/** What a session needs of its model. */
export interface SessionModel {
  /** Computes tokens behind those before. @returns the logits after the last */
  readonly feed: (ids: readonly number[]) => Promise<Float32Array>;
  /** Throws unless tokens can be fed behind so many others. */
  readonly check: (ids: readonly number[], length: number) => void;
  /** Frees the cache. */
  readonly drop: () => void;
}

/** A stream of tokens whose feeds are computed one after another, in the order in which they were asked for. */
export class Session implements DecodeSession {
  readonly #model: SessionModel;
  #length = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(model: SessionModel) {
    this.#model = model;
  }

  get length(): number {
    return this.#length;
  }

  feed(ids: readonly number[]): Promise<Float32Array> {
    if (this.#isClosed) return Promise.reject(closed());
    const fed = this.#last.then(() => this.#feed(ids));
    // whoever asked is told; the next one has its own answer
    this.#last = fed.catch(() => undefined);
    return fed;
  }

  async #feed(ids: readonly number[]): Promise<Float32Array> {
    this.#model.check(ids, this.#length);
    const logits = await this.#model.feed(ids);
    this.#length += ids.length;
    return logits;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    this.#model.drop();
  }
}

function closed(): BitmodelError {
  return new BitmodelError('SESSION_CLOSED', 'The session was closed.', {
    next: 'Start a new session',
  });
}
