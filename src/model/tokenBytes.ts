/** Bytes that the byte-level alphabet (Radford et al., GPT-2, 2019) writes as the character of the same number. */
function standsForItself(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/** The byte behind each character of the byte-level alphabet: all others follow from U+0100 on. */
function byteAlphabet(): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) {
    bytes.set(String.fromCodePoint(standsForItself(byte) ? byte : next++), byte);
  }
  return bytes;
}

const ALPHABET = byteAlphabet();

/**
 * The bytes of a token that is part of a character, from the way the vocabulary writes it: `<0xE2>` where characters fall
 * back to bytes, else the byte-level alphabet.
 * @returns nothing for a token written in neither way
 */
export function tokenBytes(token: string): Uint8Array | undefined {
  const fallback = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
  if (fallback) return Uint8Array.of(Number.parseInt(fallback[1]!, 16));
  const bytes = Array.from(token, (character) => ALPHABET.get(character));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}
