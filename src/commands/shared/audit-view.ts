import { formatAmount, toHex } from '../../base/index.js';
import type {
  AuditedShare,
  BatchAudit,
  Origin,
  SettlementAudit,
  Whereabouts,
} from '../../reward/index.js';
import { cell } from './columns.js';
import type { Settings } from './settings.js';
import { destination } from './source-view.js';

function shareJson(
  { lockingScript, expected, paid, ...share }: AuditedShare,
  settings: Settings,
): object {
  return {
    ...share,
    destination: destination(lockingScript, settings),
    expected: formatAmount(expected),
    ...(paid === undefined ? {} : { paid: formatAmount(paid) }),
    isRight: paid === expected,
  };
}

/** An audit as JSON: amounts as decimal strings. */
export function auditJson(audit: SettlementAudit | BatchAudit, settings: Settings): object {
  const shares = audit.shares.map((share) => shareJson(share, settings));
  const amount = formatAmount(audit.amount);
  if (audit.kind === 'settlement') {
    const { source, coins, ...rest } = audit;
    return {
      ...rest,
      amount,
      ...(source && {
        source: {
          id: source.id,
          name: source.name,
          kind: source.kind,
          since: source.since,
          pin: source.pin.id,
        },
      }),
      coins: coins.map(({ value, ...coin }) => ({ ...coin, value: formatAmount(value) })),
      shares,
    };
  }
  const { mark, demanded, paid, carried, ...rest } = audit;
  return {
    ...rest,
    demanded: formatAmount(demanded),
    amount,
    paid: formatAmount(paid),
    carried: formatAmount(carried),
    mark: {
      ...mark,
      graph: toHex(mark.graph),
      demand: toHex(mark.demand),
      carried: toHex(mark.carried),
      minimum: formatAmount(mark.minimum),
    },
    shares,
  };
}

const block = (height: number): string => (height === 0 ? 'the mempool' : `block ${height}`);

function originText(origin: Origin): string {
  if (origin.kind === 'job') return `job ${origin.jobId.slice(0, 16)}…`;
  if (origin.kind === 'payment') return 'a payment';
  return `settled from ${origin.name ?? origin.id ?? 'another contract'}`;
}

function whereText(where: Whereabouts, isSplit: boolean): string {
  if (where.state === 'unasked') return '';
  if (where.state === 'there') return isSplit ? 'waits there' : 'lies there';
  const verb = isSplit ? 'settled on in' : 'spent in';
  return `${verb} ${where.txid.slice(0, 16)}… (${block(where.height)})`;
}

/** Rows shown for people; with `--json` all are. */
const MOST_SHOWN = 40;

function shareRows(
  shares: readonly AuditedShare[],
  settings: Settings,
  nameOf: (id: string) => string,
): string[] {
  const rows = shares.slice(0, MOST_SHOWN).flatMap((share) => {
    const { to, expected, paid, lockingScript, whereabouts } = share;
    const where = destination(lockingScript, settings);
    const state =
      paid === expected
        ? 'right'
        : `WRONG: ${paid === undefined ? 'pays another' : formatAmount(paid)}`;
    const name = to === undefined ? '?' : nameOf(to);
    return [
      `  ${cell(name, 36)} ${cell(formatAmount(expected), 18, 'right')}  ${state}`,
      `    ${cell(where, 30)} ${whereText(whereabouts, where.startsWith('split contract'))}`.trimEnd(),
    ];
  });
  const more = shares.length - MOST_SHOWN;
  return more > 0 ? [...rows, `  … and ${more} more (--json has all)`] : rows;
}

function settlementHead({ source, coins, splitHash, ...audit }: SettlementAudit): string[] {
  const shown = coins.slice(0, MOST_SHOWN).map(({ value, height, origin }) => {
    const amount = cell(formatAmount(value), 18, 'right');
    return `  ${amount}  from ${originText(origin)}, ${block(height)}`;
  });
  const more = coins.length - shown.length;
  const declared = source
    ? [
        `contract of ${source.name} (${source.kind}) ${source.id.slice(0, 16)}…`,
        `declared in block ${source.since}${audit.isInForce ? ', in force' : ', changed since'}`,
        `by pin ${source.pin.id}`,
      ]
    : [`contract ${splitHash.slice(0, 32)}…, which no pin shows`];
  return [
    `settlement in ${block(audit.height)}`,
    ...declared,
    `came in: ${formatAmount(audit.amount)} in ${coins.length} coin${coins.length === 1 ? '' : 's'}`,
    ...shown,
    ...(more > 0 ? [`  … and ${more} more (--json has all)`] : []),
    'went out:',
  ];
}

function batchHead({ mark, transactions, height, ...sums }: BatchAudit): string[] {
  const graph = mark.origin === 'chain' ? `the chain as of block ${mark.height}` : 'a file';
  return [
    `batch payout in ${block(height)}, ${transactions.length} paying transaction${transactions.length === 1 ? '' : 's'}`,
    `by the graph of ${graph}, ${mark.total} owners`,
    `came in: ${formatAmount(sums.demanded)}`,
    `to pay:  ${formatAmount(sums.amount)}`,
    `paid:    ${formatAmount(sums.paid)}`,
    `carried: ${formatAmount(sums.carried)}`,
    'went out:',
  ];
}

/** An audit for people, in lines of at most 80 columns. */
export function auditText(
  audit: SettlementAudit | BatchAudit,
  settings: Settings,
  nameOf: (id: string) => string,
): string {
  const head = audit.kind === 'settlement' ? settlementHead(audit) : batchHead(audit);
  return [
    ...head,
    ...shareRows(audit.shares, settings, nameOf),
    ...audit.problems,
    `verdict: ${audit.verdict}`,
  ].join('\n');
}
