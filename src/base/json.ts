import canonicalize from 'canonicalize';
import { utf8 } from './bytes.js';
import { BitmodelError } from './errors.js';

/** What our canonical objects may hold: integers and strings only, never a fraction (DESIGN 5.1). */
export type CanonicalValue =
  | string
  | number
  | boolean
  | null
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

// The package's types describe an ES module; Node hands over its CommonJS function itself.
const serialize = canonicalize as unknown as (value: CanonicalValue) => string;

function assertCanonical(value: CanonicalValue): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new BitmodelError(
      'BAD_CANONICAL',
      `${value} is not an integer that JSON carries exactly.`,
    );
  }
  if (value !== null && typeof value === 'object') Object.values(value).forEach(assertCanonical);
}

/**
 * Canonical JSON bytes (RFC 8785, JCS) of integers and strings.
 * @throws BitmodelError `BAD_CANONICAL` for numbers that are not safe integers
 */
export function canonicalBytes(value: CanonicalValue): Uint8Array {
  assertCanonical(value);
  return utf8(serialize(value));
}
