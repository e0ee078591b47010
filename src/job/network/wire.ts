import {
  BitmodelError,
  type CanonicalValue,
  canonicalBytes,
  equalBytes,
} from '../../base/index.js';
import { type AnyMessage, MESSAGE_BOUNDS } from '../messages.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** A message as it travels between nodes: canonical JSON (RFC 8785), so that it has one form alone. */
export function encodeJobMessage(message: AnyMessage): Uint8Array {
  // JSON carries no `undefined`, so a round trip leaves exactly what travels
  return canonicalBytes(JSON.parse(JSON.stringify(message)));
}

/**
 * The JSON object in some bytes; whether it is a message is for the pool to say.
 * @throws BitmodelError `BAD_ENCODING` where it is too long, no JSON object, or not in its one form
 */
export function decodeJobMessage(bytes: Uint8Array): CanonicalValue {
  const bad = (why: string): BitmodelError =>
    new BitmodelError('BAD_ENCODING', `These bytes are no job message: ${why}.`);
  if (bytes.length > MESSAGE_BOUNDS.bytes) throw bad('they are more than 1 MiB');
  let value: CanonicalValue;
  let canonical: Uint8Array;
  try {
    value = JSON.parse(decoder.decode(bytes));
    canonical = canonicalBytes(value);
  } catch {
    // what is thrown for text from strangers says nothing that they should see
    throw bad('they are no canonical JSON');
  }
  if (!equalBytes(canonical, bytes)) throw bad('they are no canonical JSON');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('they are no JSON object');
  }
  return value;
}
