import { sha256, toHex, utf8 } from '../../base/index.js';
import { isPrivate, type Message } from '../messages.js';
import type { JobSpec } from '../spec.js';
import { kindQuota, sizeLimit } from './quota.js';
import { type AuthorStanding, whyNot } from './rules.js';
import { byId, byPrice, type Entry, type PooledJob, viewOf } from './view.js';

/** What became of a message about a job. */
export type Placement =
  | {
      readonly status: 'kept';
      /** What had to go for it. */
      readonly gone: readonly Entry[];
      /** What nobody lets its author say any more, until another acceptance or contest does. */
      readonly displaced: readonly Entry[];
    }
  | { readonly status: 'wait' }
  | { readonly status: 'refused'; readonly reason: string; readonly fault: boolean };

const refused = (reason: string, fault = true): Placement => ({ status: 'refused', reason, fault });

/**
 * The messages of one announced job that its pool keeps. They are a function of the set of messages it was given (those
 * that wait included) and of the acceptance that was paid: of each author and kind the first by message id, as far as
 * {@link kindQuota} reaches; of each seller its cheapest offer, and of these the cheapest. Each of these bounds has the
 * property that what is left out of a set is left out of every larger one, so that order can't matter.
 */
export class JobEntries {
  readonly id: string;
  readonly spec: JobSpec;
  /** What its coin is worth, base units: jobs that promise more money are kept longer. */
  readonly worth: bigint;
  /** Whether its escrow is on the chain, or its messages are wanted for another reason. */
  isLive = false;
  readonly #offers: number;
  readonly #kept = new Map<string, readonly Entry[]>();
  #pinned: string | undefined;
  #bytes = 0;
  #digest: string | undefined;

  /** @param offers most offers that are kept */
  constructor(announce: Message<'announce'>, worth: bigint, offers: number) {
    this.id = announce.jobId;
    this.spec = announce.body.job;
    this.worth = worth;
    this.#offers = offers;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Says which acceptance was paid into escrow: contradicting ones never displace it. */
  pin(acceptId: string | undefined): void {
    this.#pinned = acceptId;
  }

  *entries(): Generator<Entry> {
    for (const kept of this.#kept.values()) yield* kept;
  }

  /** SHA-256 of the ids of all messages that nodes share, sorted. */
  digest(): string {
    this.#digest ??= toHex(sha256(utf8(this.sharedIds().join(''))));
    return this.#digest;
  }

  /** Ids of all messages that nodes share, sorted. */
  sharedIds(): string[] {
    const shared = [...this.entries()].filter(({ message }) => !isPrivate(message.type));
    return shared.map(({ id }) => id).sort();
  }

  /** The job as participants see it; undefined before its announcement was placed. */
  view(): PooledJob | undefined {
    return viewOf(this.id, this.entries());
  }

  /** Takes a message that is about this job and well signed. */
  place(entry: Entry): Placement {
    const { message } = entry;
    if (entry.bytes > sizeLimit(message.type, this.spec)) {
      return refused('it is longer than the tokens of its job can make it');
    }
    const why = this.#whyNot(entry);
    if (why === 'wait') return { status: 'wait' };
    if (why !== undefined) return refused(why);
    const gone = this.#keep(entry);
    if (gone.includes(entry)) return refused('other messages fill its place', false);
    const maySilence = gone.some(
      ({ message: { type } }) => type === 'accept' || type === 'contest',
    );
    return { status: 'kept', gone, displaced: maySilence ? this.#silenced() : [] };
  }

  #whyNot({ message }: Entry): string | undefined {
    return message.type === 'announce'
      ? undefined
      : whyNot(message, this.spec, this.#standing(message.author));
  }

  #standing(author: string): AuthorStanding {
    const says = (test: (entry: Entry) => boolean) => (): boolean =>
      this.#of(this.spec.client).some(test);
    return {
      isAccepted: says(
        ({ message }) => message.type === 'accept' && message.body.offer.author === author,
      ),
      hasAccepted: (seller, node) =>
        says(
          ({ message }) =>
            message.type === 'accept' &&
            message.body.offer.author === seller &&
            message.body.offer.body.node === node,
        )(),
      isCalled: says(
        ({ message }) =>
          message.type === 'contest' &&
          message.body.keys.some(({ verifier }) => verifier === author),
      ),
    };
  }

  #of(author: string): Entry[] {
    return ['accept', 'contest'].flatMap((type) => this.#kept.get(`${type}:${author}`) ?? []);
  }

  /** Puts it where it belongs, and returns what went for it. */
  #keep(entry: Entry): readonly Entry[] {
    const { type, author } = entry.message;
    const kind = `${type}:${author}`;
    const all = [...(this.#kept.get(kind) ?? []), entry];
    const gone = type === 'offer' ? this.#dearest(kind, all) : this.#beyondQuota(kind, all);
    this.#digest = undefined;
    this.#bytes += entry.bytes;
    for (const { bytes } of gone) this.#bytes -= bytes;
    return gone;
  }

  #beyondQuota(kind: string, all: Entry[]): Entry[] {
    const rank = ({ id }: Entry): number => (id === this.#pinned ? 0 : 1);
    all.sort((a, b) => rank(a) - rank(b) || byId(a, b));
    const { count, bytesBefore } = kindQuota(all[0]!.message.type, this.spec);
    let bytes = 0;
    let end = 0;
    for (; end < all.length && end < count && bytes <= bytesBefore; end++) bytes += all[end]!.bytes;
    this.#kept.set(kind, all.slice(0, end));
    return all.slice(end);
  }

  /** Keeps the cheapest offer of this seller, and drops the dearest seller when there are too many. */
  #dearest(kind: string, all: Entry[]): Entry[] {
    const [cheapest, ...gone] = all.sort(byPrice);
    this.#kept.set(kind, [cheapest!]);
    const offers = [...this.entries()].filter(({ message }) => message.type === 'offer');
    if (offers.length <= this.#offers) return gone;
    const last = offers.sort(byPrice).at(-1)!;
    this.#kept.delete(`offer:${last.message.author}`);
    return [...gone, last];
  }

  /** Takes out what a displaced acceptance or contest leaves without standing. */
  #silenced(): Entry[] {
    const silenced = [...this.entries()].filter((entry) => this.#whyNot(entry) === 'wait');
    for (const entry of silenced) {
      const kind = `${entry.message.type}:${entry.message.author}`;
      const left = this.#kept.get(kind)!.filter((kept) => kept !== entry);
      if (left.length === 0) this.#kept.delete(kind);
      else this.#kept.set(kind, left);
      this.#bytes -= entry.bytes;
    }
    return silenced;
  }
}
