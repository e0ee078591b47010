/** Length of the longest end of `text` that a stop text could begin with, without being all of it. */
function begun(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}

/**
 * Lets an answer through up to its stop text, and never shows a part of one: an end that could still become a stop text is
 * held back until it is told from one.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held = '';
  #ended = false;

  /** @param stops texts that end the answer; empty ones say nothing */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((text) => text.length > 0);
  }

  /** @returns the text that can be shown now */
  push(delta: string): string {
    if (this.#ended) return '';
    const text = this.#held + delta;
    const found = this.#stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.#ended = true;
      this.#held = '';
      return text.slice(0, Math.min(...found));
    }
    const shown = text.length - begun(text, this.#stops);
    this.#held = text.slice(shown);
    return text.slice(0, shown);
  }

  /** @returns what was held back, once nothing follows */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}
