import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { BitmodelError, messageOf, writeFileAtomic } from '../../base/index.js';

const count = z.int().min(0);

const recordSchema = z.strictObject({
  /** Wrong tokens in its copies that it found, and that it took for right. */
  found: count,
  missed: count,
  /** Checks in which it spoke with the majority throughout, and in which it did not. */
  agreed: count,
  dissented: count,
  /** Checks that the model at hand bore out later, and that it contradicted. */
  right: count,
  wrong: count,
  /** Questions that it let lie, or whose answer was not the committed one. */
  silent: count,
  /** Milliseconds since 1970. */
  last: count,
});

/** How a neighbour did so far. */
export type NeighbourRecord = z.infer<typeof recordSchema>;

const bookSchema = z.strictObject({
  v: z.literal(1),
  neighbours: z.record(z.string().max(100), recordSchema),
});

const NEW: NeighbourRecord = {
  found: 0,
  missed: 0,
  agreed: 0,
  dissented: 0,
  right: 0,
  wrong: 0,
  silent: 0,
  last: 0,
};

/** Neighbours remembered; the one not heard of longest goes first, unless it was found out. */
const MOST_NEIGHBOURS = 1_000;
/** Planted tokens found, or checks borne out, after which a word counts twice. */
const PROVEN = 3;

/** What is added to a record; the rest stays. */
export type RecordChange = Partial<Record<Exclude<keyof NeighbourRecord, 'last'>, number>>;

/**
 * What a node remembers of the neighbours it asked, in a file of its own (mode 0600): who missed a planted token, or was
 * contradicted by the model at hand, is not asked again.
 */
export class NeighbourBook {
  readonly #path: string;
  readonly #records: Map<string, NeighbourRecord>;

  /** @throws BitmodelError `BAD_NEIGHBOUR_BOOK` where the file holds something else */
  constructor(path: string) {
    this.#path = path;
    this.#records = new Map(existsSync(path) ? readBook(path) : []);
  }

  of(neighbour: string): NeighbourRecord {
    return this.#records.get(neighbour) ?? NEW;
  }

  /** How much a neighbour's word counts: 0 for one that was found out, 1 for a newcomer, 2 for one that proved itself. */
  weight(neighbour: string): number {
    const { found, missed, right, wrong } = this.of(neighbour);
    if (missed > 0 || wrong > 0) return 0;
    return found + right >= PROVEN ? 2 : 1;
  }

  /** Adds to records, and writes them to disk. */
  note(changes: ReadonlyMap<string, RecordChange>): void {
    if (changes.size === 0) return;
    for (const [neighbour, change] of changes) {
      const record: NeighbourRecord = { ...this.of(neighbour), last: Date.now() };
      for (const key of Object.keys(change) as (keyof RecordChange)[]) {
        record[key] += change[key] ?? 0;
      }
      this.#records.set(neighbour, record);
    }
    this.#forget();
    const book = { v: 1, neighbours: Object.fromEntries(this.#records) };
    writeFileAtomic(this.#path, `${JSON.stringify(book)}\n`, { mode: 0o600 });
  }

  #forget(): void {
    const excess = this.#records.size - MOST_NEIGHBOURS;
    if (excess <= 0) return;
    const rank = (neighbour: string): number => (this.weight(neighbour) === 0 ? 1 : 0);
    const order = [...this.#records].sort(
      ([a, { last: lastOfA }], [b, { last: lastOfB }]) => rank(a) - rank(b) || lastOfA - lastOfB,
    );
    for (const [neighbour] of order.slice(0, excess)) this.#records.delete(neighbour);
  }
}

function readBook(path: string): [string, NeighbourRecord][] {
  try {
    return Object.entries(bookSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).neighbours);
  } catch (thrown) {
    const why = thrown instanceof z.ZodError ? 'its fields are others' : messageOf(thrown);
    throw new BitmodelError('BAD_NEIGHBOUR_BOOK', `${path} does not hold neighbours: ${why}.`, {
      next: 'Remove the file; what was remembered of neighbours is lost',
      cause: thrown,
    });
  }
}
