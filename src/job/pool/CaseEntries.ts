import { sha256, toHex, utf8 } from '../../base/index.js';
import { isParty, rejudgementFault } from '../cases/case.js';
import type { AnyMessage, Message } from '../messages.js';
import type { Placement } from './JobEntries.js';
import { sizeLimit } from './quota.js';
import { byId, type Entry } from './view.js';

/** A verdict that somebody appeals against, with all that was said about it. */
export interface PooledCase {
  /** Id of the case, hex. */
  readonly id: string;
  /** Of the same verdict each; those of the job's parties first, then of those with the richest coins. */
  readonly appeals: readonly Message<'appeal'>[];
  /** By message id. */
  readonly rejudgements: readonly Message<'rejudgement'>[];
}

/** An appeal, and what its author's coin is worth. */
interface Appeal {
  readonly entry: Entry;
  readonly worth: bigint;
}

/** Appeals kept of one case, one of each author: each may seal other evidence. */
const MOST_APPEALS = 4;
/** What one member of a jury may say of a case; two that differ contradict each other. */
const MOST_SAID = 2;

const appealOf = ({ message }: Entry): Message<'appeal'> => message as Message<'appeal'>;

function byRank(a: Appeal, b: Appeal): number {
  const party = Number(isParty(appealOf(b.entry))) - Number(isParty(appealOf(a.entry)));
  if (party !== 0) return party;
  if (a.worth !== b.worth) return a.worth > b.worth ? -1 : 1;
  return byId(a.entry, b.entry);
}

/**
 * The messages of one case that a pool keeps: of each author the latest appeal, of the authors those of the job, then
 * those with the richest coins; of each member of the second jury, as the appeals name them, its first messages by id.
 */
export class CaseEntries {
  readonly id: string;
  readonly #appeals = new Map<string, Appeal>();
  readonly #said = new Map<string, readonly Entry[]>();

  constructor(id: string) {
    this.id = id;
  }

  get bytes(): number {
    return [...this.entries()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isEmpty(): boolean {
    return this.#appeals.size === 0;
  }

  /** What stands behind its appeals: the coin of each, `txid:index`, and what it is worth. */
  *coins(): Generator<{ readonly coin: string; readonly worth: bigint }> {
    for (const { entry, worth } of this.#appeals.values()) {
      yield { coin: appealOf(entry).body.coin, worth };
    }
  }

  *entries(): Generator<Entry> {
    for (const { entry } of this.#appeals.values()) yield entry;
    for (const said of this.#said.values()) yield* said;
  }

  /** Ids of all its messages, sorted. */
  ids(): string[] {
    return [...this.entries()].map(({ id }) => id).sort();
  }

  /** SHA-256 of {@link ids}, hex. */
  digest(): string {
    return toHex(sha256(utf8(this.ids().join(''))));
  }

  view(): PooledCase {
    const appeals = [...this.#appeals.values()].sort(byRank).map(({ entry }) => appealOf(entry));
    const said = [...this.#said.values()].flat().sort(byId);
    return {
      id: this.id,
      appeals,
      rejudgements: said.map(({ message }) => message as Message<'rejudgement'>),
    };
  }

  /** Takes a message about this case that is well signed. @param worth of an appeal: what its coin is worth */
  place(entry: Entry, worth: bigint): Placement {
    const { message } = entry;
    if (message.type === 'appeal') return this.#placeAppeal(entry, message, worth);
    return this.#placeSaid(entry, message as Message<'rejudgement'>);
  }

  /** Drops the appeals that no longer stand, and what only they let others say. @returns what went */
  retain(stands: (appeal: Message<'appeal'>) => boolean): Entry[] {
    const gone: Entry[] = [];
    for (const [author, { entry }] of this.#appeals) {
      if (stands(appealOf(entry))) continue;
      this.#appeals.delete(author);
      gone.push(entry);
    }
    return [...gone, ...this.#silenced()];
  }

  #placeAppeal(entry: Entry, message: Message<'appeal'>, worth: bigint): Placement {
    if (entry.bytes > sizeLimit('appeal', message.body.job)) {
      return refused('it is longer than the tokens of its job can make it');
    }
    const before = this.#appeals.get(message.author);
    if (before && !isLater(entry, before.entry)) {
      return refused('a later appeal of its author is known', false);
    }
    this.#appeals.set(message.author, { entry, worth });
    const gone = before ? [before.entry] : [];
    const last = [...this.#appeals.values()].sort(byRank)[MOST_APPEALS];
    if (last) {
      this.#appeals.delete(last.entry.message.author);
      if (last.entry === entry) return refused('others appeal against this verdict already', false);
      gone.push(last.entry);
    }
    return { status: 'kept', gone, displaced: this.#silenced() };
  }

  #placeSaid(entry: Entry, message: Message<'rejudgement'>): Placement {
    const [any] = this.#appeals.values();
    if (!any || !this.#isCalled(message.author)) return { status: 'wait' };
    const fault = rejudgementFault(message, appealOf(any.entry));
    if (fault !== undefined) return refused(fault);
    if (entry.bytes > sizeLimit('rejudgement', appealOf(any.entry).body.job)) {
      return refused('it is longer than any of its kind');
    }
    const all = [...(this.#said.get(message.author) ?? []), entry].sort(byId);
    const gone = all.slice(MOST_SAID);
    if (gone.includes(entry)) return refused('other messages fill its place', false);
    this.#said.set(message.author, all.slice(0, MOST_SAID));
    return { status: 'kept', gone, displaced: [] };
  }

  #isCalled(author: string): boolean {
    const calls = ({ entry }: Appeal): boolean =>
      appealOf(entry).body.keys.some(({ verifier }) => verifier === author);
    return [...this.#appeals.values()].some(calls);
  }

  /** Takes out what nobody is called to say any more. */
  #silenced(): Entry[] {
    const silenced: Entry[] = [];
    for (const [author, said] of this.#said) {
      if (this.#isCalled(author)) continue;
      this.#said.delete(author);
      silenced.push(...said);
    }
    return silenced;
  }
}

const refused = (reason: string, fault = true): Placement => ({ status: 'refused', reason, fault });

/** Of one author the appeal with the greater height counts, at the same height that of the smaller id. */
function isLater(a: Entry, b: Entry): boolean {
  const height = ({ message }: Entry): number => (message as Message<'appeal'>).body.height;
  return height(a) === height(b) ? a.id < b.id : height(a) > height(b);
}

/** Messages that belong to a case, and not to a job. */
export function isOfCase({ type }: AnyMessage): boolean {
  return type === 'appeal' || type === 'rejudgement';
}
