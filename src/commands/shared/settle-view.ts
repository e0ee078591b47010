import { formatAmount } from '../../base/index.js';
import type { LeftAlone, PlannedSettlement, Settlement } from '../../reward/index.js';
import { cell } from './columns.js';
import type { Settings } from './settings.js';
import { destination } from './source-view.js';

/** A settlement as JSON: amounts as decimal strings. */
export function settlementJson<T extends PlannedSettlement>(
  settlement: T,
  settings: Settings,
): object {
  return {
    ...settlement,
    amount: formatAmount(settlement.amount),
    fee: formatAmount(settlement.fee),
    shares: settlement.shares.map(({ lockingScript, amount, ...share }) => ({
      ...share,
      destination: destination(lockingScript, settings),
      amount: formatAmount(amount),
    })),
  };
}

/** What stays in a contract, as JSON. */
export function leftJson({ amount, needs, fee, ...left }: LeftAlone): object {
  return {
    ...left,
    amount: formatAmount(amount),
    ...(needs === undefined ? {} : { needs: formatAmount(needs) }),
    ...(fee === undefined ? {} : { fee: formatAmount(fee) }),
  };
}

const WORDS: Readonly<Record<LeftAlone['reason'], (left: LeftAlone) => string>> = {
  dust: ({ needs }) =>
    `carried until ${formatAmount(needs ?? 0n)} lie there: a share would be dust`,
  minimum: ({ needs }) => `left until ${formatAmount(needs ?? 0n)} lie there, as --minimum says`,
  cost: ({ fee, needs }) =>
    `left${needs === undefined ? '' : ` until ${formatAmount(needs)} lie there`}: settling would cost ${formatAmount(fee ?? 0n)}`,
  budget: ({ fee }) => `left: ${formatAmount(fee ?? 0n)} in fees would be more than --max-fees`,
  size: () => 'left: it pays more outputs than one transaction can hold',
  refused: ({ detail }) => `left: the node says: ${detail ?? ''}`,
  destination: ({ missing }) =>
    `waits: no pin shows the script with the hash ${missing?.slice(0, 16)}…`,
  immature: () => 'waits: mined less than 100 blocks ago',
  taken: () => 'somebody else settled it first',
  chain: ({ waited }) =>
    waited === undefined
      ? 'waits for the next block: run it again then, or pass --wait'
      : `left: too much that it hangs on was in none of ${waited} blocks; run it again later`,
  funds: () => 'waits: the key has too little for the fee',
};

/** What stays in a contract and why, in a line. */
export function leftLine(left: LeftAlone): string {
  const { name, amount, coins, reason } = left;
  const many = coins === 1 ? '' : `, in ${coins} coins`;
  return `${name}: ${formatAmount(amount)}${many} ${WORDS[reason](left)}`;
}

/** One settlement as lines of at most 80 columns. */
export function settlementLines(
  settlement: PlannedSettlement | Settlement,
  settings: Settings,
  nameOf: (id: string) => string,
): string[] {
  const { name, amount, coins, fee } = settlement;
  const from = `${name}: ${formatAmount(amount)} in ${coins} coin${coins === 1 ? '' : 's'}, for a fee of ${formatAmount(fee)}`;
  const rows = settlement.shares.map(({ id, amount: units, lockingScript }) => {
    const paidAt = cell(destination(lockingScript, settings), 38).trimEnd();
    return `  ${cell(nameOf(id), 18)} ${cell(formatAmount(units), 18, 'right')}  ${paidAt}`;
  });
  return [from, ...('txid' in settlement ? [`  in ${settlement.txid}`] : []), ...rows];
}

/** What was, or would be, settled and left, for people. */
export function settleText(
  settlements: readonly (PlannedSettlement | Settlement)[],
  left: readonly LeftAlone[],
  settings: Settings,
  nameOf: (id: string) => string,
): string {
  const lines = settlements.flatMap((each) => settlementLines(each, settings, nameOf));
  let paid = 0n;
  let fees = 0n;
  for (const { shares, fee } of settlements) {
    fees += fee;
    for (const { to, amount } of shares) if (to !== 'split') paid += amount;
  }
  const many = `${settlements.length} transaction${settlements.length === 1 ? '' : 's'}`;
  const sum =
    settlements.length === 0
      ? left.length === 0
        ? ['Nothing waits in these contracts, or in those that they pay.']
        : ['Nothing is settled now.']
      : [`${many}: ${formatAmount(paid)} out of contracts, for ${formatAmount(fees)} in fees`];
  return [...lines, ...left.map(leftLine), ...sum].join('\n');
}
