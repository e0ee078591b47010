import { hashKey } from '../consensus/coins.js';
import type { HeaderEntry } from '../consensus/headers.js';

/** What leads from a header down to those below it. */
interface Links {
  parent(entry: HeaderEntry): HeaderEntry | undefined;
  /** The active chain's header at a height. */
  headerAt(height: number): HeaderEntry | undefined;
  isActive(entry: HeaderEntry): boolean;
}

/** Every so many headers the way down is remembered. */
const STEP = 16;

/** Ways that are remembered: enough for a million headers off the active chain, in some megabytes. */
const MOST_WAYS = 65_536;

/**
 * Finds the header at a height below another. Off the active chain the way down is walked once for a branch and not
 * again for each header on it: ASERT asks for the same anchor each time. What lies below a header never changes, so
 * nothing here has to be forgotten.
 */
export class Ancestors {
  readonly #links: Links;
  readonly #ways = new Map<string, HeaderEntry>();

  constructor(links: Links) {
    this.#links = links;
  }

  /** The entry at `height` on the branch that ends in `entry`. */
  find(entry: HeaderEntry, height: number): HeaderEntry {
    const passed: string[] = [];
    const found = this.#walk(entry, height, passed);
    for (const way of passed) this.#remember(way, found);
    return found;
  }

  #walk(entry: HeaderEntry, height: number, passed: string[]): HeaderEntry {
    let at = entry;
    while (at.height > height) {
      if (this.#links.isActive(at)) return this.#links.headerAt(height)!;
      if (at.height % STEP === 0) {
        const way = `${height} ${hashKey(at.hash)}`;
        const known = this.#ways.get(way);
        if (known) return known;
        passed.push(way);
      }
      at = this.#links.parent(at)!;
    }
    return at;
  }

  #remember(way: string, found: HeaderEntry): void {
    if (this.#ways.size >= MOST_WAYS) this.#ways.delete(this.#ways.keys().next().value!);
    this.#ways.set(way, found);
  }
}
