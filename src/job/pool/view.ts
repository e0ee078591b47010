import { parseAmount } from '../../base/index.js';
import type { AnyMessage, Message, MessageType } from '../messages.js';
import type { JobSpec } from '../spec.js';

/** A job with everything said about it, in an order that depends on the messages alone. */
export interface PooledJob {
  readonly id: string;
  readonly spec: JobSpec;
  readonly announce: Message<'announce'>;
  /** Cheapest first, then by message id. */
  readonly offers: readonly Message<'offer'>[];
  readonly accepts: readonly Message<'accept'>[];
  /** Only in the pool of the node that they were delivered to, and in the mirrors of those who speak through it. */
  readonly prompts: readonly Message<'prompt'>[];
  readonly commitments: readonly Message<'commitment'>[];
  readonly withdrawals: readonly Message<'withdraw'>[];
  readonly contests: readonly Message<'contest'>[];
  readonly counterproofs: readonly Message<'counterproof'>[];
  readonly verdicts: readonly Message<'verdict'>[];
  /** Pairs of messages that contradict each other: same author, kind and number. */
  readonly contradictions: readonly (readonly AnyMessage[])[];
}

/** A message in a pool. */
export interface Entry {
  readonly id: string;
  readonly message: AnyMessage;
  readonly bytes: number;
  /** Arrival number in this pool; for listing alone, no part of the state. */
  readonly arrival: number;
}

/** By message id. */
export const byId = (a: Entry, b: Entry): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Offers, the cheapest first, then by message id. */
export function byPrice(a: Entry, b: Entry): number {
  const price = (entry: Entry): bigint =>
    parseAmount((entry.message as Message<'offer'>).body.pricePerToken);
  const difference = price(a) - price(b);
  return difference === 0n ? byId(a, b) : difference < 0n ? -1 : 1;
}

/** The first entries by arrival, up to the one that goes beyond so many bytes. */
export function pageOf(entries: readonly Entry[], maxBytes = Number.POSITIVE_INFINITY): Entry[] {
  let left = maxBytes;
  return entries
    .toSorted((a, b) => a.arrival - b.arrival)
    .filter((entry) => {
      const fits = left > 0;
      left -= entry.bytes;
      return fits;
    });
}

/** Everything said about one job, from its entries in any order. */
export function viewOf(id: string, kept: Iterable<Entry>): PooledJob | undefined {
  const entries = [...kept].sort(byId);
  const of = <T extends MessageType>(type: T): Message<T>[] =>
    entries
      .filter((entry) => entry.message.type === type)
      .map((entry) => entry.message as AnyMessage as Message<T>);
  const announce = of('announce')[0];
  if (!announce) return undefined;
  const offers = entries.filter((entry) => entry.message.type === 'offer').sort(byPrice);
  return {
    id,
    spec: announce.body.job,
    announce,
    offers: offers.map((entry) => entry.message as Message<'offer'>),
    accepts: of('accept'),
    prompts: of('prompt'),
    commitments: of('commitment'),
    withdrawals: of('withdraw'),
    contests: of('contest'),
    counterproofs: of('counterproof'),
    verdicts: of('verdict'),
    contradictions: contradictionsIn(entries),
  };
}

/** Entries of the same author, kind and number, where there are several; sorted, as they come. */
function contradictionsIn(entries: readonly Entry[]): AnyMessage[][] {
  const slots = new Map<string, AnyMessage[]>();
  for (const { message } of entries) {
    const slot = `${message.type}:${message.author}:${message.sequence}`;
    slots.set(slot, [...(slots.get(slot) ?? []), message]);
  }
  return [...slots.values()].filter((messages) => messages.length > 1);
}
