import { BitmodelError, messageOf, utf8 } from '../../base/index.js';
import type { Delivery, PeerId } from '../../network/index.js';
import type { SendResult } from '../pool/JobPoolService.js';
import { decodeAnswer, encodeAnswer, type PrivateDelivery } from '../pool/privateDelivery.js';
import { refused } from '../pool/results.js';
import { type Letter, letterId, MAX_LETTER, parseLetter } from './letter.js';

/** Readers known at once, letters that wait for one of them, and their bytes. */
export const MAILBOX_BOUNDS = { readers: 256, letters: 64, bytes: 8 << 20 } as const;
/** Milliseconds after its last question for which a reader is there, and for which a letter waits. */
const THERE = 15_000;
const WAITS = 600_000;
/** What letters are called among all that nodes bring to each other. */
const SUBJECT = 'letter';

/** What became of a letter, in the words that are used of messages. */
export type LetterResult = SendResult;

interface Waiting {
  readonly cursor: number;
  readonly letter: Letter;
  readonly bytes: number;
  readonly until: number;
}

/** Letters for one reader. */
interface Box {
  lastAsked: number;
  readonly letters: Map<string, Waiting>;
}

/** A network's way to bring letters to one node. @param node the own peer id */
export function letterDelivery(
  delivery: Pick<Delivery, 'deliver' | 'receive'>,
  node: PeerId,
): PrivateDelivery {
  return {
    node,
    deliver: (to, letter) => delivery.deliver(to, SUBJECT, letter),
    receive: (handler) => delivery.receive(SUBJECT, handler),
  };
}

/**
 * Letters that wait at a node for those who ask it for theirs. Nothing is kept for a key that nobody has asked for within
 * some seconds, so that strangers can't fill it, and nothing for long: whoever wrote sends again until it is answered.
 */
export class Mailbox {
  readonly #boxes = new Map<string, Box>();
  readonly #now: () => number;
  /** Above every cursor of an earlier run, so that a reader's last one takes nothing away unread. */
  #cursor: number;
  #delivery: PrivateDelivery | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#cursor = now() * 1_000;
  }

  /** Peer id of this node; undefined while it is on no network. */
  get node(): string | undefined {
    return this.#delivery?.node;
  }

  /** Gives the letters their way to other nodes; those from there are taken from here on. */
  deliverBy(delivery: PrivateDelivery): void {
    this.#delivery = delivery;
    delivery.receive(async (bytes) => encodeAnswer(this.#receive(bytes)));
  }

  /** Takes a letter that somebody here sends, or hands it to the node that it is for. */
  async send(value: unknown): Promise<LetterResult> {
    const { letter, refusal } = parsed(value);
    if (!letter) return refusal;
    if (letter.node === undefined || letter.node === this.node) return this.#keep(letter);
    if (!this.#delivery) return undelivered('this node is on no network');
    try {
      const bytes = utf8(JSON.stringify(letter));
      return decodeAnswer(await this.#delivery.deliver(letter.node, bytes));
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      return undelivered(messageOf(thrown));
    }
  }

  /**
   * Letters for a reader, which is there from now on.
   * @param after forget those up to this cursor: they were read
   */
  list(to: string, after: number): { letters: Letter[]; next: number; node?: string } {
    const box = this.#boxOf(to);
    box.lastAsked = this.#now();
    for (const [id, { cursor }] of box.letters) if (cursor <= after) box.letters.delete(id);
    const waiting = [...box.letters.values()];
    const letters = waiting.map(({ letter }) => letter);
    const next = waiting.at(-1)?.cursor ?? after;
    return { letters, next, ...(this.node === undefined ? {} : { node: this.node }) };
  }

  #receive(bytes: Uint8Array): LetterResult {
    if (bytes.length > MAX_LETTER) return refused('it is too long', true);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      return refused('it is no JSON', true);
    }
    const { letter, refusal } = parsed(value);
    if (!letter) return refusal;
    if (letter.node !== this.node) return refused('it is for another node');
    return this.#keep(letter);
  }

  #keep(letter: Letter): LetterResult {
    this.#forgetOld();
    const box = this.#boxes.get(letter.to);
    if (!box || box.lastAsked + THERE < this.#now()) {
      return undelivered('nobody asks there for letters to this key');
    }
    const id = letterId(letter);
    if (box.letters.has(id)) return { status: 'known' };
    const bytes = letter.box.length;
    const held = [...box.letters.values()].reduce((sum, each) => sum + each.bytes, 0);
    const isFull =
      box.letters.size >= MAILBOX_BOUNDS.letters || held + bytes > MAILBOX_BOUNDS.bytes;
    if (isFull) return undelivered('too many letters wait for it');
    this.#cursor += 1;
    const until = this.#now() + WAITS;
    box.letters.set(id, { cursor: this.#cursor, letter, bytes, until });
    return { status: 'new' };
  }

  #boxOf(to: string): Box {
    const known = this.#boxes.get(to);
    if (known) {
      // the reader that asked last stands last
      this.#boxes.delete(to);
      this.#boxes.set(to, known);
      return known;
    }
    const box: Box = { lastAsked: 0, letters: new Map() };
    this.#boxes.set(to, box);
    if (this.#boxes.size > MAILBOX_BOUNDS.readers) {
      this.#boxes.delete(this.#boxes.keys().next().value!);
    }
    return box;
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [to, { lastAsked, letters }] of this.#boxes) {
      for (const [id, { until }] of letters) if (until < now) letters.delete(id);
      if (letters.size === 0 && lastAsked + THERE < now) this.#boxes.delete(to);
    }
  }
}

const undelivered = (reason: string): LetterResult => ({ status: 'undelivered', reason });

type Parsed =
  | { readonly letter: Letter; readonly refusal?: never }
  | { readonly letter?: never; readonly refusal: LetterResult };

function parsed(value: unknown): Parsed {
  try {
    return { letter: parseLetter(value) };
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return { refusal: refused(messageOf(thrown), true) };
  }
}
