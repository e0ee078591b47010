import { equalBytes, messageOf, toHex, utf8 } from '../../base/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { isSignedBy, peerIdFromBytes } from '../host/peerKeys.js';
import { RateLimit } from '../limits/RateLimit.js';
import {
  answerToSign,
  type Delivery,
  encodeOutcome,
  letterToSign,
  MAX_MESSAGE,
  type Outcome,
} from './envelope.js';

/** Takes a private message and answers it. */
export type Receiver = (message: Uint8Array, from: PeerId) => Promise<Uint8Array>;

/** Milliseconds by which the clocks of two nodes may differ, and a message be late. */
const FRESH = 10 * 60_000;
/** Messages remembered, so that none is taken twice. */
const MOST_SEEN = 10_000;
/** Bytes of answers kept for senders that ask again because the first answer was lost. */
const MOST_KEPT = 16 * 1024 * 1024;

interface Seen {
  readonly at: number;
  readonly outcome: Promise<Uint8Array>;
  bytes: number;
}

/** Takes the private messages that reach this node: each once, fresh, signed by its sender, to whoever receives its subject. */
export class Mailroom {
  readonly #host: Host;
  readonly #own: Uint8Array;
  readonly #receivers = new Map<string, Receiver>();
  readonly #senders = new RateLimit({ perSecond: 20, burst: 200 });
  readonly #seen = new Map<string, Seen>();
  #kept = 0;

  constructor(host: Host, own: Uint8Array) {
    this.#host = host;
    this.#own = own;
  }

  receive(subject: string, receiver: Receiver): void {
    this.#receivers.set(subject, receiver);
  }

  isFor(to: Uint8Array): boolean {
    return equalBytes(to, this.#own);
  }

  /** Takes a message whose signature was checked; the same one again gets the same answer. */
  take(delivery: Delivery): Promise<Uint8Array> {
    const { envelope } = delivery;
    const now = Date.now();
    this.#forget(now);
    const key = `${toHex(envelope.from)} ${toHex(envelope.id)}`;
    const before = this.#seen.get(key);
    if (before !== undefined) return before.outcome;
    const isFresh = Math.abs(now - envelope.sentAt) <= FRESH;
    const isWelcome = isFresh && this.#senders.take(toHex(envelope.from));
    if (!isWelcome) return this.#seal(delivery, 'refused', utf8(isFresh ? 'busy' : 'stale'));
    const seen: Seen = { at: now, outcome: this.#answer(delivery), bytes: 0 };
    this.#seen.set(key, seen);
    void this.#keep(key, seen);
    return seen.outcome;
  }

  async #answer(delivery: Delivery): Promise<Uint8Array> {
    const { subject, message, from } = delivery.envelope;
    const receiver = this.#receivers.get(subject);
    if (receiver === undefined) return this.#seal(delivery, 'refused', utf8('no receiver'));
    try {
      const answer = await receiver(message, await peerIdFromBytes(from));
      if (answer.length > MAX_MESSAGE) throw new Error('the answer is too long');
      return await this.#seal(delivery, 'answered', answer);
    } catch (thrown) {
      return this.#seal(delivery, 'refused', utf8(messageOf(thrown).slice(0, 300)));
    }
  }

  async #seal(delivery: Delivery, outcome: Outcome, answer: Uint8Array): Promise<Uint8Array> {
    const signature = await this.#host.sign(answerToSign(delivery.sealed, outcome, answer));
    return encodeOutcome(outcome, answer, signature);
  }

  async #keep(key: string, seen: Seen): Promise<void> {
    const { length } = await seen.outcome;
    if (this.#seen.get(key) !== seen) return;
    seen.bytes = length;
    this.#kept += seen.bytes;
  }

  /** Lets go of what can't come again because it is stale, and of the oldest beyond the bounds. */
  #forget(now: number): void {
    for (const [key, seen] of this.#seen) {
      const isStale = now - seen.at > 2 * FRESH;
      if (!isStale && this.#seen.size < MOST_SEEN && this.#kept < MOST_KEPT) return;
      this.#seen.delete(key);
      this.#kept -= seen.bytes;
    }
  }
}

/** Whether an envelope's sender signed it. */
export function isSignedBySender(delivery: Delivery): Promise<boolean> {
  return isSignedBy(delivery.envelope.from, letterToSign(delivery.sealed), delivery.signature);
}
