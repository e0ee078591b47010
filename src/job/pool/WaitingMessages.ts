import { isPrivate } from '../messages.js';
import type { Entry } from './view.js';

/** Bounds of what waits. */
export interface WaitingBounds {
  readonly waiting: number;
  readonly waitingBytes: number;
}

/** Of the room one author may take the part of one in so many, or one message. */
const AUTHORS_PART = 16;

/** What one author has waiting, the oldest first. */
interface Held {
  readonly entries: Map<string, Entry>;
  bytes: number;
}

/**
 * A bounded room in which nobody takes more than a share: an author that has it is turned away, and where the whole
 * room is full, the oldest message of the author that holds most goes, so that a newcomer finds room.
 */
class WaitingRoom {
  readonly #bounds: WaitingBounds;
  readonly #byAuthor = new Map<string, Held>();
  count = 0;
  bytes = 0;

  constructor(bounds: WaitingBounds) {
    this.#bounds = bounds;
  }

  /** Whether it comes near a bound. */
  get isCrowded(): boolean {
    const { waiting, waitingBytes } = this.#bounds;
    return this.count >= (waiting * 7) / 8 || this.bytes >= (waitingBytes * 7) / 8;
  }

  /** Keeps a message. Returns what had to go for it; undefined where it is not kept itself. */
  add(entry: Entry): Entry[] | undefined {
    if (!this.#isWithinShare(entry)) return undefined;
    this.#put(entry);
    const gone: Entry[] = [];
    for (let worst = this.#worst(); worst; worst = this.#worst()) {
      this.remove(worst);
      if (worst === entry) return undefined;
      gone.push(worst);
    }
    return gone;
  }

  remove({ id, bytes, message: { author } }: Entry): void {
    const held = this.#byAuthor.get(author)!;
    held.entries.delete(id);
    held.bytes -= bytes;
    if (held.entries.size === 0) this.#byAuthor.delete(author);
    this.count--;
    this.bytes -= bytes;
  }

  #isWithinShare({ bytes, message: { author } }: Entry): boolean {
    const held = this.#byAuthor.get(author);
    const { waiting, waitingBytes } = this.#bounds;
    if (!held) return bytes <= waitingBytes;
    const fits = held.bytes + bytes <= waitingBytes / AUTHORS_PART;
    return fits && held.entries.size + 1 <= waiting / AUTHORS_PART;
  }

  #put(entry: Entry): void {
    const { author } = entry.message;
    const held = this.#byAuthor.get(author) ?? { entries: new Map<string, Entry>(), bytes: 0 };
    this.#byAuthor.set(author, held);
    held.entries.set(entry.id, entry);
    held.bytes += entry.bytes;
    this.count++;
    this.bytes += entry.bytes;
  }

  /** The message to go while there are too many: of authors that hold as much, of the one that came first. */
  #worst(): Entry | undefined {
    const { waiting, waitingBytes } = this.#bounds;
    if (this.bytes > waitingBytes) return this.#oldestOfMost(({ bytes }) => bytes);
    if (this.count > waiting) return this.#oldestOfMost(({ entries }) => entries.size);
    return undefined;
  }

  #oldestOfMost(amount: (held: Held) => number): Entry | undefined {
    let most: Held | undefined;
    for (const held of this.#byAuthor.values()) {
      if (!most || amount(held) > amount(most)) most = held;
    }
    return most?.entries.values().next().value;
  }
}

/**
 * Messages that can't be judged yet, because what they refer to is not known; no part of a pool's state. Private ones,
 * which no other node can tell again, have a room of their own, as large as that of all others.
 */
export class WaitingMessages {
  readonly #byJob = new Map<string, Map<string, Entry>>();
  readonly #shared: WaitingRoom;
  readonly #private: WaitingRoom;

  constructor(bounds: WaitingBounds) {
    this.#shared = new WaitingRoom(bounds);
    this.#private = new WaitingRoom(bounds);
  }

  get bytes(): number {
    return this.#shared.bytes + this.#private.bytes;
  }

  /** Whether one of its rooms comes near its bounds. */
  get isCrowded(): boolean {
    return this.#shared.isCrowded || this.#private.isCrowded;
  }

  has(jobId: string, id: string): boolean {
    return this.#byJob.get(jobId)?.has(id) ?? false;
  }

  /** Keeps a message, at the cost of others where their author has more; false when there is no room for it. */
  add(entry: Entry): boolean {
    const { jobId } = entry.message;
    if (this.has(jobId, entry.id)) return true;
    const gone = this.#roomOf(entry).add(entry);
    if (!gone) return false;
    for (const each of gone) this.#unlist(each);
    const ofJob = this.#byJob.get(jobId) ?? new Map<string, Entry>();
    this.#byJob.set(jobId, ofJob.set(entry.id, entry));
    return true;
  }

  /** Takes out all that waits for something about a job. */
  take(jobId: string): Entry[] {
    const taken = [...(this.#byJob.get(jobId)?.values() ?? [])];
    for (const entry of taken) this.#remove(entry);
    return taken;
  }

  /** Forgets what came up to this arrival. */
  forget(upTo: number): void {
    for (const ofJob of [...this.#byJob.values()]) {
      for (const entry of [...ofJob.values()]) if (entry.arrival <= upTo) this.#remove(entry);
    }
  }

  #roomOf({ message: { type } }: Entry): WaitingRoom {
    return isPrivate(type) ? this.#private : this.#shared;
  }

  #remove(entry: Entry): void {
    this.#roomOf(entry).remove(entry);
    this.#unlist(entry);
  }

  #unlist({ id, message: { jobId } }: Entry): void {
    const ofJob = this.#byJob.get(jobId)!;
    ofJob.delete(id);
    if (ofJob.size === 0) this.#byJob.delete(jobId);
  }
}
