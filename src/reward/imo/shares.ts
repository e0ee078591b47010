import { fromHex } from '../../base/index.js';
import { DUST, type TransactionOutput } from '../../chain/index.js';
import { commitmentScript } from './incomeContract.js';
import type { Snapshot } from './snapshot.js';

/** Money owed to holders by the hex of their locking scripts, base units. */
export type Owed = ReadonlyMap<string, bigint>;

/** What one payment does: whom it pays, and what it carries to the next. */
export interface PaymentPlan {
  readonly snapshot: Snapshot;
  /** Base units taken out of the income contract. */
  readonly taken: bigint;
  /** Of these, what came in since the last payment and is shared by this snapshot. */
  readonly shared: bigint;
  /** In the order of their scripts' hex. */
  readonly paid: Owed;
  /** Too little to be paid now; goes back into the income contract, and is still theirs. */
  readonly carried: Owed;
  /** Output 0 the commitment, then the payments, then what is carried, where there is anything. */
  readonly outputs: readonly TransactionOutput[];
}

/** Nobody is paid less than this at once: an output of less costs more than it brings. Base units. */
export const LEAST_PAYMENT = DUST;
/** Most payments in one transaction: those who are owed most; the others' are carried to the next. */
export const MOST_PAYMENTS = 5_000;

const sum = (amounts: Iterable<bigint>): bigint => [...amounts].reduce((a, b) => a + b, 0n);

/**
 * An amount divided in proportion to units: everybody's share rounded down, and what is left one base unit each to those
 * whose fractions were largest, ties to the smaller script.
 */
export function proportional(amount: bigint, holders: ReadonlyMap<string, bigint>): Owed {
  const units = sum(holders.values());
  if (units === 0n) return new Map();
  const shares = [...holders].map(([script, held]) => ({
    script,
    share: (amount * held) / units,
    rest: (amount * held) % units,
  }));
  const left = Number(amount - sum(shares.map(({ share }) => share)));
  const byRest = [...shares].sort((a, b) =>
    a.rest === b.rest ? (a.script < b.script ? -1 : 1) : a.rest > b.rest ? -1 : 1,
  );
  const lucky = new Set(byRest.slice(0, left).map(({ script }) => script));
  return new Map(
    shares.map(({ script, share }) => [script, lucky.has(script) ? share + 1n : share]),
  );
}

/**
 * The payment that a snapshot makes of an amount, given what earlier payments carried. It is the same for everybody who
 * works it out.
 * @param income locking script of the income contract
 * @param taken base units out of the contract, at least what is carried
 */
export function planPayment(
  model: string,
  income: Uint8Array,
  snapshot: Snapshot,
  taken: bigint,
  before: Owed,
): PaymentPlan {
  const shared = taken - sum(before.values());
  const owed = new Map(before);
  for (const [script, share] of proportional(shared, snapshot.holders)) {
    owed.set(script, (owed.get(script) ?? 0n) + share);
  }
  const due = [...owed].filter(([, amount]) => amount >= LEAST_PAYMENT);
  due.sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x > y ? -1 : 1));
  const paid = new Map(due.slice(0, MOST_PAYMENTS).sort(([a], [b]) => (a < b ? -1 : 1)));
  const carried = new Map([...owed].filter(([script, amount]) => !paid.has(script) && amount > 0n));
  const back = sum(carried.values());
  const commitment = commitmentScript(model, snapshot);
  const outputs = [
    { value: 0n, lockingScript: commitment },
    ...[...paid].map(([script, value]) => ({ value, lockingScript: fromHex(script) })),
    ...(back > 0n ? [{ value: back, lockingScript: income }] : []),
  ];
  return { snapshot, taken, shared, paid, carried, outputs };
}

/** Base units that a payment pays out. */
export function paidTotal({ paid }: Pick<PaymentPlan, 'paid'>): bigint {
  return sum(paid.values());
}

/** Base units that are carried. */
export function owedTotal(owed: Owed): bigint {
  return sum(owed.values());
}
