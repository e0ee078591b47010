/** Tokens kept before the text not yet given out, since decoders look at their neighbours (spaces, byte runs). */
const CONTEXT_TOKENS = 4;
/** A window is shortened when it grows beyond this, so that a run of broken bytes costs no more than other text. */
const WINDOW_TOKENS = 32;
/** A character of UTF-8 lacks at most its last byte after three, each of which a decoder may show as U+FFFD. */
const HELD_BACK = 3;

function withoutBrokenEnd(text: string): string {
  let end = text.length;
  while (end > 0 && text.length - end < HELD_BACK && text[end - 1] === '\uFFFD') end--;
  return text.slice(0, end);
}

/**
 * Decodes a stream of ids piece by piece. What it gives out is never half a character: an incomplete one is held back until
 * its bytes are there. A pure function of the ids pushed, so that a generator and a verifier see the same text.
 */
export class TextStream {
  readonly #decode: (ids: readonly number[]) => string;
  #window: number[] = [];
  /** Characters of the window's text that were given out. */
  #given = 0;

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** @returns the text that this id completes; may be empty */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#decode(this.#window);
    const stable = withoutBrokenEnd(text);
    const delta = stable.slice(this.#given);
    if (delta.length > 0) this.#given = stable.length;
    if (stable.length === text.length || this.#window.length > WINDOW_TOKENS) this.#shorten(text);
    return delta;
  }

  /** @returns what is still held back: bytes that make no character. */
  end(): string {
    const rest = this.#decode(this.#window).slice(this.#given);
    this.#window = [];
    this.#given = 0;
    return rest;
  }

  #shorten(text: string): void {
    const keep = text.length > this.#given ? 2 * CONTEXT_TOKENS : CONTEXT_TOKENS;
    if (this.#window.length <= keep) return;
    const ungiven = text.length - this.#given;
    this.#window = this.#window.slice(-keep);
    this.#given = Math.max(0, this.#decode(this.#window).length - ungiven);
  }
}
