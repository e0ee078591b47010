import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter, hashKey } from '../../chain/index.js';
import { MAX_KEYS } from './protocols.js';

/** A place in the chain: a block's height and a transaction's place in the block. */
export interface Place {
  readonly height: number;
  readonly position: number;
}

/** The first place of all. */
export const BEGINNING: Place = { height: 0, position: 0 };

/** Whether one place lies before another. */
export function isBefore(a: Place, b: Place): boolean {
  return a.height < b.height || (a.height === b.height && a.position < b.position);
}

/**
 * What can be asked, and by what keys: all transactions
 * - `history`: that pay to or spend from a locking script (its SHA-256),
 * - `outputs`: that made an output and that spent it (its outpoint, 36 bytes),
 * - `transactions`: of these ids,
 * - `jobs`: that carry a job id,
 * - `pins`: that made, changed or moved the pins made at a path (SHA-256 of the path).
 */
export const KINDS = ['history', 'outputs', 'transactions', 'jobs', 'pins'] as const;
/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/** A question of `proofs/1`. */
export interface Question {
  readonly kind: Kind;
  /** What lies before this place is known already. With `pins`, the place of a pin's making. */
  readonly from: Place;
  /** At least one; none twice. */
  readonly keys: readonly Uint8Array[];
}

/** Bytes of a key. */
export function keyLength(kind: Kind): number {
  return kind === 'outputs' ? 36 : 32;
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no question: ${why}.`);
}

/** Bytes of a question of `proofs/1`: `kind u8 | height u32 | position u32 | keys`. */
export function encodeQuestion({ kind, from, keys }: Question): Uint8Array {
  const writer = new ByteWriter(64 + keys.length * 36);
  writer.u8(KINDS.indexOf(kind)).u32(from.height).u32(from.position);
  return writer.list(keys, (to, key) => to.bytes(key)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeQuestion(bytes: Uint8Array): Question {
  return ByteReader.whole(bytes, (reader) => {
    const kind = KINDS[reader.u8()];
    if (!kind) throw bad('nobody can be asked this');
    const from = { height: reader.u32(), position: reader.u32() };
    const length = keyLength(kind);
    const keys = reader.list(length, MAX_KEYS, () => reader.bytes(length));
    if (keys.length === 0) throw bad('it has no keys');
    if (new Set(keys.map(hashKey)).size !== keys.length) throw bad('a key stands twice');
    return { kind, from, keys };
  });
}
