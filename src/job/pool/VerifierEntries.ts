import type { Message } from '../messages.js';
import type { Entry } from './view.js';

const heightOf = ({ message }: Entry): number => (message as Message<'verifier'>).body.height;

/**
 * The latest announcement of each verifier; of too many verifiers those that are bonded, then those with the smallest
 * keys. Without a bond a key costs nothing: in whatever order they stood, somebody could search for good ones.
 */
export class VerifierEntries {
  readonly #most: number;
  #bonded: ReadonlySet<string> = new Set();
  readonly #latest = new Map<string, Entry>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#latest.size;
  }

  /** Whether another verifier finds room only in place of one of these. */
  get isFull(): boolean {
    return this.#latest.size >= this.#most;
  }

  /** Says which keys, hex, have a bond on the chain. */
  setBonded(keys: ReadonlySet<string>): void {
    this.#bonded = keys;
  }

  entries(): IterableIterator<Entry> {
    return this.#latest.values();
  }

  /** Sorted by key. */
  messages(): Message<'verifier'>[] {
    return [...this.#latest.values()]
      .map(({ message }) => message as Message<'verifier'>)
      .sort((a, b) => (a.author < b.author ? -1 : 1));
  }

  /** Keeps an announcement. Returns what had to go for it, or why it is not kept. */
  place(entry: Entry): Entry[] | string {
    const { author } = entry.message;
    const known = this.#latest.get(author);
    if (known) {
      const newer = heightOf(entry) - heightOf(known) || (entry.id > known.id ? 1 : -1);
      if (newer < 0) return 'a later announcement of this verifier is known';
    }
    this.#latest.set(author, entry);
    if (known) return [known];
    if (this.#latest.size <= this.#most) return [];
    let last = author;
    for (const key of this.#latest.keys()) if (this.#isWorse(key, last)) last = key;
    const gone = this.#latest.get(last)!;
    this.#latest.delete(last);
    return last === author ? 'too many verifiers are known' : [gone];
  }

  #isWorse(key: string, than: string): boolean {
    const isBonded = this.#bonded.has(key);
    return isBonded === this.#bonded.has(than) ? key > than : !isBonded;
  }
}
