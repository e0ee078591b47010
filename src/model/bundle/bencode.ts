import { BitmodelError } from '../../base/index.js';

/** What bencoding carries (BEP 3). Dictionaries keep their keys as raw bytes in `latin1`, since they need not be text. */
export type Bencoded = number | Uint8Array | readonly Bencoded[] | ReadonlyMap<string, Bencoded>;

/** A dictionary key of bytes. */
export function bencodeKey(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as Uint8Array).toString('latin1');
}

/** Canonical bencoding: keys sorted as raw bytes. */
export function bencode(value: Bencoded): Uint8Array {
  const parts: Buffer[] = [];
  const text = (latin1: string): number => parts.push(Buffer.from(latin1, 'latin1'));
  const write = (item: Bencoded): void => {
    if (typeof item === 'number') text(`i${item}e`);
    else if (item instanceof Uint8Array) {
      text(`${item.length}:`);
      parts.push(Buffer.from(item));
    } else if (item instanceof Map) {
      text('d');
      // latin1 text compares as its bytes do
      const keys = [...item.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      for (const key of keys) {
        text(`${key.length}:${key}`);
        write(item.get(key)!);
      }
      text('e');
    } else {
      text('l');
      for (const entry of item as readonly Bencoded[]) write(entry);
      text('e');
    }
  };
  write(value);
  return new Uint8Array(Buffer.concat(parts));
}

const DEEPEST = 64;

/**
 * Decodes canonical bencoding; anything that would not encode to the same bytes is refused.
 * @throws BitmodelError `BAD_BENCODE`
 */
export function bdecode(bytes: Uint8Array): Bencoded {
  let at = 0;
  const bad = (why: string): BitmodelError =>
    new BitmodelError('BAD_BENCODE', `The bencoded data is wrong at byte ${at}: ${why}.`);
  const integer = (end: number): number => {
    const start = at;
    while (at < bytes.length && bytes[at] !== end && at - start < 17) at++;
    const text = Buffer.from(bytes.subarray(start, at)).toString('latin1');
    const value = Number(text);
    if (bytes[at] !== end || !/^(0|-?[1-9]\d*)$/.test(text) || !Number.isSafeInteger(value)) {
      throw bad('no plain integer');
    }
    at++;
    return value;
  };
  const string = (): Uint8Array => {
    const length = integer(0x3a);
    if (length < 0 || length > bytes.length - at) throw bad('a string beyond the end');
    at += length;
    return bytes.slice(at - length, at);
  };
  const read = (depth: number): Bencoded => {
    if (depth > DEEPEST) throw bad('nested too deep');
    const lead = bytes[at];
    if (lead === 0x69) {
      at++;
      return integer(0x65);
    }
    if (lead === 0x6c) {
      at++;
      const list: Bencoded[] = [];
      while (bytes[at] !== 0x65) list.push(read(depth + 1));
      at++;
      return list;
    }
    if (lead === 0x64) {
      at++;
      const map = new Map<string, Bencoded>();
      let last: string | undefined;
      while (bytes[at] !== 0x65) {
        const key = bencodeKey(string());
        if (last !== undefined && key <= last) throw bad('keys out of order');
        last = key;
        map.set(key, read(depth + 1));
      }
      at++;
      return map;
    }
    if (lead === undefined) throw bad('it ends too early');
    return string();
  };
  const value = read(0);
  if (at !== bytes.length) throw bad('something follows');
  return value;
}
