import { createHash } from 'node:crypto';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** An id such as peers have, the same for the same name; nobody has its key. */
export function idOf(name: string | number): string {
  const bytes = createHash('sha384').update(String(name)).digest();
  const tail = [...bytes.subarray(0, 44)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return `12D3KooW${tail}`;
}
