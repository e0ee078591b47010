import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import { type ChainClient, networkParameters } from '../chain/index.js';
import {
  type AssessedOffering,
  findOffering,
  formatWeight,
  type IncomeBooks,
  paidShare,
  readBooks,
  readRegistry,
  type Snapshot,
  saleCoin,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { offeringId } from './shared/imo-options.js';
import {
  figureLines,
  holderName,
  incomeJson,
  offeringJson,
  offeringLines,
  paymentLine,
  topHolders,
} from './shared/imo-view.js';
import { wholeOption } from './shared/number-options.js';
import type { Settings } from './shared/settings.js';
import { nodeClient } from './shared/wallet.js';

interface ShowOptions {
  readonly top: string;
}

interface Shown {
  readonly assessed: AssessedOffering;
  readonly left: bigint;
  readonly snapshot: Snapshot;
  readonly books: IncomeBooks;
  /** What the model pays the holders' contract now, in parts per million. */
  readonly bound: number;
}

async function read(client: ChainClient, settings: Settings, id: string): Promise<Shown> {
  const assessed = await findOffering(client, networkParameters(settings.network), id);
  const { offering, minedAt } = assessed;
  const [registry, books] = [
    await readRegistry(client),
    await readBooks(client, offering, minedAt),
  ];
  const coin = await saleCoin(client, offering);
  return {
    assessed,
    left: coin?.output.token?.amount ?? 0n,
    snapshot: books.moves.at(Math.max(registry.height, books.lastHeight)),
    books,
    bound: paidShare(registry, offering.model, books.script),
  };
}

function textOf(
  { assessed, left, snapshot, books, bound }: Shown,
  settings: Settings,
  top: number,
) {
  const { offering, figures } = assessed;
  const holders = topHolders(snapshot, top).map(
    ([script, units]) => `  ${units.toString().padStart(20)}  ${holderName(script, settings)}`,
  );
  return [
    ...offeringLines(assessed, settings),
    `at block ${offering.height}:`,
    ...(figures ? figureLines(figures, offering.criteria) : ['  (not looked at)']),
    left > 0n
      ? `${left} units left, ${offering.supply - left} sold`
      : 'no units left: sold, or taken back by the issuer',
    `${snapshot.holders.size} holder${snapshot.holders.size === 1 ? '' : 's'} of ${snapshot.units} units at block ${snapshot.height}`,
    ...holders,
    bound >= offering.incomePpm
      ? `the model's split contract pays ${formatWeight(bound)} to its holders`
      : `the model pays its holders ${formatWeight(bound)} now, LESS than was promised`,
    `income so far ${formatAmount(books.received)}, paid to holders ${formatAmount(books.paid)}`,
    ...books.payments.map(paymentLine),
  ].join('\n');
}

const show = action<ShowOptions>(async ([named], { options, settings, terminal }) => {
  const client = nodeClient(settings);
  const top = wholeOption(options.top, '--top', 0, 100_000);
  const shown = await read(client, settings, offeringId(named!, settings));
  const { assessed, left, snapshot, books, bound } = shown;
  const json = {
    ...offeringJson(assessed, settings),
    left: left.toString(),
    holderCount: snapshot.holders.size,
    held: snapshot.units.toString(),
    holders: topHolders(snapshot, top).map(([script, units]) => ({
      holder: holderName(script, settings),
      units: units.toString(),
    })),
    income: incomeJson(books, bound),
  };
  terminal.result(json, textOf(shown, settings, top), assessed.offering.txid);
});

/** Adds `imo show`. */
export function registerShow(imo: Command): void {
  imo
    .command('show')
    .summary('an offering: criteria, what is left, who holds it, what it paid')
    .description(
      'Shows an offering with the figures that its criteria are about, what is left at what price, who holds most, and all income that was shared so far, each payment worked out again.',
    )
    .argument('<id>', 'id of the offering or of its model, or the name or folder of the model here')
    .option('--top <count>', 'how many holders are shown', '10')
    .addHelpText('after', '\nExample:\n  $ bitmodel imo show 77ab…02')
    .action(show);
}
