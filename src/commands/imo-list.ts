import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import { networkParameters } from '../chain/index.js';
import { assessOfferings, formatWeight, saleCoin } from '../reward/index.js';
import { action } from './shared/action.js';
import { offeringJson } from './shared/imo-view.js';
import { nodeClient } from './shared/wallet.js';

interface ListOptions {
  readonly all?: boolean;
}

const list = action<ListOptions>(async (_args, { options, settings, terminal }) => {
  const client = nodeClient(settings);
  const all = await assessOfferings(client, networkParameters(settings.network));
  const shown = all.filter(({ faults }) => options.all || faults.length === 0);
  const rows = await Promise.all(
    shown.map(async (assessed) => {
      const coin = await saleCoin(client, assessed.offering);
      const left = coin?.output.token?.amount ?? 0n;
      return { assessed, left };
    }),
  );
  const json = rows.map(({ assessed, left }) => ({
    ...offeringJson(assessed, settings),
    left: left.toString(),
  }));
  const hidden = all.length - shown.length;
  if (hidden > 0) terminal.note(`${hidden} more that do not count: --all shows them, and why.`);
  const lines = rows.flatMap(({ assessed: { offering, faults }, left }) => [
    offering.txid,
    `  ${left} of ${offering.supply} units left, ${formatAmount(offering.terms.price)} for each ${offering.terms.lot}`,
    `  ${formatWeight(offering.incomePpm)} of the income of model`,
    `  ${offering.model}`,
    ...faults.map((fault) => `  does not count: ${fault}`),
  ]);
  const brief = shown.map(({ offering }) => offering.txid).join('\n');
  terminal.result(
    { offerings: json },
    shown.length > 0 ? lines.join('\n') : 'There is no offering.',
    brief,
  );
});

/** Adds `imo list`. */
export function registerList(imo: Command): void {
  imo
    .command('list')
    .summary('all offerings that count')
    .description(
      'Lists the offerings whose models met their criteria, worked out again from the chain.',
    )
    .option('--all', 'those that do not count, too, and why')
    .addHelpText('after', '\nExample:\n  $ bitmodel imo list')
    .action(list);
}
