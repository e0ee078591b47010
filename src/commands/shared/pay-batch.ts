import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatAmount, makeFolder, parseAmount } from '../../base/index.js';
import { networkParameters } from '../../chain/index.js';
import { type BatchPlan, payBatch, planByLedger } from '../../reward/index.js';
import type { ActionContext } from './action.js';
import { type BatchSource, readBatchSource } from './batch-source.js';
import { cell } from './columns.js';
import type { Settings } from './settings.js';
import { nodeClient, openWallet } from './wallet.js';

/** Options of `reward settle` that are about batches. */
export interface BatchOptions extends BatchSource {
  readonly carry?: string;
  readonly again?: boolean;
  readonly minimum?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  readonly passphraseFile?: string;
}

/** The ledger of batches that a key pays, unless a file is named. */
export function ledgerPath({ datadir, network }: Settings, key: string): string {
  return join(datadir, network, 'payouts', `${key}.json`);
}

/** Owners shown for people; with `--json` all are. */
const MOST_SHOWN = 40;

function planJson({ payments, carried, demanded, paid, mark }: BatchPlan): object {
  return {
    demanded: formatAmount(demanded),
    paid: formatAmount(paid),
    height: mark.height,
    graph: mark.origin,
    payments: payments.map(({ owner, amount, carried: before }) => ({
      owner,
      amount: formatAmount(amount),
      carried: formatAmount(before),
    })),
    carried: Object.fromEntries([...carried].map(([owner, units]) => [owner, formatAmount(units)])),
  };
}

function planText({ payments, carried, demanded, paid, mark }: BatchPlan): string {
  const rows = payments.slice(0, MOST_SHOWN).map(({ owner, amount, carried: before }) => {
    const late = before > 0n ? `  (${formatAmount(before)} of it carried)` : '';
    return `  ${cell(owner, 36)} ${cell(formatAmount(amount), 18, 'right')}${late}`;
  });
  const more = payments.length - rows.length;
  let kept = 0n;
  for (const units of carried.values()) kept += units;
  return [
    ...rows,
    ...(more > 0 ? [`  … and ${more} more (--json has all)`] : []),
    `${formatAmount(paid)} to ${payments.length} owners, of ${formatAmount(demanded)} by the graph as of block ${mark.height}`,
    ...(kept > 0n
      ? [
          `${formatAmount(kept)} of ${carried.size} owners is below ${formatAmount(mark.minimum)} each, and carried`,
        ]
      : []),
  ].join('\n');
}

/** Pays a batch, or shows what it would pay. @param key the name of the key that pays */
export async function settleBatch(
  key: string,
  { options, settings, terminal, signal }: ActionContext<BatchOptions>,
): Promise<void> {
  const client = nodeClient(settings);
  const { wait = false, again = false, dryRun = false } = options;
  const source = await readBatchSource(client, options, settings, signal);
  const minimum = options.minimum === undefined ? undefined : parseAmount(options.minimum);
  const request = { ...source, minimum };
  const params = networkParameters(settings.network);
  const ledger = options.carry ?? ledgerPath(settings, key);
  if (dryRun) {
    const plan = await planByLedger(client, request, { ledger, params });
    const text = `${planText(plan)}\nNothing was sent (--dry-run).`;
    terminal.result({ dryRun: true, ledger, ...planJson(plan) }, text);
    return;
  }
  if (options.carry === undefined) makeFolder(dirname(ledger));
  else if (!existsSync(ledger)) {
    terminal.warn(`a new ledger is begun in ${ledger}: it knows of no batch that was paid before`);
  }
  const wallet = await openWallet(client, settings, { ...options, key }, signal);
  const done = await payBatch(client, wallet, request, {
    ledger,
    params,
    wait,
    again,
    signal,
    onSent: (txid) => terminal.note(`sent ${txid}`),
  });
  const { plan, txids, fee, resumed } = done;
  const lines = [
    ...(resumed.length > 0 ? [`${resumed.length} transactions of an interrupted batch sent`] : []),
    ...(plan ? [planText(plan)] : ['The batch that was interrupted is paid; it was this one.']),
    ...txids.map((txid) => `in ${txid}`),
    ...(fee === undefined ? [] : [`for a fee of ${formatAmount(fee)}, noted in ${ledger}`]),
  ];
  terminal.result(
    {
      ledger,
      transactions: txids,
      resumed,
      ...(fee === undefined ? {} : { fee: formatAmount(fee) }),
      ...(plan ? planJson(plan) : {}),
    },
    lines.join('\n'),
    txids.join('\n'),
  );
}
