import { hashKey } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import type { Answer } from './answer.js';
import type { FactBook } from './FactBook.js';
import type { Fact } from './facts.js';
import type { HeaderChain } from './HeaderChain.js';
import { BEGINNING, isBefore, type Kind, type Place } from './question.js';

/** What one peer has said to a question. */
export interface Testimony {
  readonly peer: PeerId;
  /** What lies before was told already. */
  readonly from: Place;
  readonly keys: readonly Uint8Array[];
  /** Ids of the transactions that it has proven. */
  readonly proven: Set<string>;
  /** The tips that its answers were about. */
  readonly tips: Answer['tip'][];
  /** Whether it has told all. */
  isDone: boolean;
}

/** Name of a question about one key. */
export function questionKey(kind: Kind, key: Uint8Array): string {
  return `${kind} ${hashKey(key)}`;
}

/**
 * What peers have told, held against each other and against what is proven: a proof can't be false, but something can
 * be left out. Whoever told all up to a place and kept back what another proves to lie before it is scored.
 */
export class Testimonies {
  readonly #headers: HeaderChain;
  readonly #facts: FactBook;
  readonly #penalties: Penalties;
  /** Of each peer: up to which place it has told of a key. */
  readonly #told = new Map<PeerId, Map<string, Place>>();
  /** Who left something out, and the id of a transaction that they left out. */
  readonly #silent = new Map<PeerId, string>();

  constructor(headers: HeaderChain, facts: FactBook, penalties: Penalties) {
    this.#headers = headers;
    this.#facts = facts;
    this.#penalties = penalties;
  }

  /** One question for the keys that a peer was never asked for, one for each place up to which it has told. */
  questions(peer: PeerId, kind: Kind, keys: readonly Uint8Array[]): Testimony[] {
    const told = this.#told.get(peer) ?? new Map<string, Place>();
    this.#told.set(peer, told);
    const groups = new Map<string, { from: Place; keys: Uint8Array[] }>();
    for (const key of keys) {
      const from = told.get(questionKey(kind, key)) ?? BEGINNING;
      const name = `${from.height} ${from.position}`;
      const group = groups.get(name) ?? { from, keys: [] };
      groups.set(name, { from, keys: [...group.keys, key] });
    }
    return [...groups.values()].map((group) => ({
      peer,
      ...group,
      proven: new Set(),
      tips: [],
      isDone: false,
    }));
  }

  /** Everything up to the peer's tip was told, if that is on the chain here. */
  settle(kind: Kind, said: Testimony): void {
    said.isDone = true;
    const told = this.#told.get(said.peer);
    const height = this.#coveredHeight(said);
    if (!told || height === undefined) return;
    const upTo = { height: height + 1, position: 0 };
    // what is found in other ways may be forgotten here, and must then be told again
    if (kind !== 'history') return;
    for (const key of said.keys) told.set(questionKey(kind, key), upTo);
  }

  /** Notes that everybody who has told of a new fact's script up to a later place has kept it back. */
  blameSilent({ peer, keys }: Testimony, fact: Fact): void {
    for (const [other, told] of this.#told) {
      if (other === peer || told.size === 0) continue;
      const isKeptBack = keys.some((key) => {
        const upTo = told.get(questionKey('history', key));
        const isTold = upTo !== undefined && isBefore(fact, upTo);
        return isTold && this.#facts.answers(fact, 'history', new Set([hashKey(key)]));
      });
      if (isKeptBack) this.#silent.set(other, fact.txid);
    }
  }

  /** Scores whoever told all up to a tip of the chain and left out what is proven to be there. */
  scoreOmissions(kind: Kind, said: readonly Testimony[]): void {
    // whether a transaction that says a pin makes one is more than the transaction shows
    if (kind === 'pins') return;
    for (const each of said) {
      const omitted = this.#omittedBy(kind, each);
      if (omitted) this.#silent.set(each.peer, omitted.txid);
    }
    for (const [peer, txid] of this.#silent) {
      this.#penalties.penalise(peer, 'omission', `transaction ${txid}`);
    }
    this.#silent.clear();
  }

  /** What a peer has told is asked for anew when it comes again. */
  forget(peer: PeerId): void {
    this.#told.delete(peer);
  }

  /** What was told above a fork is asked for anew. */
  reorganised(forkHeight: number): void {
    const upTo = { height: forkHeight + 1, position: 0 };
    for (const told of this.#told.values()) {
      for (const [key, place] of told) if (isBefore(upTo, place)) told.set(key, upTo);
    }
  }

  #omittedBy(kind: Kind, said: Testimony): Fact | undefined {
    const height = this.#coveredHeight(said);
    if (height === undefined) return undefined;
    return said.keys
      .flatMap((key) => this.#facts.answering(kind, key))
      .find((fact) => {
        const isCovered = !isBefore(fact, said.from) && fact.height <= height;
        return isCovered && !said.proven.has(fact.txid);
      });
  }

  /** Up to which height a peer has told all; undefined unless all its answers were about the chain here. */
  #coveredHeight({ tips, isDone }: Testimony): number | undefined {
    const isOfOne = tips.every(({ height, hash }) => this.#headers.holds(height, hash));
    return isDone && isOfOne ? tips.at(-1)?.height : undefined;
  }
}
