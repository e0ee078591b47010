import type { Command } from 'commander';
import { type ShowOptions, showSource } from './reward-show.js';
import { action } from './shared/action.js';

const show = action<ShowOptions>(async ([named], context) => showSource(named!, context));

/** Adds `source show`. */
export function registerSourceShow(source: Command): void {
  source
    .command('show')
    .description('what a published source declares, as reward show does')
    .argument('<source>', '[KIND:]ID or name')
    .option('--at <height>', 'as of this block (default: the last)')
    .addHelpText('after', '\nExample:\n  $ bitmodel source show dataset:verses')
    .action(show);
}
