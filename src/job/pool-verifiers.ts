import type { Message } from './messages.js';
import type { Entry } from './pool-view.js';

const heightOf = ({ message }: Entry): number => (message as Message<'verifier'>).body.height;

/** The latest announcement of each verifier; of too many verifiers those with the smallest keys. */
export class VerifierEntries {
  readonly #most: number;
  readonly #latest = new Map<string, Entry>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#latest.size;
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
    for (const key of this.#latest.keys()) if (key > last) last = key;
    const gone = this.#latest.get(last)!;
    this.#latest.delete(last);
    return last === author ? 'too many verifiers are known' : [gone];
  }
}
