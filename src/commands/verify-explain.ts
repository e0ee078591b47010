import {
  type EndRemark,
  type ExplainedToken,
  type Explanation,
  endRemark,
  explanationPage,
  formatMargin,
  pooledRemark,
  type Standing,
  uncheckedRemark,
} from '../job/index.js';
import { cell } from './shared/columns.js';
import { writeNamedFile } from './shared/output.js';
import type { Style, Styled, Terminal } from './shared/terminal.js';

/** Signs and colours of the standings: what a colour says, a sign says too. */
const LOOK: Readonly<Record<Standing, { sign: string; style?: Style; says: string }>> = {
  own: { sign: ' ', says: 'the model’s own' },
  near: { sign: '.', style: 'cyan', says: 'within half the tolerance' },
  far: { sign: '~', style: 'yellow', says: 'within the tolerance' },
  beyond: { sign: '✗', style: 'red', says: 'beyond the tolerance' },
  excluded: { sign: '✗', style: 'red', says: 'excluded by the sampling' },
  unchecked: { sign: '?', style: 'dim', says: 'not checked' },
};

/** Widths of the columns that are the same everywhere: sign, position, id, margin. */
const FIXED = [1, 8, 6, 9];
const GAP = '  ';
/** More would only move the columns apart. */
const WIDEST_TEXT = 32;

/** How wide the two columns of text are in a terminal of so many columns. */
function textWidth(columns: number): number {
  const fixed = FIXED.reduce((sum, width) => sum + width + GAP.length, 0);
  return Math.min(WIDEST_TEXT, Math.max(8, Math.floor((columns - fixed - GAP.length) / 2)));
}

function row(cells: readonly string[], width: number): string {
  const [sign, position, id, token, margin, own] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return [
    cell(sign, FIXED[0]!),
    cell(position, FIXED[1]!, 'right'),
    cell(id, FIXED[2]!, 'right'),
    cell(token, width),
    cell(margin, FIXED[3]!, 'right'),
    cell(own, width),
  ]
    .join(GAP)
    .trimEnd();
}

function tokenRow(token: ExplainedToken, width: number): Styled[] {
  const { position, standing, text, margin, best } = token;
  const { sign, style } = LOOK[standing];
  const own = best === undefined || best === token.token ? '' : token.bestText!;
  const shown = standing === 'unchecked' ? '' : formatMargin(margin);
  const line = row([sign, String(position), String(token.token), text, shown, own], width);
  return [style ? { text: line, style } : { text: line }];
}

function* rowsOf(explanation: Explanation, width: number): Generator<Styled[]> {
  const end = endRemark(explanation);
  const marked = ({ position, says }: EndRemark): Styled[] => [
    { text: `✗  ${cell(String(position), FIXED[1]!, 'right')}  ${says}`, style: 'red' },
  ];
  for (const token of explanation.tokens) {
    if (end?.at === token.position) yield marked(end);
    yield tokenRow(token, width);
  }
  if (end && end.at >= explanation.tokens.length) yield marked(end);
}

/** What `bitmodel verify --explain` prints: each position with its margin, and what the signs say. */
export function printExplanation(terminal: Terminal, explanation: Explanation): void {
  const width = textWidth(process.stdout.isTTY ? process.stdout.columns : 80);
  const head = row(['', 'position', 'id', 'token', 'margin', 'the model’s own'], width);
  terminal.styled([{ text: head, style: 'bold' }]);
  for (const line of rowsOf(explanation, width)) terminal.styled(line);
  const seen = new Set(explanation.tokens.map(({ standing }) => standing));
  const legend = (Object.keys(LOOK) as Standing[])
    .filter((standing) => seen.has(standing))
    .map((standing) => `${LOOK[standing].sign.trim() || 'no sign'}: ${LOOK[standing].says}`);
  terminal.styled([{ text: `(${legend.join('; ')})`, style: 'dim' }]);
  for (const remark of [uncheckedRemark(explanation), pooledRemark(explanation)]) {
    if (remark) terminal.styled([{ text: remark }]);
  }
}

/** Rows of `--explain --json`: nothing in them that JSON has no number for. */
export function explanationRows({ tokens }: Explanation): object[] {
  return tokens.map(({ raw: _, margin, ...rest }) => ({
    ...rest,
    ...(margin === undefined ? {} : { margin: Number.isFinite(margin) ? margin : null }),
  }));
}

/** Writes the page of `--html`: to a file, whole or not at all, or to stdout for `-`. */
export function writePage(path: string, explanation: Explanation, terminal: Terminal): void {
  const page = explanationPage(explanation);
  if (path === '-') process.stdout.write(page);
  else writeNamedFile(path, page, terminal);
}
