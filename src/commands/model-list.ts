import type { Command } from 'commander';
import stringWidth from 'string-width';
import { formatAmount } from '../base/index.js';
import { type LocalModel, localModels } from '../model/index.js';
import { modelIncome, publishedModels, readRegistry } from '../reward/index.js';
import { type ActionContext, action } from './shared/action.js';
import { cell } from './shared/columns.js';
import { countHolders, holdersOf, isLightNode } from './shared/model-holders.js';
import { formatSize } from './shared/sizes.js';
import { suspectLines, suspectsShown } from './shared/suspects.js';
import { listTable } from './shared/tables.js';
import { nodeClient } from './shared/wallet.js';

interface ListOptions {
  readonly everywhere?: boolean;
}

const NAME_WIDTH = 18;
const ID_WIDTH = 16;
/** Digits of an id that tell models of one machine apart, and name them. */
const LOCAL_ID_WIDTH = 12;
const LOCAL_NAME_WIDTH = 32;

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

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
          cut(name, LOCAL_NAME_WIDTH),
          id.slice(0, LOCAL_ID_WIDTH),
          size === undefined ? '?' : formatSize(size),
          origin ?? '?',
          `${dir}${MARKS[state]}`,
        ]),
      ]),
    models.map(({ id }) => id).join('\n'),
  );
}

async function listEverywhere({ settings, terminal }: ActionContext<ListOptions>): Promise<void> {
  const client = nodeClient(settings);
  try {
    const registry = await readRegistry(client);
    const published = publishedModels(registry);
    const ids = published.map(({ id }) => id);
    const holders = await holdersOf(client.rpc, ids);
    const owners = published.map(({ pin }) => pin.owner);
    const suspects = await suspectsShown(client, owners);
    const models = [];
    for (const { id, name, licence, size, feePpm, parents, pin } of published) {
      const income = await modelIncome(client, registry, id);
      const held = holders?.get(id);
      models.push({
        id,
        name,
        licence,
        size,
        feePpm,
        owner: pin.owner,
        suspect: pin.owner === undefined ? undefined : suspects.get(pin.owner),
        holders: held && countHolders(held),
        groups: held?.groups,
        here: held?.here,
        income: formatAmount(income.amount),
        payments: income.payments,
        incomeIsPartial: income.isPartial,
        parents: parents.map((parent) => ({ id: parent.id, ppm: parent.ppm })),
      });
    }
    if (!holders) {
      const isLight = await isLightNode(client.rpc);
      terminal.note(
        isLight
          ? 'A light node asks nobody who holds them; use a full node.'
          : 'The node has no network, so nobody can be asked who holds them.',
      );
    }
    if (models.length === 0) terminal.note('No model is published on this chain yet.');
    if (models.length === 0 && !settings.json) return;
    const text = await listTable(
      ['name', 'id', 'holders', 'groups', 'income', 'parents'],
      models.map((model) => [
        cut(model.suspect ? `${model.name} (suspect)` : model.name, NAME_WIDTH),
        cut(model.id, ID_WIDTH),
        String(model.holders ?? '?'),
        String(model.groups ?? '?'),
        `${model.incomeIsPartial ? '≥ ' : ''}${model.income}`,
        String(model.parents.length),
      ]),
    );
    terminal.result({ models }, `${text}${suspectLines(suspects)}`, ids.join('\n'));
  } finally {
    client.rpc.close();
  }
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
        if (context.options.everywhere) await listEverywhere(context);
        else listHere(context);
      }),
    );
}
