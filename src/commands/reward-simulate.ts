import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  byLevel,
  grow,
  labelled,
  MOST_GENERATIONS,
  MOST_JOBS,
  MOST_SOURCES,
  parseWeight,
  simulate,
  simulationSvg,
  type World,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { collect } from './shared/collect.js';
import { type GraphOptions, sourceGraph, takesGraph } from './shared/graph-source.js';
import { wholeOption } from './shared/number-options.js';
import { demandWritable, writeNamedFile } from './shared/output.js';
import type { Settings } from './shared/settings.js';
import {
  parseKinds,
  parseOwnership,
  parsePopularity,
  parsePrices,
  parseScheme,
} from './shared/simulation-options.js';
import { simulationJson, simulationText } from './shared/simulation-view.js';

const MOST_PARENTS = 1000;
const MOST_OWNERS = 2_000_000;
const MOST_NAMED = 1000;
/** What a grown network is like unless stated. */
const USUAL = {
  share: '50%',
  kinds: 'model=50,dataset=20,paper=15,algorithm=10,code=5',
  weights: ['equal:20%', 'first:20%', 'decay:20%:50%'],
};

interface SimulateOptions extends GraphOptions {
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
  readonly seed: string;
  readonly top: string;
  readonly svg?: string;
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

async function world(
  file: string | undefined,
  options: SimulateOptions,
  settings: Settings,
): Promise<World & { readonly isGrown: boolean }> {
  const ownership = parseOwnership(options.ownership);
  const made = grown(file, options);
  const graph = made?.graph ?? (await sourceGraph(file, options, settings)).graph;
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
  return { graph: named, byAge: made?.byAge ?? byLevel(graph), isGrown: made !== undefined };
}

const run = action<SimulateOptions>(async ([file], { options, settings, terminal }) => {
  if (options.svg !== undefined) demandWritable(options.svg);
  const market = {
    jobs: wholeOption(options.jobs, '--jobs', 1, MOST_JOBS),
    prices: parsePrices(options.price),
    popularity: parsePopularity(options.popularity),
    paidKind: options.paid,
  };
  const top = wholeOption(options.top, '--top', 0, MOST_NAMED);
  const given = options.weights?.map(parseScheme);
  const { isGrown, ...network } = await world(file, options, settings);
  const usual = isGrown ? USUAL.weights : ['declared', ...USUAL.weights];
  const schemes = given ?? usual.map(parseScheme);
  const simulation = simulate(network, { market, schemes, seed: options.seed, top });
  if (options.svg !== undefined) {
    const title = `Who earns what, seed ${options.seed}`;
    writeNamedFile(options.svg, simulationSvg(simulation, title), terminal);
  }
  terminal.result(simulationJson(simulation), await simulationText(simulation));
});

/** Adds `reward simulate`. */
export function registerSimulate(reward: Command): void {
  takesGraph(reward.command('simulate'))
    .summary('who would earn what under which weights')
    .description(
      'Grows a network of models, data sets, papers, or takes one, runs jobs over it, and shows side by side who earns what under several rules for weights. The same seed gives the same result on any machine.',
    )
    .option('--grow <sources>', 'grow so many sources by preferential attachment')
    .option('--parents <count>', 'sources that each of them stands on', '3')
    .option('--mandala <generations>', 'take a Mandala network of so many generations')
    .option('--weights <rule>', 'rule for weights; may be repeated (see below)', collect)
    .option('--jobs <count>', 'jobs that are run', '1000')
    .option('--price <coins>', 'price of a job: 0.5, 0.1-2, or 0.1-12.8:halving', '1')
    .option('--popularity <law>', 'what jobs are for: uniform, zipf or newest', 'zipf')
    .option('--paid <kind>', 'kind of the sources that jobs are for (default: model)')
    .option('--owners <count>', 'owners of sources that name none (grown: one for ten sources)')
    .option('--ownership <law>', 'how many sources an owner has: uniform or zipf', 'uniform')
    .option('--kinds <parts>', 'kinds of sources that name none, as model=60,dataset=40')
    .option('--seed <text>', 'chooses everything that chance decides', '0')
    .option('--top <count>', 'how many owners to name', '10')
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

Example:
  $ bitmodel reward simulate --grow 1000 --weights equal:20% --weights first:20%
  $ bitmodel reward simulate graph.csv --share 30% --popularity newest --svg who.svg`,
    )
    .action(run);
}
