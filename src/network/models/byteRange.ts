/** Bytes from `start` up to, and without, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of a file (RFC 9110, 14.1.2): one range, with an end, without one, or counted from the file's end.
 * @returns undefined when the whole file is to be sent: there is no header, or it is about no bytes; `unsatisfiable` for
 * what the file does not hold, for what is malformed, and for several ranges, which no client needs for pieces
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  if (header === undefined || !/^bytes\s*=/i.test(header)) return undefined;
  const [, first, last] = /^bytes\s*=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    return 'unsatisfiable';
  }
  if (first === '') {
    const start = Math.max(0, size - Number(last));
    return start < size ? { start, end: size } : 'unsatisfiable';
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  return start < end ? { start, end } : 'unsatisfiable';
}
