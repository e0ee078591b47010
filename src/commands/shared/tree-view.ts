import stringWidth from 'string-width';
import { oneLine } from '../../base/index.js';
import {
  type ContributionGraph,
  formatWeight,
  type TreeRow,
  type TreeSource,
} from '../../reward/index.js';
import { cutTo } from './columns.js';
import { shortId } from './node-label.js';
import type { Style, Styled } from './terminal.js';

/** What a tree is drawn with: a level that goes on, the last of one, a line that passes, and nothing. */
interface Guides {
  readonly fork: string;
  readonly last: string;
  readonly pass: string;
  readonly none: string;
}

const BOXES: Guides = { fork: '├─ ', last: '└─ ', pass: '│  ', none: '   ' };
const PLAIN: Guides = { fork: '|- ', last: '`- ', pass: '|  ', none: '   ' };

/** The guides that a terminal can show: line-drawing characters where its locale is of UTF-8, else ASCII. */
export function treeGuides(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Guides {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  const isUtf8 = platform === 'win32' || platform === 'darwin' || /utf-?8/i.test(locale ?? '');
  return isUtf8 && env.TERM !== 'dumb' ? BOXES : PLAIN;
}

const STYLE_OF: Readonly<Record<string, Style>> = { unconfirmed: 'yellow', disputed: 'red' };

function guideOf(follows: readonly boolean[], guides: Guides): string {
  return follows
    .map((goesOn, at) => {
      const isOwn = at === follows.length - 1;
      if (isOwn) return goesOn ? guides.fork : guides.last;
      return goesOn ? guides.pass : guides.none;
    })
    .join('');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function remarks(row: TreeSource, owner: string | undefined, own: number): Styled[] {
  const pieces: Styled[] = [{ text: `, keeps ${formatWeight(own)}`, style: 'dim' }];
  if (owner !== undefined) pieces.push({ text: `, ${owner}`, style: 'dim' });
  if (row.seen === 'above') pieces.push({ text: ' (shown above)', style: 'dim' });
  if (row.seen === 'circle') pieces.push({ text: ' (a circle: shown above)', style: 'yellow' });
  if (row.hidden > 0) pieces.push({ text: ` … ${count(row.hidden, 'parent')}`, style: 'dim' });
  return pieces;
}

function sourcePieces(graph: ContributionGraph, row: TreeSource): Styled[] {
  const { [row.source]: id } = graph.ids;
  const { [row.source]: name } = graph.names;
  const { [row.source]: kind } = graph.kinds;
  const pieces: Styled[] = [];
  if (row.ppm !== undefined) pieces.push({ text: `${formatWeight(row.ppm)}  `, style: 'cyan' });
  if (row.standing !== undefined && row.standing !== 'confirmed') {
    pieces.push({ text: `[${row.standing}] `, style: STYLE_OF[row.standing]! });
  }
  pieces.push({ text: name ?? id!, style: 'bold' });
  if (kind !== undefined) pieces.push({ text: ` (${kind})` });
  if (name !== undefined && name !== id) pieces.push({ text: ` ${shortId(id!)}` });
  return [...pieces, ...remarks(row, graph.owners[row.source], graph.own[row.source]!)];
}

/** A row of a tree as a line of at most so many columns. */
export function treeLine(
  graph: ContributionGraph,
  row: TreeRow,
  guides: Guides,
  columns: number,
): Styled[] {
  const passed =
    'more' in row && row.ppm !== undefined ? `, ${formatWeight(row.ppm)} together` : '';
  const pieces: Styled[] =
    'more' in row
      ? [{ text: `… ${row.more} more${passed}`, style: 'dim' }]
      : sourcePieces(graph, row);
  let left = columns;
  const line: Styled[] = [];
  for (const piece of [{ text: guideOf(row.follows, guides) }, ...pieces]) {
    const text = cutTo(oneLine(piece.text), left);
    line.push({ ...piece, text });
    left -= stringWidth(text);
    if (left <= 0 || text !== oneLine(piece.text)) break;
  }
  return line;
}
