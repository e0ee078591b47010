import type { Command } from 'commander';
import { type BitmodelError, formatAmount, mapConcurrently } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import {
  type AssessedOffering,
  formatWeight,
  listOfferings,
  orItsError,
  saleCoin,
  type Unread,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { offeringJson } from './shared/imo-view.js';
import { nodeClient } from './shared/wallet.js';

interface ListOptions {
  readonly all?: boolean;
}

/** An offering as it is listed. */
interface Row {
  readonly assessed: AssessedOffering;
  /** Units for sale; undefined where that can't be read. */
  readonly left: bigint | undefined;
  readonly problem?: BitmodelError;
}

function rowLines({ assessed: { offering, faults }, left }: Row): string[] {
  const { txid, supply, terms, incomePpm, model } = offering;
  return [
    txid,
    `  ${left ?? '?'} of ${supply} units left, ${formatAmount(terms.price)} for each ${terms.lot}`,
    `  ${formatWeight(incomePpm)} of the income of model`,
    `  ${model}`,
    ...faults.map((fault) => `  does not count: ${fault}`),
  ];
}

function unreadJson({ txid, model, error: { code, message } }: Unread): object {
  return { id: txid, ...(model === undefined ? {} : { model }), code, reason: message };
}

const list = action<ListOptions>(async (_args, { options, settings, terminal }) => {
  const client = nodeClient(settings);
  const { offerings, unread } = await listOfferings(client, networkParameters(settings.network));
  const shown = offerings.filter(({ faults }) => options.all || faults.length === 0);
  const rows = await mapConcurrently(shown, async (assessed): Promise<Row> => {
    const coin = await orItsError(client, () => saleCoin(client, assessed.offering));
    if (coin instanceof Error) return { assessed, left: undefined, problem: coin };
    return { assessed, left: coin?.output.token?.amount ?? 0n };
  });
  const json = rows.map(({ assessed, left }) => ({
    ...offeringJson(assessed, settings),
    left: left?.toString() ?? null,
  }));
  for (const { txid, error } of unread) {
    terminal.warn(`${txid} is left out, as it can't be looked at: ${error.message}`);
  }
  for (const { assessed, problem } of rows) {
    if (problem) terminal.warn(`what is left of ${assessed.offering.txid}: ${problem.message}`);
  }
  const hidden = offerings.length - shown.length;
  if (hidden > 0) terminal.note(`${hidden} more that do not count: --all shows them, and why.`);
  const brief = shown.map(({ offering }) => offering.txid).join('\n');
  terminal.result(
    { offerings: json, unread: unread.map(unreadJson) },
    shown.length > 0 ? rows.flatMap(rowLines).join('\n') : 'There is no offering.',
    brief,
  );
});

/** Adds `imo list`. */
export function registerList(imo: Command): void {
  imo
    .command('list')
    .summary('all offerings that count')
    .description(
      'Lists the offerings whose models met their criteria, worked out again from the chain. What can not be looked at is left out, with a warning that says why.',
    )
    .option('--all', 'those that do not count, too, and why')
    .addHelpText('after', '\nExample:\n  $ bitmodel imo list')
    .action(list);
}
