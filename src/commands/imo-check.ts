import type { Command } from 'commander';
import { networkParameters } from '../chain/index.js';
import { imoFigures, imoRules, unmet } from '../reward/index.js';
import { action } from './shared/action.js';
import { criteriaJson, figureLines, figuresJson } from './shared/imo-view.js';
import { wholeOption } from './shared/number-options.js';
import { idOf } from './shared/source-view.js';
import { nodeClient } from './shared/wallet.js';

interface CheckOptions {
  readonly at?: string;
}

const check = action<CheckOptions>(async ([named], { options, settings, terminal }) => {
  const client = nodeClient(settings);
  const model = idOf(named!, settings);
  const tip = await client.height();
  const height = options.at === undefined ? tip : wholeOption(options.at, '--at', 0, tip);
  const rules = imoRules(networkParameters(settings.network).name);
  const figures = await imoFigures(client, model, height, rules);
  const isMet = unmet(figures, rules.minimum).length === 0;
  const json = { model, ...figuresJson(figures), wanted: criteriaJson(rules.minimum), isMet };
  const lines = [`model ${model} at block ${height}`, ...figureLines(figures, rules.minimum)];
  terminal.result(json, lines.join('\n'), isMet ? 'met' : 'not met');
});

/** Adds `imo check`. */
export function registerCheck(imo: Command): void {
  imo
    .command('check')
    .summary('what the chain shows of a model, and whether that allows an offering')
    .description(
      'Shows what was burnt for a model, by how many, who stands on it and what it earned, as of a block, beside what this network asks before units of it may be offered. Every node gives the same.',
    )
    .argument('<model>', 'id of the model, or the name or folder of one here')
    .option('--at <height>', 'block that the figures are of (default: the tip)')
    .addHelpText('after', '\nExample:\n  $ bitmodel imo check 5f0c…e1')
    .action(check);
}
