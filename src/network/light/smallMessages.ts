import { BitmodelError, utf8 } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import { MAX_REASON } from './protocols.js';

/** What can become of a transaction that a node is handed. */
export const FATES = ['taken', 'known', 'mined', 'refused', 'busy'] as const;
/** One of {@link FATES}. */
export type Fate = (typeof FATES)[number];

/** An answer of `submit/1`. */
export interface SubmitAnswer {
  /** `taken` now, `known` to wait already, `mined` into the chain already, `refused`, or `busy`: not looked at. */
  readonly fate: Fate;
  /** Why it was refused, in Bitcoin's words; empty otherwise. */
  readonly reason: string;
}

/** An answer of `fees/1`; base units per 1,000 bytes. */
export interface FeeAnswer {
  /** Absent when the node has not seen enough. */
  readonly estimate?: bigint;
  /** What its mempool asks for at least. */
  readonly minimum: bigint;
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no answer: ${why}.`);
}

/** A text cut to so many bytes, at a character's end. */
function cut(text: string, most: number): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length <= most) return bytes;
  // a character that is cut in two is dropped
  return utf8(new TextDecoder().decode(bytes.subarray(0, most)).replace(/\ufffd$/, ''));
}

/** Bytes of an answer of `submit/1`; the reason is cut to what it may have. */
export function encodeSubmitAnswer({ fate, reason }: SubmitAnswer): Uint8Array {
  const writer = new ByteWriter(64).u8(FATES.indexOf(fate));
  return writer.varBytes(cut(reason, MAX_REASON)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeSubmitAnswer(bytes: Uint8Array): SubmitAnswer {
  return ByteReader.whole(bytes, (reader) => {
    const fate = FATES[reader.u8()];
    if (!fate) throw bad('its fate is unknown');
    const reason = reader.text(MAX_REASON);
    if (fate !== 'refused' && reason !== '') throw bad('a reason stands without a refusal');
    return { fate, reason };
  });
}

/** A question of `fees/1`. @param target blocks within which a transaction should be in the chain */
export function encodeFeeQuestion(target: number): Uint8Array {
  return new ByteWriter(2).u16(target).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeFeeQuestion(bytes: Uint8Array): number {
  return ByteReader.whole(bytes, (reader) => reader.u16());
}

/** Bytes of an answer of `fees/1`. */
export function encodeFeeAnswer({ estimate, minimum }: FeeAnswer): Uint8Array {
  const writer = new ByteWriter(17).u64(minimum).flag(estimate !== undefined);
  if (estimate !== undefined) writer.u64(estimate);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeFeeAnswer(bytes: Uint8Array): FeeAnswer {
  return ByteReader.whole(bytes, (reader) => {
    const minimum = reader.u64();
    return reader.flag() ? { estimate: reader.u64(), minimum } : { minimum };
  });
}
