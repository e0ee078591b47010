import { BitmodelError, EXIT, toHex } from '../../base/index.js';
import {
  type AddressParameters,
  addressScript,
  DUST,
  type TransactionOutput,
} from '../../chain/index.js';
import { NFT_HOLDER } from '../declared/ownerText.js';
import { payoutByOwner } from '../flow/owners.js';
import { payout } from '../flow/payout.js';
import { type ContributionGraph, quoted } from '../graph/graph.js';
import {
  amountsHash,
  encodePayoutMark,
  type GraphOrigin,
  graphHash,
  type PayoutMark,
} from './payoutMark.js';

/** Base units by owner. */
export type Amounts = ReadonlyMap<string, bigint>;

/** From what a batch is computed. */
export interface BatchRequest {
  readonly graph: ContributionGraph;
  /** Base units paid for sources, by id. */
  readonly demand: Amounts;
  readonly origin: GraphOrigin;
  /** See {@link PayoutMark.height}. */
  readonly height: number;
  /** Base units below which an owner's sum is carried, from {@link DUST}, which it is unless stated, to {@link HIGHEST_MINIMUM}. */
  readonly minimum?: bigint | undefined;
}

/** One owner's payment in a batch. */
export interface OwnerPayment {
  /** The address, as the graph has it. */
  readonly owner: string;
  readonly lockingScript: Uint8Array;
  /** Base units paid: the share and what was carried. */
  readonly amount: bigint;
  /** Base units of it that were carried from earlier batches. */
  readonly carried: bigint;
}

/** What a batch pays, and what it carries to the next. */
export interface BatchPlan {
  /** In the order of owners. */
  readonly payments: readonly OwnerPayment[];
  /** Sums too small to be paid, by owner; all that the next batch begins with. */
  readonly carried: Amounts;
  /** Base units of the demand. */
  readonly demanded: bigint;
  /** Base units of all payments. */
  readonly paid: bigint;
  readonly mark: Omit<PayoutMark, 'first' | 'count' | 'total'>;
}

/**
 * Most payments of one transaction: about 170 kB, so that the 24 that may wait for a block together with the one that
 * funds them stay below the 8 MB that such transactions may have together.
 */
export const PAYMENTS_PER_TRANSACTION = 5_000;
/** Base units, 0.01 coins: whoever kept back more than that of an owner would not carry dust, but owe. */
export const HIGHEST_MINIMUM = 1_000_000n;
/** Owners named in an error. */
const NAMED = 3;

const sumOf = (amounts: Iterable<bigint>): bigint => {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
};

function badOwners(owners: readonly string[], what: string): BitmodelError {
  const named = owners.slice(0, NAMED).map(quoted).join(', ');
  const more = owners.length > NAMED ? ` and ${owners.length - NAMED} more` : '';
  return new BitmodelError('BAD_OWNER', `${what} ${named}${more}; nothing was sent.`, {
    next: owners.some((owner) => owner.startsWith(NFT_HOLDER))
      ? 'Leave out what an NFT owns: its holder takes what jobs bring with bitmodel nft collect'
      : 'Give each source that is paid the address of its owner',
    exitCode: EXIT.usage,
  });
}

/** Everybody's share of a payout. @throws BitmodelError `BAD_OWNER` where a source that is paid names no owner */
function sharesOf({ graph, demand }: BatchRequest): Map<string, bigint> {
  const shares = payoutByOwner(graph, payout(graph, demand));
  const unowned = shares.filter(({ owner }) => owner === undefined);
  if (unowned.length > 0) {
    throw badOwners(
      unowned.map(({ sources }) => sources[0]!),
      'These sources are paid and name no owner:',
    );
  }
  return new Map(shares.map(({ owner, amount }) => [owner!, amount]));
}

/** The scripts of owners' addresses. @throws BitmodelError `BAD_OWNER` naming those that are none */
function scriptsOf(owners: Iterable<string>, params: AddressParameters): Map<string, Uint8Array> {
  const scripts = new Map<string, Uint8Array>();
  const bad: string[] = [];
  for (const owner of owners) {
    try {
      scripts.set(owner, addressScript(owner, params));
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      bad.push(owner);
    }
  }
  if (bad.length > 0) throw badOwners(bad, 'These owners are no addresses of this network:');
  return scripts;
}

/**
 * What everybody is paid out of a computed payout (DESIGN 9), circles included: each owner's share with what was carried
 * for it, unless that comes to less than the minimum and is carried on. Payments and what is carried sum to the demand
 * and what was carried before, to the unit.
 * @param before carried from earlier batches
 * @throws BitmodelError `BAD_OWNER`, `BAD_MINIMUM`, as `payout`
 */
export function planBatch(
  request: BatchRequest,
  before: Amounts,
  params: AddressParameters,
): BatchPlan {
  const { graph, demand, origin, height, minimum = DUST } = request;
  if (minimum < DUST) {
    throw new BitmodelError('BAD_MINIMUM', `Nodes relay no payment below ${DUST} base units.`, {
      next: 'Ask for a higher --minimum, or leave it out',
      exitCode: EXIT.usage,
    });
  }
  if (minimum > HIGHEST_MINIMUM) {
    throw new BitmodelError(
      'BAD_MINIMUM',
      `Sums of ${HIGHEST_MINIMUM} base units and more are paid, not carried.`,
      { next: 'Ask for a lower --minimum, or leave it out', exitCode: EXIT.usage },
    );
  }
  const shares = sharesOf(request);
  const owners = [...new Set([...shares.keys(), ...before.keys()])].sort();
  const scripts = scriptsOf(owners, params);
  const payments: OwnerPayment[] = [];
  const carriedOn = new Map<string, bigint>();
  for (const owner of owners) {
    const carried = before.get(owner) ?? 0n;
    const amount = (shares.get(owner) ?? 0n) + carried;
    if (amount >= minimum) {
      payments.push({ owner, lockingScript: scripts.get(owner)!, amount, carried });
    } else if (amount > 0n) carriedOn.set(owner, amount);
  }
  const marked = { graph: graphHash(graph), demand: amountsHash(demand) };
  return {
    payments,
    carried: carriedOn,
    demanded: sumOf(demand.values()),
    paid: sumOf(payments.map(({ amount }) => amount)),
    mark: { ...marked, carried: amountsHash(before), minimum, height, origin },
  };
}

/**
 * The outputs of a batch's transactions: of each its mark, then its payments. Without payments there are none.
 * @param most payments of one transaction
 */
export function batchOutputs(
  { payments, mark }: BatchPlan,
  most = PAYMENTS_PER_TRANSACTION,
): TransactionOutput[][] {
  const transactions: TransactionOutput[][] = [];
  for (let first = 0; first < payments.length; first += most) {
    const some = payments.slice(first, first + most);
    const marked = { ...mark, first, count: some.length, total: payments.length };
    const head = { value: 0n, lockingScript: encodePayoutMark(marked) };
    transactions.push([head, ...some.map(paymentOutput)]);
  }
  return transactions;
}

/** First output of the transaction that funds those of a batch: it pays no owner itself. */
export function batchHead({ payments, mark }: BatchPlan): TransactionOutput {
  const marked = { ...mark, first: 0, count: 0, total: payments.length };
  return { value: 0n, lockingScript: encodePayoutMark(marked) };
}

function paymentOutput({ lockingScript, amount }: OwnerPayment): TransactionOutput {
  return { value: amount, lockingScript };
}

/** The name of what a batch pays: equal for the same graph, demand and minimum, whatever was carried. */
export function batchName({ mark }: Pick<BatchPlan, 'mark'>): string {
  return `${toHex(mark.graph)}${toHex(mark.demand)}${mark.minimum}`;
}
