import stringWidth from 'string-width';
import { oneLine } from '../../base/index.js';
import type { ContributionGraph } from '../../reward/index.js';
import { cutTo } from './columns.js';

/** Longest id or owner that is shown whole. */
const SHORT = 20;

/** An id or address with its middle left out where it is long: `e474cb3a…91f0`. */
export function shortId(id: string): string {
  return id.length <= SHORT ? id : `${id.slice(0, 8)}…${id.slice(-4)}`;
}

/** Columns of a shortened id. */
const ID_COLUMNS = 13;

/** A source of a graph for people: its name, if it has one, and its id, shortened where it is long; one line of so many columns. */
export function sourceLabel(graph: ContributionGraph, id: string, columns = 30): string {
  const source = graph.numberOf.get(id);
  const name = source === undefined ? undefined : graph.names[source];
  if (name === undefined || name === id) return cutTo(oneLine(shortId(id)), columns);
  const short = oneLine(shortId(id));
  const room = columns - Math.max(stringWidth(short), ID_COLUMNS) - 1;
  return `${cutTo(oneLine(name), room)} ${short}`;
}

/** A source as a cell of a table: its name or id and its kind, below it the id of one that has a name. */
export function sourceCell(graph: ContributionGraph, id: string, columns = 30): string {
  const source = graph.numberOf.get(id)!;
  const { [source]: kind } = graph.kinds;
  const { [source]: name } = graph.names;
  const called = oneLine(name ?? shortId(id));
  const whole = kind === undefined ? called : `${called} (${oneLine(kind)})`;
  const first = cutTo(stringWidth(whole) <= columns ? whole : called, columns);
  return name === undefined || name === id ? first : `${first}\n${oneLine(shortId(id))}`;
}
