import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { printable, printableJson } from '../../base/index.js';

/** Characters gathered before they are written. */
const PIECE = 1 << 16;

/** Where and how pieces are printed. */
export interface PrintOptions {
  /**
   * What becomes of that which a terminal could act on: in `json` it is escaped, in a `text` replaced. In `exact` text, which
   * other programs read, it is replaced where it goes to a terminal alone.
   */
  readonly as: 'json' | 'text' | 'exact';
  /** Ends the printing; aborted where the reader is gone, too, once a command has taken it. */
  readonly signal?: AbortSignal | undefined;
  /** Standard output unless stated. */
  readonly out?: Writable;
}

/** Pieces joined to some 64 KiB, so that not every word is a call of the system. */
export function* gathered(pieces: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/**
 * Prints a text in pieces, each made once those before it were taken: whatever its length, and however slow its reader, a few
 * hundred kilobytes of it are in memory.
 * @param pieces whole characters, one after the other
 * @throws the signal's reason
 */
export async function printPieces(
  pieces: Iterable<string>,
  { as, signal, out = process.stdout }: PrintOptions,
): Promise<void> {
  const isKept = as === 'exact' && !('isTTY' in out && out.isTTY);
  const safe = as === 'json' ? printableJson : isKept ? (text: string) => text : printable;
  for (const text of gathered(pieces)) {
    signal?.throwIfAborted();
    if (!out.write(safe(text))) await once(out, 'drain', { signal });
  }
}

/** A JSON object in pieces: its fields, and behind them a list whose items are made one by one; ends with a line break. */
export function* objectPieces(
  fields: object,
  list: string,
  items: Iterable<object>,
): Generator<string> {
  const head = JSON.stringify(fields).slice(0, -1);
  yield `${head}${head === '{' ? '' : ','}${JSON.stringify(list)}:[`;
  let between = '';
  for (const item of items) {
    yield between + JSON.stringify(item);
    between = ',';
  }
  yield ']}\n';
}
