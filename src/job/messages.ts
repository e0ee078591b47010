import { z } from 'zod';
import {
  BitmodelError,
  canonicalBytes,
  concatBytes,
  fromHex,
  sha256,
  toHex,
  utf8,
} from '../base/index.js';
import { publicKeyOf, signData, verifyData } from '../chain/index.js';
import { COMMITMENT_BYTES } from './contracts/commitment.js';
import { DRAWN_VERDICT_BYTES } from './contracts/verdict.js';
import { secondJurySize } from './secondJury.js';
import {
  amountSchema,
  hash32Schema,
  JOB_BOUNDS,
  jobSpecSchema,
  numericClassSchema,
  outpointSchema,
  publicKeySchema,
} from './spec.js';

/** What a signature of a job message covers, before the canonical bytes. */
const DOMAIN = utf8('bitmodel/message/1');

/** Bounds of messages, so that a pool's memory is bounded. */
export const MESSAGE_BOUNDS = {
  /** Bytes of one message as JSON. */
  bytes: 1 << 20,
  /** Sequence numbers run from 0 to this. */
  sequence: 15,
} as const;

/** The job id of messages that belong to no job: a verifier's announcement of itself. */
export const NO_JOB_HEX = '00'.repeat(32);

const signature = z.string().regex(/^(?:[0-9a-f]{2}){8,72}$/, 'must be a DER signature in hex');
const base64 = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64')
  .max(MESSAGE_BOUNDS.bytes);
const reason = z.string().max(200);
const txid = hash32Schema;
const peerId = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{32,64}$/, 'must be a peer id');
const wrappedKeysOf = (most: number) =>
  z
    .array(z.strictObject({ verifier: publicKeySchema, key: base64.max(256) }))
    .min(1)
    .max(most);
const wrappedKeys = wrappedKeysOf(JOB_BOUNDS.verifiers);

const offerBody = z.strictObject({
  pricePerToken: amountSchema,
  /** Output tokens in a thousand seconds, the seller's own estimate. */
  speedMilli: z.number().int().min(0).max(1_000_000_000),
  class: numericClassSchema,
  /** HASH160 of the key that the reward is paid to. */
  payout: z.string().regex(/^[0-9a-f]{40}$/),
  keyHash: hash32Schema,
  /** Height of the last block after which the seller still takes an escrow for it. */
  until: z.number().int().min(0).max(0xffff_ffff),
  /** Peer id of the seller's node, to which the prompt is delivered; absent where that node is on no network. */
  node: peerId.optional(),
});

const sequence = z.number().int().min(0).max(MESSAGE_BOUNDS.sequence);

const acceptedOfferSchema = z.strictObject({
  author: publicKeySchema,
  sequence,
  body: offerBody,
  signature,
});

const verdictBody = z.strictObject({
  verdict: z.enum(['valid', 'invalid', 'abstain']),
  /** The outpoint of the stake that is judged, `txid:0`. */
  stake: txid,
  kind: z.string().max(20).optional(),
  position: z.number().int().min(0).max(1_000_000).optional(),
  marginMicro: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  reason: reason.optional(),
  /** What the contract checks; absent when abstaining. */
  signature: signature.optional(),
});

const bodies = {
  announce: z.strictObject({
    job: jobSpecSchema,
    /** How deep the escrow must be before the claim; the network's own rule where it is absent. */
    confirmations: z.number().int().min(1).max(1000).optional(),
  }),
  offer: offerBody,
  accept: z.strictObject({
    /** The offer itself, so that whoever sees the acceptance can rebuild the contracts. */
    offer: acceptedOfferSchema,
    escrow: txid,
  }),
  prompt: z.strictObject({
    /** The accepted seller. */
    seller: publicKeySchema,
    /** As in the accepted offer: the one node that may have it. */
    node: peerId.optional(),
    /** Salt and prompt ids, sealed to the seller. */
    prompt: base64,
  }),
  commitment: z.strictObject({
    commitment: z.string().regex(new RegExp(`^[0-9a-f]{${2 * COMMITMENT_BYTES}}$`)),
    /** The seller's signature of the commitment alone, as receipts carry it. */
    signature,
    ciphertext: base64,
  }),
  withdraw: z.strictObject({
    reason,
    /** The cancelling transaction with the seller's half of the signatures, in hex, when there is an escrow. */
    cancel: z
      .string()
      .regex(/^(?:[0-9a-f]{2})*$/)
      .max(100_000)
      .optional(),
  }),
  contest: z.strictObject({
    transaction: txid,
    /** Salt, prompt ids and output ids, sealed under a key that is sealed to each verifier. */
    evidence: base64,
    keys: wrappedKeys,
  }),
  counterproof: z.strictObject({ evidence: base64, keys: wrappedKeys }),
  verdict: verdictBody,
  verifier: z.strictObject({
    models: z.array(hash32Schema).max(64),
    classes: z.array(numericClassSchema).max(8),
    fee: amountSchema,
    /** The height at which it was said, so that old announcements can be told from new ones. */
    height: z.number().int().min(0).max(499_999_999),
  }),
  appeal: z.strictObject({
    /** The job, the offer its escrow pays for, and that escrow: the chain holds what was claimed and contested under these. */
    job: jobSpecSchema,
    offer: acceptedOfferSchema,
    escrow: txid,
    /** The accused, what it signed for the contract, and its signature of that. */
    verifier: publicKeySchema,
    verdict: z.string().regex(new RegExp(`^[0-9a-f]{${2 * DRAWN_VERDICT_BYTES}}$`)),
    signature,
    /** What it told the pool with that: why it found the answer false. */
    said: z.strictObject({ sequence, body: verdictBody, signature }).optional(),
    /** Evidence sealed under a key that is sealed to each member of the second jury. */
    evidence: base64,
    keys: wrappedKeysOf(secondJurySize(JOB_BOUNDS.verifiers)),
    /** An unspent coin of the author's, `txid:index`. */
    coin: outpointSchema,
    /** Height of the tip when it was said. */
    height: z.number().int().min(0).max(499_999_999),
  }),
  rejudgement: z.strictObject({
    finding: z.enum(['wrong', 'right', 'abstain']),
    reason: reason.optional(),
    /** What the bond checks; there when, and only when, the verdict was wrong. */
    signature: signature.optional(),
  }),
} as const;

/** The kinds of job message. */
export type MessageType = keyof typeof bodies;

/** The body of a message of one kind. */
export type MessageBody<T extends MessageType> = z.infer<(typeof bodies)[T]>;

const envelope = <T extends MessageType>(type: T) =>
  z.strictObject({
    v: z.literal(1),
    type: z.literal(type),
    jobId: hash32Schema,
    author: publicKeySchema,
    sequence,
    body: bodies[type],
    signature,
  });

/**
 * A signed job message (DESIGN 5.2). `author` is the compressed public key whose signature it carries; `sequence`
 * tells an author's messages of one kind for one job apart, so that two different ones with the same number
 * contradict each other.
 */
export interface Message<T extends MessageType = MessageType> {
  readonly v: 1;
  readonly type: T;
  /** 32 bytes in hex, byte order; of an appeal and what a second jury says, the id of the case. */
  readonly jobId: string;
  readonly author: string;
  readonly sequence: number;
  readonly body: MessageBody<T>;
  readonly signature: string;
}

/** A message of any kind, told apart by `type`. */
export type AnyMessage = { [T in MessageType]: Message<T> }[MessageType];

const messageSchema = z.discriminatedUnion('type', [
  envelope('announce'),
  envelope('offer'),
  envelope('accept'),
  envelope('prompt'),
  envelope('commitment'),
  envelope('withdraw'),
  envelope('contest'),
  envelope('counterproof'),
  envelope('verdict'),
  envelope('verifier'),
  envelope('appeal'),
  envelope('rejudgement'),
]);

/** Kinds that are for one node alone: they are handed to it, and never gossiped or passed on in any other way. */
const PRIVATE: ReadonlySet<MessageType> = new Set(['prompt']);

/** Whether messages of a kind are for one node alone. Whatever passes messages on to other nodes must leave these out. */
export function isPrivate(type: MessageType): boolean {
  return PRIVATE.has(type);
}

type Unsigned = Omit<AnyMessage, 'signature'>;

function signedBytes(message: Unsigned): Uint8Array {
  const { v, type, jobId, author, sequence, body } = message;
  // JSON carries no `undefined`, so a round trip leaves exactly what will travel
  const plain = JSON.parse(JSON.stringify({ v, type, jobId, author, sequence, body }));
  return concatBytes(DOMAIN, canonicalBytes(plain));
}

/** Names a message by its content: SHA-256 of what is signed, in hex. The signature is no part of it. */
export function messageId(message: Unsigned): string {
  return toHex(sha256(signedBytes(message)));
}

/** Makes and signs a message. */
export function createMessage<T extends MessageType>(
  type: T,
  jobId: string,
  sequence: number,
  body: MessageBody<T>,
  privateKey: Uint8Array,
): Message<T> {
  const author = toHex(publicKeyOf(privateKey));
  const unsigned = { v: 1 as const, type, jobId, author, sequence, body };
  const bytes = signedBytes(unsigned as unknown as Unsigned);
  return { ...unsigned, signature: toHex(signData(bytes, privateKey)) };
}

/** Whether the author's signature is good. */
export function isSigned(message: AnyMessage): boolean {
  return verifyData(fromHex(message.signature), signedBytes(message), fromHex(message.author));
}

/** The offer that an acceptance carries, as the message that the seller sent. */
export function acceptedOffer({ jobId, body }: Message<'accept'>): Message<'offer'> {
  return { v: 1, type: 'offer', jobId, ...body.offer };
}

/**
 * Reads a message from JSON that somebody sent: its form alone; see {@link isSigned} for the signature.
 * @throws BitmodelError `BAD_MESSAGE`
 */
export function parseMessage(value: unknown): AnyMessage {
  const parsed = messageSchema.safeParse(value);
  if (parsed.success) return parsed.data as AnyMessage;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || 'it';
  throw new BitmodelError('BAD_MESSAGE', `This is no job message: ${where}: ${issue?.message}.`, {
    next: 'Make messages with createMessage, and leave others aside',
  });
}
