import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  type MarketResult,
  marketChart,
  marketJson,
  sellerIncomes,
  simulateMarket,
  thousandths,
  verifierIncomes,
} from '../rastic/index.js';
import { action } from './shared/action.js';
import { MARKET_OPTIONS, marketOf } from './shared/market-options.js';
import { writeNamedFile } from './shared/output.js';
import { listTable } from './shared/tables.js';

interface SimulateOptions extends Readonly<Record<string, unknown>> {
  readonly svg?: string;
}

async function summary(result: MarketResult): Promise<string> {
  const means = new Map(
    [...sellerIncomes(result), ...verifierIncomes(result)].map(({ name, mean }) => [
      name as string,
      thousandths(mean.at(-1)!),
    ]),
  );
  const rows = result.kinds.map(({ kind, members, sold, cheated, slashed, active }) => [
    kind,
    ...[members, sold, cheated, slashed, active].map(String),
    means.get(kind) ?? '',
  ]);
  const head = ['sellers', 'members', 'jobs', 'cheated', 'convicted', 'selling', 'mean income'];
  const lazy = `lazy verifiers: ${result.lazyCaught} of ${result.lazyVerifiers} lost their bond, mean income ${means.get('lazy verifier') ?? '-'}`;
  const honest = `honest verifiers: ${result.honestVerifiers}, mean income ${means.get('honest verifier') ?? '-'}`;
  return [await listTable(head, rows), honest, lazy].join('\n');
}

/** `bitmodel rastic simulate`: a market of sellers, some of whom cheat, and what each kind earns. */
export function registerSimulate(rastic: Command): void {
  const command = rastic
    .command('simulate')
    .description('simulate a market in which some cheat, and show what each kind earns');
  for (const { flag, value, says, preset } of MARKET_OPTIONS) {
    command.option(`${flag} ${value}`, says, preset);
  }
  command
    .option('--svg <file>', 'write a picture of the incomes over time, - for stdout')
    .addHelpText(
      'after',
      '\nThe same seed and numbers give the same market, JSON and picture, byte for byte.\n\nExamples:\n  $ bitmodel rastic simulate --svg market.svg\n  $ bitmodel rastic simulate --audit-rate 0.1 --seed 7 --json',
    )
    .action(
      action<SimulateOptions>(async (_, { options, settings, terminal }) => {
        if (options.svg === '-' && settings.json) {
          throw new BitmodelError('BAD_OPTION', 'The picture and --json can’t both have stdout.', {
            next: 'Name a file for the picture',
            exitCode: EXIT.usage,
          });
        }
        const result = simulateMarket(marketOf(options));
        if (options.svg === '-') process.stdout.write(marketChart(result));
        else {
          if (options.svg !== undefined) writeNamedFile(options.svg, marketChart(result), terminal);
          terminal.result(marketJson(result), await summary(result));
        }
      }),
    );
}
