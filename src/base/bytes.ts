import { BitmodelError, EXIT } from './errors.js';

const HEX = /^(?:[0-9a-f]{2})*$/i;

/** Lower-case hex of the bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * Bytes of a hex string.
 * @param length exact number of bytes demanded, if given
 * @throws BitmodelError `BAD_HEX` for odd length, other characters, or another number of bytes
 */
export function fromHex(hex: string, length?: number): Uint8Array {
  if (!HEX.test(hex) || (length !== undefined && hex.length !== 2 * length)) {
    const wanted = length === undefined ? 'hexadecimal text' : `${2 * length} hexadecimal digits`;
    const shown = hex.length > 40 ? `${hex.slice(0, 40)}…` : hex;
    throw new BitmodelError('BAD_HEX', `Expected ${wanted}, got "${shown}".`, {
      exitCode: EXIT.usage,
    });
  }
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** A copy of the bytes in reverse order (hash ids print reversed, as in Bitcoin). */
export function reverseBytes(bytes: Uint8Array): Uint8Array {
  // not bytes.slice(), which is no copy where the bytes are a Buffer
  return new Uint8Array(bytes).reverse();
}

/** All parts, one after the other, in a new array. Of an unknown number of parts, take {@link joinBytes}. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return joinBytes(parts);
}

/** All parts of a list, one after the other, in a new array: a list may be longer than arguments can be. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Whether both have the same length and content. Not constant-time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Unsigned 32-bit little-endian. */
export function u32le(value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}

/** Unsigned 64-bit little-endian. */
export function u64le(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Base64 of the bytes (RFC 4648, padded). */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Bytes of base64 whose form was checked before; what is no base64 is passed over, as Node does. */
export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
