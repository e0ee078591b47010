import stringWidth from 'string-width';
import { formatAmount, oneLine } from '../../base/index.js';
import { type ContributionGraph, ownerShares } from '../../reward/index.js';
import { cutTo } from './columns.js';
import { shortId, sourceCell, sourceLabel } from './node-label.js';
import { objectPieces, printPieces } from './pieces.js';
import { longShareTable, type ShareLine } from './share-table.js';
import type { Terminal } from './terminal.js';
import { warnings } from './warnings.js';

/** Everything that is said beside the shares and their sum. */
type Common = Readonly<Record<string, unknown>>;

/** Columns of a table, of 80: what is left of them by borders, the largest amount and its share. */
const OWNER_COLUMNS = 14;
const SOURCE_COLUMNS = 28;

function ownerCell(owner: string): string {
  const line = oneLine(owner);
  return stringWidth(line) <= OWNER_COLUMNS ? line : cutTo(shortId(line), OWNER_COLUMNS);
}

/** Sources one below the other, the first few of many. */
function listed(graph: ContributionGraph, ids: readonly string[]): string {
  const shown = ids.slice(0, 20).map((id) => sourceLabel(graph, id, SOURCE_COLUMNS));
  if (ids.length > shown.length) shown.push(`and ${ids.length - shown.length} more`);
  return shown.join('\n');
}

/** The numbers of the sources that are paid, in order. */
function* paidSources(shares: BigUint64Array): Generator<number> {
  for (let i = 0; i < shares.length; i++) if (shares[i] !== 0n) yield i;
}

function sumOf(shares: BigUint64Array): bigint {
  return shares.reduce((sum, units) => sum + units, 0n);
}

/** One way to look at shares: each made when it is printed, since there may be millions. */
interface View {
  /** What the list of shares is called in JSON. */
  readonly list: string;
  readonly head: readonly string[];
  readonly objects: () => Iterable<object>;
  readonly lines: () => Iterable<string>;
  readonly rows: () => Iterable<ShareLine>;
}

async function print(terminal: Terminal, view: View, total: bigint, common: Common): Promise<void> {
  if (terminal.json) {
    const fields = warnings.joinTo({ total: formatAmount(total), ...common });
    await printPieces(objectPieces(fields, view.list, view.objects()), { as: 'json' });
  } else if (terminal.quiet) await printPieces(view.lines(), { as: 'text' });
  else terminal.line(await longShareTable(view.head, view.rows(), total));
}

/**
 * Prints what each source is paid.
 * @param shares base units by a source's number
 */
export async function printBySource(
  terminal: Terminal,
  graph: ContributionGraph,
  shares: BigUint64Array,
  common: Common,
): Promise<void> {
  const { ids, names, kinds, owners } = graph;
  const amountOf = (i: number): string => formatAmount(shares[i]!);
  const view: View = {
    list: 'shares',
    head: ['source', 'owner', 'amount'],
    *objects() {
      for (const i of paidSources(shares)) {
        const labels = { id: ids[i], name: names[i], kind: kinds[i], owner: owners[i] };
        yield { ...labels, amount: amountOf(i) };
      }
    },
    *lines() {
      for (const i of paidSources(shares)) yield `${ids[i]}\t${amountOf(i)}\n`;
    },
    *rows() {
      for (const i of paidSources(shares)) {
        const cells = (): string[] => [
          sourceCell(graph, ids[i]!, SOURCE_COLUMNS),
          ownerCell(owners[i] ?? ''),
        ];
        yield { cells, units: shares[i]! };
      }
    },
  };
  await print(terminal, view, sumOf(shares), common);
}

/** Prints what each owner is paid for all its sources; see {@link printBySource}. */
export async function printByOwner(
  terminal: Terminal,
  graph: ContributionGraph,
  shares: BigUint64Array,
  common: Common,
): Promise<void> {
  const view: View = {
    list: 'owners',
    head: ['owner', 'sources', 'amount'],
    *objects() {
      for (const { amount, ...share } of ownerShares(graph, shares)) {
        yield { ...share, amount: formatAmount(amount) };
      }
    },
    *lines() {
      for (const { owner, sources, amount } of ownerShares(graph, shares)) {
        yield `${owner ?? sources[0]}\t${formatAmount(amount)}\n`;
      }
    },
    *rows() {
      for (const { owner, sources, amount } of ownerShares(graph, shares)) {
        const cells = (): string[] => [ownerCell(owner ?? '(no owner)'), listed(graph, sources)];
        yield { cells, units: amount };
      }
    },
  };
  await print(terminal, view, sumOf(shares), common);
}
