import { type Tokenizer, tokenBytes } from '../../model/index.js';

/** What has no look of its own, or would change the look of what stands beside it. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\u00ad]|(?! )\p{Zs}/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '↵', '\t': '⇥', '\r': '␍' };

function signOf(hidden: string): string {
  return NAMED[hidden] ?? `\\u{${hidden.codePointAt(0)!.toString(16).toUpperCase()}}`;
}

/**
 * A text in which nothing is hidden and nothing moves: line breaks, tabs and spaces by signs, every other control, format
 * or bidirectional character by its number; a combining mark at the beginning stands on a dotted circle.
 */
export function visibleText(text: string): string {
  const signs = text.replace(HIDDEN, signOf).replaceAll(' ', '␣');
  return /^\p{M}/u.test(signs) ? `◌${signs}` : signs;
}

/** What is needed of a tokenizer to show its tokens. */
export type TokenNames = Pick<Tokenizer, 'decode' | 'token'>;

/** Tokens before another that are decoded with it, since some decoders look at their neighbours. */
const CONTEXT = 4;

/** Bytes as `‹E2 98›`, for a token that is part of a character; its id where the bytes can't be told. */
function partName(id: number, tokenizer: TokenNames): string {
  const bytes = tokenBytes(tokenizer.token(id) ?? '');
  if (!bytes || bytes.length === 0) return `‹token ${id}›`;
  const hex = Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  return `‹${hex.join(' ')}›`;
}

/**
 * The text that one token adds after others, as it is (not yet made visible); bytes in hex for one that is part of a
 * character only, its id for one without text.
 * @param before the ids that stand before it; the last few are looked at
 */
export function tokenText(tokenizer: TokenNames, before: readonly number[], id: number): string {
  const context = before.slice(-CONTEXT);
  const start = tokenizer.decode(context);
  const whole = tokenizer.decode([...context, id]);
  // the context may end in half a character that this token completes
  const text = whole.startsWith(start) ? whole.slice(start.length) : tokenizer.decode([id]);
  return text === '' || text.includes('\ufffd') ? partName(id, tokenizer) : text;
}

/** A text for a page: as {@link visibleText}, but lines break where they break, and spaces stay spaces. */
export function shownText(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(HIDDEN, signOf))
    .join('↵\n');
}
