import type { Command } from 'commander';
import { BitmodelError, EXIT, toHex } from '../base/index.js';
import {
  byLevel,
  graphHash,
  grow,
  labelled,
  MOST_GENERATIONS,
  MOST_JOBS,
  MOST_SOURCES,
  parseWeight,
  type Scheme,
  simulate,
  simulationPage,
  simulationSvg,
  type World,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import {
  type GraphOptions,
  type SourceGraph,
  sourceGraph,
  takesGraph,
} from './shared/graph-source.js';
import { wholeOption } from './shared/number-options.js';
import { proposedScheme } from './shared/proposed-changes.js';
import { demandResultFiles, type ResultFiles, writeResultFiles } from './shared/result-file.js';
import type { Settings } from './shared/settings.js';
import {
  parseKinds,
  parseOwnership,
  parsePopularity,
  parsePrices,
  parseScheme,
} from './shared/simulation-options.js';
import { simulationJson, simulationText } from './shared/simulation-view.js';
import { programOf, typedCommand } from './shared/typed-command.js';

const MOST_PARENTS = 1000;
const MOST_OWNERS = 2_000_000;
const MOST_NAMED = 1000;
/** What a grown network is like unless stated. */
const USUAL = {
  share: '50%',
  kinds: 'model=50,dataset=20,paper=15,algorithm=10,code=5',
  weights: ['equal:20%', 'first:20%', 'decay:20%:50%'],
};

interface SimulateOptions extends GraphOptions, ResultFiles {
  readonly grow?: string;
  readonly parents: string;
  readonly mandala?: string;
  readonly owners?: string;
  readonly ownership: string;
  readonly kinds?: string;
  readonly jobs: string;
  readonly price: string;
  readonly popularity: string;
  readonly paid?: string;
  readonly weights?: readonly string[];
  readonly changes?: readonly string[];
  readonly seed: string;
  readonly top: string;
}

/** A network that is grown, or undefined where one is to be read. */
function grown(file: string | undefined, options: SimulateOptions): World | undefined {
  if (options.grow === undefined && options.mandala === undefined) return undefined;
  const read = file ?? options.at ?? options.format;
  if (read !== undefined || (options.grow !== undefined && options.mandala !== undefined)) {
    throw new BitmodelError('BAD_OPTION', 'A network is either grown or read.', {
      next: 'Name one of a graph, --grow and --mandala',
      exitCode: EXIT.usage,
    });
  }
  const share = parseWeight(options.share ?? USUAL.share);
  if (options.mandala !== undefined) {
    const generations = wholeOption(options.mandala, '--mandala', 1, MOST_GENERATIONS);
    return grow({ model: 'mandala', generations }, share, options.seed);
  }
  const sources = wholeOption(options.grow!, '--grow', 1, MOST_SOURCES);
  const parents = wholeOption(options.parents, '--parents', 1, MOST_PARENTS);
  return grow({ model: 'preferential', sources, parents }, share, options.seed);
}

/** A network to run jobs over, and where it is from. */
interface Network extends World, SourceGraph {
  readonly isGrown: boolean;
}

async function network(
  file: string | undefined,
  options: SimulateOptions,
  settings: Settings,
): Promise<Network> {
  const ownership = parseOwnership(options.ownership);
  const made = grown(file, options);
  const read: SourceGraph = made ?? (await sourceGraph(file, options, settings));
  const { graph } = read;
  const kinds = options.kinds ?? (made ? USUAL.kinds : undefined);
  const usualOwners = made ? String(Math.ceil(graph.ids.length / 10)) : undefined;
  const owners = options.owners ?? usualOwners;
  const named = labelled(
    graph,
    {
      ownership,
      owners: owners === undefined ? undefined : wholeOption(owners, '--owners', 1, MOST_OWNERS),
      kinds: kinds === undefined ? undefined : parseKinds(kinds),
    },
    options.seed,
  );
  return {
    ...read,
    graph: named,
    byAge: made?.byAge ?? byLevel(graph),
    isGrown: made !== undefined,
  };
}

/** The rules that are compared: those named, then what is proposed; without any, the usual ones. */
async function schemesOf(
  of: Network,
  { weights, changes = [] }: SimulateOptions,
  settings: Settings,
): Promise<Scheme[]> {
  const usual = of.isGrown ? USUAL.weights : ['declared', ...USUAL.weights];
  const named = weights ?? (changes.length > 0 ? ['declared'] : usual);
  const schemes = named.map(parseScheme);
  for (const path of changes) schemes.push(await proposedScheme(of, path, settings));
  return schemes;
}

function assertInputs(file: string | undefined, { changes = [] }: SimulateOptions): void {
  if ([file, ...changes].filter((path) => path === '-').length < 2) return;
  throw new BitmodelError('BAD_OPTION', 'Only one of the inputs can be read from stdin.', {
    next: 'Name files for the others',
    exitCode: EXIT.usage,
  });
}

/** How the simulation came about, for its page. */
function factsOf(
  command: Command,
  { graph, chain, isGrown }: Network,
  file: string | undefined,
): [string, string][] {
  const read = chain ? `the chain at height ${chain.height}, block ${chain.blockHash}` : file!;
  return [
    ['network', isGrown ? 'grown by the command' : read],
    ['its hash', toHex(graphHash(graph))],
    ['program', programOf(command)],
    ['command', typedCommand(command, ['output', 'svg'])],
  ];
}

const runFor = (command: Command) =>
  action<SimulateOptions>(async ([file], { options, settings, terminal }) => {
    demandResultFiles(options);
    assertInputs(file, options);
    const market = {
      jobs: wholeOption(options.jobs, '--jobs', 1, MOST_JOBS),
      prices: parsePrices(options.price),
      popularity: parsePopularity(options.popularity),
      paidKind: options.paid,
    };
    const top = wholeOption(options.top, '--top', 0, MOST_NAMED);
    options.weights?.forEach(parseScheme);
    const of = await network(file, options, settings);
    const schemes = await schemesOf(of, options, settings);
    const { graph, byAge } = of;
    const { seed } = options;
    const simulation = simulate({ graph, byAge }, { market, schemes, seed, top });
    const title = `Who earns what, seed ${seed}`;
    const forms = {
      html: () => simulationPage(simulation, title, factsOf(command, of, file)),
      svg: () => simulationSvg(simulation, title),
      json: () => simulationJson(simulation),
    };
    writeResultFiles(options, forms, terminal);
    terminal.result(simulationJson(simulation), await simulationText(simulation));
  });

/** Adds `reward simulate`. */
export function registerSimulate(reward: Command): void {
  const command = takesGraph(reward.command('simulate'));
  command
    .summary('who would earn what under which weights')
    .description(
      'Grows a network of models, data sets, papers, or takes one, runs jobs over it, and shows side by side who earns what under several rules for weights. The same seed gives the same result on any machine.',
    )
    .option('--grow <sources>', 'grow so many sources by preferential attachment')
    .option('--parents <count>', 'sources that each of them stands on', '3')
    .option('--mandala <generations>', 'take a Mandala network of so many generations')
    .option('--weights <rule>', 'rule for weights; may be repeated (see below)', collect)
    .option(
      '--changes <file>',
      'compare with the weights after these changes, lines as of reward payout; may be repeated',
      collect,
    )
    .option('--jobs <count>', 'jobs that are run', '1000')
    .option('--price <coins>', 'price of a job: 0.5, 0.1-2, or 0.1-12.8:halving', '1')
    .option('--popularity <law>', 'what jobs are for: uniform, zipf or newest', 'zipf')
    .option('--paid <kind>', 'kind of the sources that jobs are for (default: model)')
    .option('--owners <count>', 'owners of sources that name none (grown: one for ten sources)')
    .option('--ownership <law>', 'how many sources an owner has: uniform or zipf', 'uniform')
    .option('--kinds <parts>', 'kinds of sources that name none, as model=60,dataset=40')
    .option('--seed <text>', 'chooses everything that chance decides', '0')
    .option('--top <count>', 'how many owners to name', '10')
    .option(
      '-o, --output <file>',
      'write it, too: a web page, picture or JSON (.html, .svg, .json)',
    )
    .option('--svg <file>', 'draw it, too')
    .addHelpText(
      'after',
      `
Rules for weights:
  declared       as the graph has them
  equal:20%      20 % to all parents together, in equal parts
  first:20%      20 % to the first parent by id, in a grown network the oldest
  decay:20%:50%  as equal, but half as much with each step down from the top
  kinds:dataset=10%,paper=5%  so much to all parents of a kind together
  changes:FILE   the graph's own after the changes in FILE (--changes FILE)

Example:
  $ bitmodel reward simulate --grow 1000 --weights equal:20% --weights first:20%
  $ bitmodel reward simulate graph.csv --share 30% --popularity newest --svg who.svg
  $ bitmodel reward simulate --changes proposal.jsonl -o what-if.html`,
    )
    .action(runFor(command));
}
