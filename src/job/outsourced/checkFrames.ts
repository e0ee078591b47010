import { BitmodelError, fromHex, toHex, utf8 } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import type { Protocol } from '../../network/index.js';
import { numericClassSchema } from '../spec.js';

/**
 * One conversation with a neighbour: facts, calibration if wanted, question, commitment, reveal, answer. All that a
 * neighbour keeps for it hangs on the stream.
 */
export const CHECK_PROTOCOL: Protocol = {
  name: 'check/1',
  maxFrame: 1 << 20,
  idleTimeout: 120_000,
  streamsPerPeer: 2,
  overRelay: true,
};

/** Why a neighbour does not answer. */
export const REFUSALS = {
  'unknown-model': 'it does not have the model',
  'unknown-calibration': 'it does not have the calibration',
  busy: 'it has enough to do',
  'too-much': 'it was asked too much',
  'unknown-job': 'its chain shows no such job that was sold',
  'unconfirmed-job': 'the sale is in no block yet',
  'other-prompt': "the prompt is not the job's",
  'more-than-sold': 'more tokens are asked about than were sold',
  'asked-enough': 'it was asked about this job often enough',
  'cannot-say': 'its model says nothing about this text',
} as const;

/** One of {@link REFUSALS}. */
export type Refusal = keyof typeof REFUSALS;

/** Which model a conversation is about. */
export interface ModelName {
  /** Model id, hex. */
  readonly model: string;
  /** Graph in the bundle. */
  readonly file: string;
  /** SHA-256 of the calibration, hex; zeros for none. */
  readonly calibration: string;
}

/** What a neighbour says of its model. */
export interface NeighbourFacts {
  readonly numericClass: string;
  readonly vocabularySize: number;
  readonly contextLength: number;
  /** Whether it has the calibration that was named. */
  readonly calibrated: boolean;
}

/** What is asked of a neighbour. */
export type AskFrame =
  | ({ readonly kind: 'model' } & ModelName)
  | { readonly kind: 'calibration' }
  /** `request`: bytes of a `CheckRequest`. */
  | { readonly kind: 'question'; readonly request: Uint8Array }
  /** All commitments are in, or their time is over. */
  | { readonly kind: 'reveal' };

/** What a neighbour says. */
export type SayFrame =
  | ({ readonly kind: 'facts' } & NeighbourFacts)
  | { readonly kind: 'calibration'; readonly json: Uint8Array }
  /** It is at work, or others are before. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'commitment'; readonly commitment: Uint8Array }
  | { readonly kind: 'answer'; readonly salt: Uint8Array; readonly answer: Uint8Array }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

const ASKS = ['model', 'calibration', 'question', 'reveal'] as const;
const SAYS = ['facts', 'calibration', 'waiting', 'commitment', 'answer', 'refusal'] as const;
const REFUSAL_NAMES = Object.keys(REFUSALS) as Refusal[];
const MOST_TEXT = 255;

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `This is no word of a check: ${why}.`, {
    next: 'Take no notice of it',
  });
}

/** Bytes of what is asked of a neighbour. */
export function encodeAsk(frame: AskFrame): Uint8Array {
  const writer = new ByteWriter().u8(ASKS.indexOf(frame.kind));
  if (frame.kind === 'question') return writer.bytes(frame.request).finish();
  if (frame.kind !== 'model') return writer.finish();
  const { model, file, calibration } = frame;
  return writer.bytes(fromHex(model)).varBytes(utf8(file)).bytes(fromHex(calibration)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeAsk(bytes: Uint8Array): AskFrame {
  return ByteReader.whole(bytes, (reader) => {
    const kind = ASKS[reader.u8()];
    if (kind === undefined) throw bad('its kind is unknown');
    if (kind === 'question') return { kind, request: reader.bytes(reader.remaining) };
    if (kind !== 'model') return { kind };
    const model = toHex(reader.bytes(32));
    const file = reader.text(MOST_TEXT);
    return { kind, model, file, calibration: toHex(reader.bytes(32)) };
  });
}

/** Bytes of what a neighbour says. */
export function encodeSay(frame: SayFrame): Uint8Array {
  const writer = new ByteWriter().u8(SAYS.indexOf(frame.kind));
  switch (frame.kind) {
    case 'facts':
      writer.varBytes(utf8(frame.numericClass)).u32(frame.vocabularySize).u32(frame.contextLength);
      return writer.flag(frame.calibrated).finish();
    case 'calibration':
      return writer.bytes(frame.json).finish();
    case 'waiting':
      return writer.finish();
    case 'commitment':
      return writer.bytes(frame.commitment).finish();
    case 'answer':
      return writer.bytes(frame.salt).bytes(frame.answer).finish();
    case 'refusal':
      return writer.u8(REFUSAL_NAMES.indexOf(frame.refusal)).finish();
  }
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeSay(bytes: Uint8Array): SayFrame {
  return ByteReader.whole(bytes, (reader) => {
    const kind = SAYS[reader.u8()];
    if (kind === undefined) throw bad('its kind is unknown');
    return readSay(reader, kind);
  });
}

function readSay(reader: ByteReader, kind: SayFrame['kind']): SayFrame {
  switch (kind) {
    case 'facts':
      return { kind, ...readFacts(reader) };
    case 'calibration':
      return { kind, json: reader.bytes(reader.remaining) };
    case 'waiting':
      return { kind };
    case 'commitment':
      return { kind, commitment: reader.bytes(32) };
    case 'answer':
      return { kind, salt: reader.bytes(32), answer: reader.bytes(reader.remaining) };
    case 'refusal': {
      const refusal = REFUSAL_NAMES[reader.u8()];
      if (refusal === undefined) throw bad('its reason is unknown');
      return { kind, refusal };
    }
  }
}

function readFacts(reader: ByteReader): NeighbourFacts {
  const numericClass = reader.text(MOST_TEXT);
  if (!numericClassSchema.safeParse(numericClass).success) throw bad('its class is none');
  const vocabularySize = reader.u32();
  const contextLength = reader.u32();
  return { numericClass, vocabularySize, contextLength, calibrated: reader.flag() };
}
