import { BitmodelError } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import { ANSWER_HEAD, MOST_ASKED } from './protocols.js';

/** Most piece hashes in one answer: 1 MiB of them. */
export const MOST_HASHES = 32_768;
const BLOCKS_PER_PIECE = 64;
const ID = 32;

/** What is asked about a model; files and pieces are counted from 0, as in its info dictionary. */
export type ChunkQuestion =
  | { readonly kind: 'info' }
  /** Hashes of `count` pieces of a file from `first` on. */
  | {
      readonly kind: 'layer';
      readonly file: number;
      readonly first: number;
      readonly count: number;
    }
  | { readonly kind: 'piece'; readonly file: number; readonly index: number }
  /** A block of 16 KiB of a piece, with the hashes that prove it. */
  | {
      readonly kind: 'proof';
      readonly file: number;
      readonly index: number;
      readonly block: number;
    };

/** A question on a stream. */
export interface ChunkRequest {
  /** The asker's own; the answer carries it. */
  readonly number: number;
  /** Model id, 32 bytes. */
  readonly id: Uint8Array;
  readonly question: ChunkQuestion;
}

const KINDS = ['info', 'layer', 'piece', 'proof'] as const;

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_CHUNK_MESSAGE', `This is no message about a model: ${why}.`);
}

/** `kind u8 | number u32 | id 32`, then what the kind has, u32 each; the block of a proof is a u8. */
export function encodeRequest({ number, id, question }: ChunkRequest): Uint8Array {
  const writer = new ByteWriter().u8(KINDS.indexOf(question.kind)).u32(number).bytes(id);
  if (question.kind !== 'info') writer.u32(question.file);
  if (question.kind === 'layer') writer.u32(question.first).u32(question.count);
  if (question.kind === 'piece') writer.u32(question.index);
  if (question.kind === 'proof') writer.u32(question.index).u8(question.block);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING`, `BAD_CHUNK_MESSAGE` */
export function decodeRequest(bytes: Uint8Array): ChunkRequest {
  return ByteReader.whole(bytes, (reader) => {
    const kind = KINDS[reader.u8()];
    const number = reader.u32();
    const id = reader.bytes(ID);
    return { number, id, question: readQuestion(kind, reader) };
  });
}

function readQuestion(kind: (typeof KINDS)[number] | undefined, reader: ByteReader): ChunkQuestion {
  if (kind === 'info') return { kind };
  if (kind === 'piece') return { kind, file: reader.u32(), index: reader.u32() };
  if (kind === 'layer') {
    const question = { kind, file: reader.u32(), first: reader.u32(), count: reader.u32() };
    if (question.count < 1 || question.count > MOST_HASHES)
      throw bad('it asks for no hashes, or too many');
    return question;
  }
  if (kind === 'proof') {
    const question = { kind, file: reader.u32(), index: reader.u32(), block: reader.u8() };
    if (question.block >= BLOCKS_PER_PIECE) throw bad('a piece has no such block');
    return question;
  }
  throw bad('it asks for nothing known');
}

/** What becomes of a question: it is answered, nothing of the kind is here, or the answerer has too much to do. */
export type AnswerStatus = 'given' | 'absent' | 'busy';
const STATUSES: readonly AnswerStatus[] = ['given', 'absent', 'busy'];

/** The head of an answer. */
export interface AnswerHead {
  readonly status: AnswerStatus;
  readonly number: number;
}

/** A frame with room for `length` bytes behind its head, `status u8 | number u32`, so that they are read into it. */
export function answerFrame({ status, number }: AnswerHead, length = 0): Uint8Array {
  const frame = new Uint8Array(ANSWER_HEAD + length);
  frame[0] = STATUSES.indexOf(status);
  new DataView(frame.buffer).setUint32(1, number, true);
  return frame;
}

/**
 * Head and body of an answer; the body is a view of the frame.
 * @throws BitmodelError `BAD_ENCODING`, `BAD_CHUNK_MESSAGE`
 */
export function decodeAnswer(frame: Uint8Array): AnswerHead & { readonly body: Uint8Array } {
  if (frame.length < ANSWER_HEAD) throw bad('it is too short');
  const reader = new ByteReader(frame.subarray(0, ANSWER_HEAD));
  const status = STATUSES[reader.u8()];
  if (status === undefined) throw bad('its status is unknown');
  const body = frame.subarray(ANSWER_HEAD);
  if (status !== 'given' && body.length > 0) throw bad('something follows a refusal');
  return { status, number: reader.u32(), body };
}

/** `count u8 | ids`. */
export function encodeHaveQuestion(ids: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter().u8(ids.length);
  for (const id of ids) writer.bytes(id);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING`, `BAD_CHUNK_MESSAGE` */
export function decodeHaveQuestion(bytes: Uint8Array): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) => {
    const count = reader.u8();
    if (count < 1 || count > MOST_ASKED) throw bad('it asks about no models, or too many');
    return Array.from({ length: count }, () => reader.bytes(ID));
  });
}

/** One byte per id of the question, 1 for those that are held. */
export function encodeHaveAnswer(held: readonly boolean[]): Uint8Array {
  return Uint8Array.from(held, Number);
}

/** @param count of ids that were asked about @throws BitmodelError `BAD_CHUNK_MESSAGE` */
export function decodeHaveAnswer(bytes: Uint8Array, count: number): boolean[] {
  if (bytes.length !== count || bytes.some((byte) => byte > 1))
    throw bad('it does not say yes or no');
  return Array.from(bytes, (byte) => byte === 1);
}

/** Which calibration of which model is asked for: id and hash, 32 bytes each. The answer is its canonical JSON, or nothing. */
export interface CalibrationQuestion {
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
}

/** `id 32 | hash 32`. */
export function encodeCalibrationQuestion({ id, hash }: CalibrationQuestion): Uint8Array {
  return new ByteWriter().bytes(id).bytes(hash).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeCalibrationQuestion(bytes: Uint8Array): CalibrationQuestion {
  return ByteReader.whole(bytes, (reader) => ({ id: reader.bytes(ID), hash: reader.bytes(ID) }));
}
