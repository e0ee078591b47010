import type { Command } from 'commander';
import { type ActionContext, action } from './shared/action.js';
import { atOption } from './shared/at-option.js';
import { readShownSource, shownJson, shownText } from './shared/shown-source.js';
import { nodeClient } from './shared/wallet.js';

/** Options of a verb that shows what the chain says as of a block. */
export interface ShowOptions {
  readonly at?: string;
}

/** `reward show` and `source show`. */
export async function showSource(
  named: string,
  { options, settings, terminal }: ActionContext<ShowOptions>,
): Promise<void> {
  const client = nodeClient(settings);
  const atHeight = await atOption(client, options.at);
  const shown = await readShownSource(client, named, settings, atHeight);
  terminal.result(shownJson(shown, settings), () => shownText(shown, settings), shown.source.id);
}

const show = action<ShowOptions>(async ([named], context) => showSource(named!, context));

/** Adds `reward show`. */
export function registerShow(reward: Command): void {
  reward
    .command('show')
    .summary('who is paid for a published model or source')
    .description(
      'Shows what a published model or other source declares: its owner, what it uses with the part that goes there and whether that was confirmed, what it declared before, other claims to its id, disputes, and what waits in its split contract.',
    )
    .argument('<source>', '[KIND:]ID or name of a source, or the folder of a model here')
    .option('--at <height>', 'as of this block (default: the last)')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel reward show 5f0c…e1\n  $ bitmodel reward show dataset:verses --at 1200',
    )
    .action(show);
}
