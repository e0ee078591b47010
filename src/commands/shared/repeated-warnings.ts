/** Milliseconds in which warnings of one kind are one line. */
const PERIOD = 60_000;
/** Kinds told apart at once; others are one kind. */
const MOST_KINDS = 200;

interface Kind {
  /** The latest that was not told. */
  text: string;
  untold: number;
  readonly timer: NodeJS.Timeout;
}

/** What is left of a warning without whom and how much it is about. */
function kindOf(text: string): string {
  return text.replace(/\b12D3Koo\w+|\b[0-9a-f]{12,}\b|\d+/g, '#');
}

/**
 * Tells a warning at once, and what comes of the same kind within a minute in one line at its end, with their number:
 * others can make a node fail at their questions as often as they like.
 */
export class RepeatedWarnings {
  readonly #tell: (text: string) => void;
  readonly #period: number;
  readonly #kinds = new Map<string, Kind>();

  /** @param period milliseconds, a minute unless stated */
  constructor(tell: (text: string) => void, period = PERIOD) {
    this.#tell = tell;
    this.#period = period;
  }

  add(text: string): void {
    const own = kindOf(text);
    const name = this.#kinds.has(own) || this.#kinds.size < MOST_KINDS ? own : '';
    const kind = this.#kinds.get(name);
    if (kind) {
      kind.text = text;
      kind.untold++;
      return;
    }
    const timer = setTimeout(() => this.#sum(name), this.#period).unref();
    this.#kinds.set(name, { text, untold: 0, timer });
    this.#tell(text);
  }

  /** Tells what is still untold. */
  end(): void {
    for (const name of [...this.#kinds.keys()]) this.#sum(name);
  }

  #sum(name: string): void {
    const { text, untold, timer } = this.#kinds.get(name)!;
    clearTimeout(timer);
    this.#kinds.delete(name);
    if (untold === 1) this.#tell(text);
    else if (untold > 1) this.#tell(`${text} (${untold} of this kind within a minute)`);
  }
}
