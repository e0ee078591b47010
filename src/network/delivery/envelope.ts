import { BitmodelError, concatBytes, equalBytes, sha256, utf8 } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import { isSignedBy, PEER_ID_LENGTH } from '../host/peerKeys.js';

/** Most bytes of a private message, and of its answer. */
export const MAX_MESSAGE = 1024 * 1024;
/** Most nodes that carry a message between its sender and its receiver. */
export const MAX_HOPS = 3;
/** Most bytes of a subject. */
const MAX_SUBJECT = 64;
/** Most bytes of a frame of `deliver/1`, and of its answer. */
export const MAX_DELIVERY_FRAME = MAX_MESSAGE + 1024;

const VERSION = 1;
const ID_LENGTH = 16;
const SIGNATURE_LENGTH = 64;
const LETTER = utf8('bitmodel/delivery/1');
const ANSWER = utf8('bitmodel/delivery-answer/1');

/** A private message on its way; whoever carries it sees who talks to whom about what, and opaque bytes. */
export interface Envelope {
  /** Bytes of the sender's peer id. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** 16 random bytes that make it one of a kind. */
  readonly id: Uint8Array;
  /** Milliseconds since 1970 at the sender. */
  readonly sentAt: number;
  /** What it is about, such as `job`: says who takes it at the receiver. */
  readonly subject: string;
  readonly message: Uint8Array;
}

/** A frame of `deliver/1`. */
export interface Delivery {
  /** Peer ids of the nodes that still have to pass it on, the receiver last; none: whoever reads it is the receiver. */
  readonly path: readonly Uint8Array[];
  /** Milliseconds the sender waits for the answer. */
  readonly patience: number;
  readonly envelope: Envelope;
  /** The envelope as it was signed, without the signature. */
  readonly sealed: Uint8Array;
  readonly signature: Uint8Array;
}

/** What became of a delivery: only the receiver's own word, signed, is `answered` or `refused`. */
export type Outcome = 'undelivered' | 'answered' | 'refused';
const OUTCOMES: readonly Outcome[] = ['undelivered', 'answered', 'refused'];

/** An envelope's bytes, to be signed by its sender. */
export function sealEnvelope(envelope: Envelope): Uint8Array {
  const subject = utf8(envelope.subject);
  if (subject.length > MAX_SUBJECT || envelope.message.length > MAX_MESSAGE) {
    throw new BitmodelError(
      'MESSAGE_TOO_LARGE',
      `A private message of ${envelope.message.length} bytes can't be delivered; ${MAX_MESSAGE} is the most.`,
    );
  }
  return new ByteWriter(envelope.message.length + 256)
    .u8(VERSION)
    .bytes(envelope.from)
    .bytes(envelope.to)
    .bytes(envelope.id)
    .u64(BigInt(envelope.sentAt))
    .u8(subject.length)
    .bytes(subject)
    .u32(envelope.message.length)
    .bytes(envelope.message)
    .finish();
}

/** What the sender of an envelope signs. */
export function letterToSign(sealed: Uint8Array): Uint8Array {
  return concatBytes(LETTER, sha256(sealed));
}

/** What the receiver of an envelope signs, so that nobody on the way can answer for it. */
export function answerToSign(sealed: Uint8Array, outcome: Outcome, answer: Uint8Array): Uint8Array {
  return concatBytes(
    ANSWER,
    sha256(sealed),
    Uint8Array.of(OUTCOMES.indexOf(outcome)),
    sha256(answer),
  );
}

/** Writes a frame of `deliver/1`. */
export function encodeDelivery(
  delivery: Pick<Delivery, 'path' | 'patience' | 'sealed' | 'signature'>,
): Uint8Array {
  const writer = new ByteWriter(delivery.sealed.length + 256).u8(delivery.path.length);
  for (const peer of delivery.path) writer.bytes(peer);
  return writer.u32(delivery.patience).bytes(delivery.sealed).bytes(delivery.signature).finish();
}

/**
 * Reads a frame of `deliver/1`; the signature is checked elsewhere.
 * @throws BitmodelError `BAD_ENCODING`
 */
export function decodeDelivery(bytes: Uint8Array): Delivery {
  if (bytes.length > MAX_DELIVERY_FRAME) throw bad('it is too long');
  const reader = new ByteReader(bytes);
  const hops = reader.u8();
  if (hops > MAX_HOPS) throw bad('its way is too long');
  const path = Array.from({ length: hops }, () => reader.bytes(PEER_ID_LENGTH));
  const patience = reader.u32();
  const start = reader.offset;
  const envelope = readEnvelope(reader);
  const sealed = bytes.slice(start, reader.offset);
  const signature = reader.bytes(SIGNATURE_LENGTH);
  reader.end();
  if (hops > 0 && !equalBytes(path.at(-1)!, envelope.to)) throw bad('it leads to somebody else');
  return { path, patience, envelope, sealed, signature };
}

function readEnvelope(reader: ByteReader): Envelope {
  if (reader.u8() !== VERSION) throw bad('its version is unknown');
  const from = reader.bytes(PEER_ID_LENGTH);
  const to = reader.bytes(PEER_ID_LENGTH);
  const id = reader.bytes(ID_LENGTH);
  const sentAt = reader.u64();
  if (sentAt > BigInt(Number.MAX_SAFE_INTEGER)) throw bad('it was sent beyond all time');
  const subjectBytes = reader.bytes(reader.u8());
  const subject = new TextDecoder().decode(subjectBytes);
  if (subjectBytes.length > MAX_SUBJECT || !equalBytes(utf8(subject), subjectBytes)) {
    throw bad('its subject is no text');
  }
  const length = reader.u32();
  if (length > MAX_MESSAGE) throw bad('its message is too long');
  return { from, to, id, sentAt: Number(sentAt), subject, message: reader.bytes(length) };
}

/** Writes the answer to a delivery; without a signature where nobody answered. */
export function encodeOutcome(
  outcome: Outcome,
  answer: Uint8Array = new Uint8Array(0),
  signature: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return concatBytes(Uint8Array.of(OUTCOMES.indexOf(outcome)), signature, answer);
}

/**
 * Reads the answer to a delivery, which must be its receiver's own.
 * @throws BitmodelError `BAD_ENCODING` when it is not
 */
export async function openOutcome(
  bytes: Uint8Array,
  to: Uint8Array,
  sealed: Uint8Array,
): Promise<{ outcome: Outcome; answer: Uint8Array }> {
  const reader = new ByteReader(bytes);
  const outcome = OUTCOMES[reader.u8()];
  if (outcome === undefined) throw bad('its outcome is unknown');
  if (outcome === 'undelivered') {
    reader.end();
    return { outcome, answer: new Uint8Array(0) };
  }
  const signature = reader.bytes(SIGNATURE_LENGTH);
  const answer = reader.bytes(reader.remaining);
  if (!(await isSignedBy(to, answerToSign(sealed, outcome, answer), signature))) {
    throw bad('the answer is not signed by its receiver');
  }
  return { outcome, answer };
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `This is no private message: ${why}.`);
}
