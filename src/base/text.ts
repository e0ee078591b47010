/**
 * What makes a terminal do something else than show it: controls (C0, C1 and DEL, so all escape sequences), what
 * reorders text (UAX #9), line and paragraph separators, lone surrogates. Line breaks and tabs are not among them.
 */
const UNSAFE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text that may come from anybody as a terminal can show it: what it could act on is replaced by U+FFFD. */
export function printable(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** As {@link printable}, in one line: a text from outside can't pass for a line of ours. */
export function oneLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, ' ');
}

/** JSON that says the same, with what a terminal could act on written as \uXXXX. */
export function printableJson(json: string): string {
  return json.replace(
    UNSAFE,
    (unsafe) => `\\u${unsafe.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
