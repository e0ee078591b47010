import type { Command } from 'commander';
import stringWidth from 'string-width';
import { oneLine } from '../base/index.js';
import { type LocalModel, localModels } from '../model/index.js';
import { type ActionContext, action } from './shared/action.js';
import { cell, cutTo } from './shared/columns.js';
import { formatSize } from './shared/sizes.js';

interface ListOptions {
  readonly everywhere?: boolean;
}

/** Digits of an id that tell models of one machine apart, and name them. */
const ID_WIDTH = 12;
const NAME_WIDTH = 32;

/** What a model's folder is marked with, where it is not just what was packed. */
const MARKS: Readonly<Record<LocalModel['state'], string>> = {
  whole: '',
  changed: ' (changed since: model check)',
  gone: ' (gone)',
  unfinished: ' (download not finished)',
  forgotten: ' (forgotten)',
};

/** Rows of words under heads, as wide as they need to be; the last one is not filled up. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => stringWidth(row[i]!))));
  return rows
    .map((row) => row.map((text, i) => (i === row.length - 1 ? text : cell(text, widths[i]!))))
    .map((row) => row.join('  '))
    .join('\n');
}

function listHere({ settings, terminal }: ActionContext<ListOptions>): void {
  const models = localModels(settings.datadir);
  if (models.length === 0) {
    terminal.note(
      'No models yet. Pack one with: bitmodel model pack DIR; or fetch one: model pull',
    );
  }
  if (models.length === 0 && !settings.json) return;
  terminal.result(
    { models },
    () =>
      aligned([
        ['NAME', 'ID', 'SIZE', 'HOW', 'FOLDER'],
        ...models.map(({ id, name, size, origin, dir, state }) => [
          cutTo(oneLine(name), NAME_WIDTH),
          id.slice(0, ID_WIDTH),
          size === undefined ? '?' : formatSize(size),
          origin ?? '?',
          `${oneLine(dir)}${MARKS[state]}`,
        ]),
      ]),
    models.map(({ id }) => id).join('\n'),
  );
}

/** `model list`. */
export function registerList(model: Command): void {
  model
    .command('list')
    .summary('the models on this machine, or of the whole network')
    .description(
      'Lists the models packed, imported or fetched on this machine, with what they are called by: a name, or the beginning of an id. With --everywhere, all that are published: how many nodes showed lately that they hold each, in how many address groups, what jobs paid for it, and what it was built on.',
    )
    .option('--everywhere', 'all published models (or --network, without a name behind it)')
    .addHelpText(
      'after',
      `
A holder is a node that gave a random block of the model with its proof. Nodes of one address group may be of one hand.

Example:
  $ bitmodel model list
  $ bitmodel model list --network`,
    )
    .action(
      action<ListOptions>(async (_, context) => {
        if (!context.options.everywhere) return listHere(context);
        // brings in the chain and the network, which the list of this machine does not need
        const { listEverywhere } = await import('./model-list-network.js');
        await listEverywhere(context);
      }),
    );
}
