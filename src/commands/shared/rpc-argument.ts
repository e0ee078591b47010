/**
 * One argument of `bitmodel rpc`: whole and decimal numbers, `true`, `false`, `null`, objects and lists are JSON, and
 * everything else is text. A long run of digits (an id) stays text.
 */
export function rpcArgument(text: string): unknown {
  if (/^-?(0|[1-9]\d{0,14})(\.\d{1,8})?$/.test(text) || /^(true|false|null)$/.test(text)) {
    return JSON.parse(text);
  }
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    // the node says what is wrong with it
    return text;
  }
}
