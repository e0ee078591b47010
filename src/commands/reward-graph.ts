import { extname } from 'node:path';
import type { Command } from 'commander';
import { BitmodelError, EXIT, writeFileAtomic } from '../base/index.js';
import {
  type ChainGraph,
  type ContributionGraph,
  declaredCircles,
  GRAPH_FORMATS,
  type GraphFormat,
  graphSvg,
  partOf,
  treeRows,
  writeGraph,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { graphSource } from './shared/graph-names.js';
import { type GraphOptions, sourceGraph, takesGraph } from './shared/graph-source.js';
import { wholeOption } from './shared/number-options.js';
import { demandWritable } from './shared/output.js';
import { gathered, type PrintOptions, printPieces } from './shared/pieces.js';
import type { Terminal } from './shared/terminal.js';
import { treeGuides, treeLine } from './shared/tree-view.js';

const FORMS = ['tree', ...GRAPH_FORMATS, 'svg'] as const;
type Form = (typeof FORMS)[number];

/** Levels, sources under one, and rows at all of a tree. */
const TREE = { depth: 8, breadth: 20, rows: 200 };
/** Deepest tree; in deeper ones the guides alone fill a line. */
const MAXIMUM_DEPTH = 100;
/** Columns of an output that does not say how many it has. */
const COLUMNS = 80;

interface RewardGraphOptions extends GraphOptions {
  readonly as?: string;
  readonly root?: string;
  readonly depth?: string;
  readonly output?: string;
}

function bad(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** How the graph is wanted: as stated, as the output's name says, as JSON with --json, else as a tree. */
function formOf({ as, output }: RewardGraphOptions, isJson: boolean): Form {
  const named = as ?? (output === undefined ? undefined : extname(output).slice(1).toLowerCase());
  const form = FORMS.find((each) => each === named);
  if (form !== undefined) return form;
  if (as !== undefined || output !== undefined) {
    const what =
      as === undefined ? `The name ${output} does not tell` : `"${as.slice(0, 40)}" is not`;
    throw bad(`${what} one of the forms ${FORMS.join(', ')}.`, 'Pass one of them with --as');
  }
  return isJson ? 'json' : 'tree';
}

function* lined(pieces: Iterable<string>): Generator<string> {
  yield* pieces;
  yield '\n';
}

async function writeOut(
  pieces: Iterable<string>,
  { output }: RewardGraphOptions,
  print: PrintOptions,
  terminal: Terminal,
): Promise<void> {
  if (output === undefined) {
    await printPieces(pieces, print);
    return;
  }
  demandWritable(output);
  writeFileAtomic(output, gathered(pieces));
  terminal.note(`written: ${output}`);
}

function* treeText(
  graph: ContributionGraph,
  root: number | undefined,
  depth: number,
): Generator<string> {
  const guides = treeGuides(process.env, process.platform);
  for (const row of treeRows(graph, { ...TREE, depth, ...(root === undefined ? {} : { root }) })) {
    const line = treeLine(graph, row, guides, COLUMNS);
    yield `${line.map(({ text }) => text).join('')}\n`;
  }
}

function printTree(
  graph: ContributionGraph,
  root: number | undefined,
  depth: number,
  terminal: Terminal,
  quiet: boolean,
): void {
  const guides = treeGuides(process.env, process.platform);
  const columns = process.stdout.columns || COLUMNS;
  const named = new Set<number>();
  for (const row of treeRows(graph, { ...TREE, depth, ...(root === undefined ? {} : { root }) })) {
    if (!quiet) terminal.styled(treeLine(graph, row, guides, columns));
    else if ('source' in row && !named.has(row.source)) terminal.line(graph.ids[row.source]!);
    if ('source' in row) named.add(row.source);
  }
}

function picked(graph: ContributionGraph, root: number | undefined): ContributionGraph {
  return root === undefined ? graph : partOf(graph, { root });
}

const show = action<RewardGraphOptions>(async ([path], context) => {
  const { options, settings, terminal } = context;
  const form = formOf(options, settings.json);
  if (settings.json && form !== 'json') {
    throw bad(`--json and the form ${form} say different things.`, 'Leave out one of them');
  }
  const isWhole = (GRAPH_FORMATS as readonly string[]).includes(form);
  if (isWhole && options.depth !== undefined) {
    throw bad(
      '--depth goes with a tree or a picture.',
      'Leave it out: what is cut off would be paid',
    );
  }
  const { signal } = context;
  const depth = wholeOption(options.depth ?? String(TREE.depth), '--depth', 0, MAXIMUM_DEPTH);
  const source = await sourceGraph(path, options, settings, signal);
  const { graph, chain } = source;
  if (chain) {
    terminal.note(`as of block ${chain.height}, ${chain.blockHash}`);
    if (graph.ids.length === 0) terminal.note('Nothing is published on this chain yet.');
    noteCircles(chain, terminal);
  }
  const root = options.root === undefined ? undefined : graphSource(source, options.root, settings);
  if (form === 'tree' && options.output === undefined) {
    printTree(graph, root, depth, terminal, settings.quiet);
  } else if (form === 'tree') {
    await writeOut(treeText(graph, root, depth), options, { as: 'exact', signal }, terminal);
  } else if (form === 'svg') {
    const bounds = options.depth === undefined ? {} : { depth };
    const picture = graphSvg(graph, { root, ...bounds });
    await writeOut([picture], options, { as: 'exact', signal }, terminal);
  } else {
    const pieces = writeGraph(picked(graph, root), form as GraphFormat);
    const isJson = form === 'json';
    const print = { as: isJson ? 'json' : 'exact', signal } as const;
    await writeOut(isJson ? lined(pieces) : pieces, options, print, terminal);
  }
});

/** Circles named in one remark. */
const MOST_CIRCLES = 5;

/** Says which sources declare to use each other: their contracts pay what that comes to, so the graph shows no circle. */
function noteCircles({ registry }: ChainGraph, terminal: Terminal): void {
  const circles = declaredCircles(registry);
  for (const { members } of circles.slice(0, MOST_CIRCLES)) {
    const names = members.slice(0, MOST_CIRCLES).map((id) => registry.byId.get(id)!.name);
    const more = members.length > names.length ? ', …' : '';
    terminal.note(
      `declared in a circle: ${names.join(', ')}${more}; see what each pays with reward show`,
    );
  }
  const left = circles.length - MOST_CIRCLES;
  if (left > 0) terminal.note(`and ${left} circles more`);
}

/** Adds `reward graph`. */
export function registerGraph(reward: Command): void {
  takesGraph(reward.command('graph'))
    .summary('a contribution graph as a tree, a picture or a file')
    .description(
      'Shows who stands on whom, and with what share: as a tree, as an SVG picture, or as JSON, CSV or GraphML for other programs. Without a file it is the graph on the chain.',
    )
    .option('--as <form>', `${FORMS.join(', ')} (default: tree, or what the name of --output says)`)
    .option('--root <source>', 'only this source (its id or name) and what it stands on')
    .option('--depth <levels>', `levels of the tree or picture below a root (tree: ${TREE.depth})`)
    .option('-o, --output <file>', 'write to this file')
    .addHelpText(
      'after',
      `
Examples:
  $ bitmodel reward graph
  $ bitmodel reward graph graph.json --root poet --depth 3
  $ bitmodel reward graph edges.csv --as graphml > edges.graphml
  $ bitmodel reward graph debian.csv --share 50% -o debian.svg`,
    )
    .action(show);
}
