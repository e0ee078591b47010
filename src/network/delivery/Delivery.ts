import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BitmodelError, EXIT, equalBytes, messageOf } from '../../base/index.js';
import type { Host, PeerId, Protocol } from '../host/Host.js';
import { peerIdBytes, peerIdFromBytes } from '../host/peerKeys.js';
import { RateLimit } from '../limits/RateLimit.js';
import type { Penalties } from '../peers/offences.js';
import { CarryLimit } from './CarryLimit.js';
import {
  decodeDelivery,
  encodeDelivery,
  encodeOutcome,
  type Delivery as Letter,
  letterToSign,
  MAX_DELIVERY_FRAME,
  openOutcome,
  sealEnvelope,
} from './envelope.js';
import { isSignedBySender, Mailroom, type Receiver } from './Mailroom.js';
import { Routes } from './Routes.js';

/** What {@link Delivery} needs. */
export interface DeliveryOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  /** Addresses known of a peer, the best first; direct ones and such through relays. */
  readonly addressesOf?: (peer: PeerId) => readonly string[];
  /** Whether this node carries messages between others (it does unless stated). */
  readonly forwards?: boolean;
}

const DELIVER: Protocol = {
  name: 'deliver/1',
  maxFrame: MAX_DELIVERY_FRAME,
  idleTimeout: 70_000,
  streamsPerPeer: 16,
  overRelay: true,
};
/** Milliseconds that an answer is waited for, unless the caller says otherwise, and at most. */
const PATIENCE = 30_000;
const MOST_PATIENCE = 60_000;
/** Milliseconds that each node on the way takes off, so that the sender hears from it before giving up. */
const HOP_TIME = 500;
/** Milliseconds for one dial, and addresses tried. */
const DIAL_TIMEOUT = 5_000;
const MOST_DIALS = 6;
/** Messages, and their bytes, taken from one neighbour. */
const COUNTS = { perSecond: 20, burst: 200 };
const BYTES = { perSecond: 4 << 20, burst: 32 << 20 };

/**
 * Brings private messages to one node and its answers back (CamelidCoin's forwarding between nodes): over a connection
 * that is there, else one made to an address known, directly or through a relay, else from neighbour to neighbour, over
 * at most three nodes. Sender and receiver sign, so that whoever carries a message can drop it but neither change it,
 * answer it, nor say that it came when it didn't. What is in it is for the caller to encrypt.
 */
export class Delivery {
  readonly #host: Host;
  readonly #penalties: Penalties;
  readonly #addressesOf: (peer: PeerId) => readonly string[];
  readonly #forwards: boolean;
  readonly #routes: Routes;
  readonly #mailroom: Promise<Mailroom>;
  readonly #receivers: [string, Receiver][] = [];
  readonly #counts = new RateLimit(COUNTS);
  readonly #bytes = new RateLimit(BYTES);
  readonly #countsOut = new CarryLimit(COUNTS);
  readonly #bytesOut = new CarryLimit(BYTES);
  readonly #closed = new AbortController();

  constructor(options: DeliveryOptions) {
    this.#host = options.host;
    this.#penalties = options.penalties;
    this.#addressesOf = options.addressesOf ?? (() => []);
    this.#forwards = options.forwards ?? true;
    this.#routes = new Routes(options.host, options.penalties, this.#forwards);
    this.#mailroom = this.#openMailroom();
    this.#host.answer(DELIVER, (frame, peer) => this.#onFrame(frame, peer));
  }

  /** Answers messages about a subject; what the receiver throws is told to the sender as a refusal. */
  receive(subject: string, receiver: Receiver): void {
    this.#receivers.push([subject, receiver]);
    void this.#mailroom.then((mailroom) => mailroom.receive(subject, receiver));
  }

  /**
   * Brings a message to a node and its answer back; the receiver takes it once, whatever way it came.
   * @param options.timeout milliseconds for all of it, at most 60,000
   * @throws BitmodelError `DELIVERY_FAILED` when the node can't be reached or doesn't answer, `DELIVERY_REFUSED` with
   * its reason, `MESSAGE_TOO_LARGE`
   */
  async deliver(
    peer: PeerId,
    subject: string,
    message: Uint8Array,
    options: { readonly timeout?: number } = {},
  ): Promise<Uint8Array> {
    const timeout = Math.min(options.timeout ?? PATIENCE, MOST_PATIENCE);
    const end = Date.now() + timeout;
    const letter = await this.#write(peer, subject, message);
    if (peer === this.#host.id) {
      return this.#read(peer, letter, await (await this.#mailroom).take(letter));
    }
    let why: unknown;
    for await (const path of this.#ways(peer, end)) {
      if (this.#closed.signal.aborted || Date.now() >= end) break;
      try {
        await this.#turn(path[0]!, letter.sealed.length, end);
        const answer = await this.#send(letter, path, end - Date.now());
        if (answer !== undefined) return this.#read(peer, letter, answer);
      } catch (thrown) {
        why = thrown;
      }
    }
    throw new BitmodelError(
      'DELIVERY_FAILED',
      `The message could not be brought to ${peer}: ${why === undefined ? 'no way leads there.' : messageOf(why)}`,
      { next: 'Try again when that node is online', cause: why, exitCode: EXIT.unreachable },
    );
  }

  close(): void {
    this.#closed.abort();
  }

  async #openMailroom(): Promise<Mailroom> {
    const mailroom = new Mailroom(this.#host, await peerIdBytes(this.#host.id));
    for (const [subject, receiver] of this.#receivers) mailroom.receive(subject, receiver);
    return mailroom;
  }

  async #write(peer: PeerId, subject: string, message: Uint8Array): Promise<Letter> {
    const envelope = {
      from: await peerIdBytes(this.#host.id),
      to: await peerIdBytes(peer),
      id: new Uint8Array(randomBytes(16)),
      sentAt: Date.now(),
      subject,
      message,
    };
    const sealed = sealEnvelope(envelope);
    const signature = await this.#host.sign(letterToSign(sealed));
    return { path: [], patience: 0, envelope, sealed, signature };
  }

  /** Ways to a peer, the shortest first; each a list of peers, the receiver last. */
  async *#ways(peer: PeerId, end: number): AsyncGenerator<readonly PeerId[]> {
    if (this.#host.isConnected(peer)) yield [peer];
    else if (await this.#dial(peer, end)) yield [peer];
    for await (const path of this.#routes.find(peer, end)) yield path;
  }

  async #dial(peer: PeerId, end: number): Promise<boolean> {
    for (const address of this.#addressesOf(peer).slice(0, MOST_DIALS)) {
      const timeout = Math.min(DIAL_TIMEOUT, end - Date.now());
      if (timeout <= 0) return false;
      const target = address.includes(`/p2p/${peer}`) ? address : `${address}/p2p/${peer}`;
      try {
        await this.#host.dial(target, { timeout, signal: this.#closed.signal });
        return true;
      } catch {
        // the next address may do; when none does, there are the neighbours
      }
    }
    return false;
  }

  /** Waits until a letter of our own may go to a neighbour. @throws BitmodelError `DELIVERY_FAILED` */
  async #turn(next: PeerId, bytes: number, end: number): Promise<void> {
    for (;;) {
      const wait = Math.max(this.#countsOut.wait(next), this.#bytesOut.wait(next, bytes));
      if (wait === 0) break;
      if (Date.now() + wait >= end) {
        throw new BitmodelError('DELIVERY_FAILED', `Too much is under way to ${next}.`);
      }
      await delay(Math.max(1, wait), undefined, { signal: this.#closed.signal, ref: false });
    }
    this.#countsOut.take(next);
    this.#bytesOut.take(next, bytes);
  }

  /** Hands a letter to the first of a path; undefined when it did not arrive. */
  async #send(
    letter: Letter,
    path: readonly PeerId[],
    patience: number,
  ): Promise<Uint8Array | undefined> {
    const [next, ...rest] = path;
    const onward = await Promise.all(rest.map(peerIdBytes));
    const frame = encodeDelivery({ ...letter, path: onward, patience });
    const { signal } = this.#closed;
    const answer = await this.#host.request(next!, DELIVER, frame, { timeout: patience, signal });
    try {
      const { outcome } = await openOutcome(answer, letter.envelope.to, letter.sealed);
      return outcome === 'undelivered' ? undefined : answer;
    } catch (thrown) {
      this.#penalties.penalise(
        next!,
        'garbage',
        'an answer to a delivery that its receiver did not sign',
      );
      throw thrown;
    }
  }

  async #read(peer: PeerId, letter: Letter, bytes: Uint8Array): Promise<Uint8Array> {
    const { outcome, answer } = await openOutcome(bytes, letter.envelope.to, letter.sealed);
    if (outcome === 'answered') return answer;
    throw new BitmodelError(
      'DELIVERY_REFUSED',
      `${peer} did not take the message: ${new TextDecoder().decode(answer)}.`,
      { exitCode: EXIT.notAllowed },
    );
  }

  async #onFrame(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const isWelcome = this.#counts.take(peer) && this.#bytes.take(peer, frame.length);
    let letter: Letter;
    try {
      letter = decodeDelivery(frame);
    } catch (thrown) {
      this.#penalties.penalise(peer, 'garbage', messageOf(thrown));
      throw thrown;
    }
    if (!isWelcome) {
      // whoever carries what others wrote is not at fault
      if (equalBytes(letter.envelope.from, await peerIdBytes(peer))) {
        this.#penalties.penalise(peer, 'flood', 'more deliveries than its share');
      }
      return encodeOutcome('undelivered');
    }
    if (!(await isSignedBySender(letter))) {
      this.#penalties.penalise(peer, 'garbage', 'a delivery that its sender did not sign');
      return encodeOutcome('undelivered');
    }
    const mailroom = await this.#mailroom;
    if (mailroom.isFor(letter.envelope.to)) return mailroom.take(letter);
    return (await this.#passOn(letter)) ?? encodeOutcome('undelivered');
  }

  async #passOn(letter: Letter): Promise<Uint8Array | undefined> {
    const patience = Math.min(letter.patience, MOST_PATIENCE) - HOP_TIME;
    // what we wrote ourselves would count against us where it goes
    const isOwn = equalBytes(letter.envelope.from, await peerIdBytes(this.#host.id));
    if (isOwn || !this.#forwards || letter.path.length === 0 || patience <= 0) return undefined;
    try {
      const path = await Promise.all(letter.path.map(peerIdFromBytes));
      const next = path[0]!;
      if (!this.#host.isConnected(next) || !this.#mayCarry(next, letter)) return undefined;
      return await this.#send(letter, path, patience);
    } catch {
      // whoever sent it learns that it was not delivered, and tries another way
      return undefined;
    }
  }

  #mayCarry(next: PeerId, { sealed }: Letter): boolean {
    return this.#countsOut.carry(next) && this.#bytesOut.carry(next, sealed.length);
  }
}
