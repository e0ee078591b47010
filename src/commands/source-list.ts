import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  declaredUses,
  formatWeight,
  ownPpm,
  type Published,
  readRegistry,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { atOption } from './shared/at-option.js';
import { cell } from './shared/columns.js';
import { isKind, KINDS } from './shared/source-names.js';
import { nodeClient } from './shared/wallet.js';
import { addressOf } from './shared/wallet-address.js';

interface ListOptions {
  readonly kind?: string;
  readonly owner?: string;
  readonly at?: string;
}

const COLUMNS = { id: 17, kind: 9, name: 22, keeps: 9, uses: 4, used: 4, block: 8 } as const;

function line(cells: Readonly<Record<keyof typeof COLUMNS, string>>): string {
  const { id, kind, name, ...numbers } = cells;
  const right = Object.entries(numbers) as [keyof typeof COLUMNS, string][];
  return [
    cell(id, COLUMNS.id),
    cell(kind, COLUMNS.kind),
    cell(name, COLUMNS.name),
    ...right.map(([column, text]) => cell(text, COLUMNS[column], 'right')),
  ].join(' ');
}

/** How many sources use each one now. */
function usersOf(sources: readonly Published[]): Map<string, number> {
  const users = new Map<string, number>();
  for (const source of sources) {
    for (const { id } of declaredUses(source)) users.set(id, (users.get(id) ?? 0) + 1);
  }
  return users;
}

const list = action<ListOptions>(async (_args, { options, settings, terminal }) => {
  const { kind, at } = options;
  if (kind !== undefined && !isKind(kind)) {
    throw new BitmodelError('BAD_OPTION', `There is no kind "${kind.slice(0, 40)}".`, {
      next: `Name one of ${KINDS.join(', ')}`,
      exitCode: EXIT.usage,
    });
  }
  const owner = options.owner === undefined ? undefined : addressOf(options.owner, settings);
  const client = nodeClient(settings);
  const registry = await readRegistry(client, await atOption(client, at));
  const all = [...registry.byId.values()];
  const users = usersOf(all);
  const shown = all.filter(
    (source) =>
      (kind === undefined || source.kind === kind) &&
      (owner === undefined || source.pin.owner === owner),
  );
  const sources = shown.map((source) => ({
    id: source.id,
    kind: source.kind,
    name: source.name,
    ownPpm: ownPpm(source),
    uses: declaredUses(source).length,
    usedBy: users.get(source.id) ?? 0,
    claims: registry.claims.get(source.id)?.length ?? 1,
    pin: source.pin.id,
    owner: source.pin.owner,
    height: source.pin.height,
    since: source.since,
  }));
  if (sources.length === 0) terminal.note('There are no such sources.');
  if (sources.length === 0 && !terminal.json) return;
  const head = line({
    ...{ id: 'id', kind: 'kind', name: 'name', keeps: 'keeps' },
    ...{ uses: 'uses', used: 'used', block: 'block' },
  });
  const rows = sources.map(({ id, uses, usedBy, height, ...source }) =>
    line({
      id: `${id.slice(0, 16)}…`,
      kind: source.kind,
      name: source.name,
      keeps: formatWeight(source.ownPpm),
      uses: String(uses),
      used: String(usedBy),
      block: String(height),
    }),
  );
  terminal.result(
    { height: registry.height, sources },
    [head, ...rows].join('\n'),
    sources.map(({ id }) => id).join('\n'),
  );
});

/** Adds `source list`. */
export function registerSourceList(source: Command): void {
  source
    .command('list')
    .description('all published sources and models: what they keep, and how many use them')
    .option('--kind <kind>', `only ${KINDS.join(', ')}`)
    .option('--owner <who>', 'only those whose pin a key or an address holds')
    .option('--at <height>', 'as of this block (default: the last)')
    .addHelpText('after', '\nExample:\n  $ bitmodel source list --kind dataset')
    .action(list);
}
