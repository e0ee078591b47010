import { atLine, BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import {
  applyChange,
  type ContributionGraph,
  demandOf,
  PayoutEngine,
  type PayoutUpdate,
  parseChange,
} from '../../reward/index.js';
import { readChunks } from './input.js';
import { sourceLabel } from './node-label.js';
import { objectPieces, printPieces } from './pieces.js';
import type { Terminal } from './terminal.js';
import { warnings } from './warnings.js';

/** Longest line of a change, in bytes: a source with a few hundred thousand parents. */
const LONGEST_LINE = 1 << 26;

/** Lines of a file or of stdin as they come, with their numbers from 1; empty ones left out. */
export async function* linesOf(path: string): AsyncGenerator<readonly [text: string, at: number]> {
  let parts: Buffer[] = [];
  let length = 0;
  let at = 0;
  for await (const chunk of readChunks(path)) {
    const bytes = Buffer.from(chunk);
    let begin = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, begin)) {
      const line = Buffer.concat([...parts, bytes.subarray(begin, end)]).toString('utf8');
      begin = end + 1;
      parts = [];
      length = 0;
      at++;
      if (line.trim() !== '') yield [line, at];
    }
    parts.push(bytes.subarray(begin));
    length += bytes.length - begin;
    if (length > LONGEST_LINE) {
      throw new BitmodelError('INPUT_TOO_LARGE', `Line ${at + 1} of ${path} has no end.`, {
        next: 'Write one change a line',
        exitCode: EXIT.usage,
      });
    }
  }
  const last = Buffer.concat(parts).toString('utf8');
  if (last.trim() !== '') yield [last, at + 1];
}

/** A share that changed, in coins. */
interface ChangeRow {
  readonly id: string;
  readonly before: string;
  readonly after: string;
}

async function printUpdate(
  terminal: Terminal,
  graph: ContributionGraph,
  at: number,
  total: bigint,
  update: PayoutUpdate,
): Promise<void> {
  const { changes, divided } = update;
  function* rows(): Generator<ChangeRow> {
    for (const { id, before, after } of changes) {
      yield { id, before: formatAmount(before), after: formatAmount(after) };
    }
  }
  const sums = `total ${formatAmount(total)}`;
  const what = changes.length === 1 ? '1 share changed' : `${changes.length} shares changed`;
  function* lines(): Generator<string> {
    if (!terminal.quiet) yield `line ${at}: ${what}, ${sums}\n`;
    for (const { id, before, after } of rows()) {
      if (terminal.quiet) yield `${id}\t${after}\n`;
      else yield `  ${sourceLabel(graph, id)}: ${before} → ${after}\n`;
    }
  }
  if (terminal.json) {
    const fields = warnings.joinTo({ line: at, total: formatAmount(total), divided });
    await printPieces(objectPieces(fields, 'changes', rows()), { as: 'json' });
  } else await printPieces(lines(), { as: 'text' });
}

/**
 * Follows a stream of changes, one JSON object a line, and prints what each changed.
 * @param path a file, or `-` for stdin
 * @param demand base units by id, paid before the first change
 * @throws BitmodelError of the first change that is refused, its message led by the line
 */
export async function followChanges(
  graph: ContributionGraph,
  demand: ReadonlyMap<string, bigint>,
  path: string,
  terminal: Terminal,
): Promise<void> {
  const engine = new PayoutEngine(graph, demandOf(graph, demand));
  for await (const [text, at] of linesOf(path)) {
    let update: PayoutUpdate;
    try {
      update = applyChange(engine, parseChange(text));
    } catch (thrown) {
      throw atLine(at, thrown);
    }
    await printUpdate(terminal, graph, at, engine.total, update);
  }
}
