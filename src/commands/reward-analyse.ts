import type { Command } from 'commander';
import { BitmodelError, EXIT, toHex } from '../base/index.js';
import {
  analyse,
  analysisPage,
  analysisSvg,
  demandOf,
  graphHash,
  MOST_GENERATIONS,
  mandala,
  parseWeight,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { analysisJson, analysisText } from './shared/analysis-view.js';
import { demandInFile } from './shared/demand.js';
import {
  type GraphOptions,
  type SourceGraph,
  sourceGraph,
  takesGraph,
} from './shared/graph-source.js';
import { wholeOption } from './shared/number-options.js';
import { demandResultFiles, type ResultFiles, writeResultFiles } from './shared/result-file.js';
import type { Settings } from './shared/settings.js';
import { programOf, typedCommand } from './shared/typed-command.js';

const MOST_ROUNDS = 10_000;
const MOST_SAMPLES = 1_000_000;
const MOST_HUBS = 1000;
/** What each source of a Mandala network passes on unless stated. */
const USUAL_SHARE = '50%';

interface AnalyseOptions extends GraphOptions, ResultFiles {
  readonly mandala?: string;
  readonly demand?: string;
  readonly seed: string;
  readonly samples: string;
  readonly rounds?: string;
  readonly hubs: string;
}

interface Subject extends SourceGraph {
  readonly title: string;
}

async function subject(
  file: string | undefined,
  options: AnalyseOptions,
  settings: Settings,
): Promise<Subject> {
  if (options.mandala === undefined) {
    const source = await sourceGraph(file, options, settings);
    const { chain } = source;
    const title = chain ? `The chain at height ${chain.height}` : file === '-' ? 'A graph' : file!;
    return { ...source, title };
  }
  if ((file ?? options.at ?? options.format) !== undefined) {
    throw new BitmodelError('BAD_OPTION', 'A Mandala network is made, not read.', {
      next: 'Name a graph, or pass --mandala 8, not both',
      exitCode: EXIT.usage,
    });
  }
  const generations = wholeOption(options.mandala, '--mandala', 1, MOST_GENERATIONS);
  const graph = mandala(generations, parseWeight(options.share ?? USUAL_SHARE));
  return { graph, title: `Mandala network of ${generations} generations` };
}

/** How the analysis came about, for its page. */
function factsOf(command: Command, { graph, chain, title }: Subject): [string, string][] {
  return [
    ['graph', chain ? `the chain at height ${chain.height}, block ${chain.blockHash}` : title],
    ['its hash', toHex(graphHash(graph))],
    ['program', programOf(command)],
    ['command', typedCommand(command, ['output', 'svg'])],
  ];
}

const runFor = (command: Command) =>
  action<AnalyseOptions>(async ([file], { options, settings, terminal }) => {
    demandResultFiles(options);
    const samples = wholeOption(options.samples, '--samples', 2, MOST_SAMPLES);
    const hubs = wholeOption(options.hubs, '--hubs', 0, MOST_HUBS);
    const rounds =
      options.rounds === undefined
        ? {}
        : { rounds: wholeOption(options.rounds, '--rounds', 0, MOST_ROUNDS) };
    const of = await subject(file, options, settings);
    const { graph, title } = of;
    const demand =
      options.demand === undefined
        ? {}
        : { demand: demandOf(graph, await demandInFile(of, options.demand, settings)) };
    const analysis = analyse(graph, { seed: options.seed, samples, hubs, ...rounds, ...demand });
    const forms = {
      html: () => analysisPage(analysis, title, factsOf(command, of)),
      svg: () => analysisSvg(analysis, title),
      json: () => analysisJson(analysis),
    };
    writeResultFiles(options, forms, terminal);
    terminal.result(analysisJson(analysis), await analysisText(analysis));
  });

/** Adds `reward analyse`. */
export function registerAnalyse(reward: Command): void {
  const command = takesGraph(reward.command('analyse'));
  command
    .summary('degrees, hubs, paths, clustering and incomes of a contribution graph')
    .description(
      'Analyses a contribution graph as a network: degrees with fitted power laws, hubs, depth, paths, clustering, components, and how unevenly income is spread; beside it the Mandala network nearest in size.',
    )
    .option('--mandala <generations>', 'analyse a Mandala network of so many generations instead')
    .option('--demand <file>', 'amounts paid for sources: JSON {"ID": "1.5", …}')
    .option('--hubs <count>', 'how many of the most used sources to show', '10')
    .option('--samples <count>', 'sources to seek paths from where all would take too long', '64')
    .option('--rounds <count>', 'samples for the plausibility of a fit (100 up to 50,000 sources)')
    .option('--seed <text>', 'chooses the samples', '0')
    .option(
      '-o, --output <file>',
      'write it, too: a web page, picture or JSON (.html, .svg, .json)',
    )
    .option('--svg <file>', 'draw it, too')
    .addHelpText(
      'after',
      `
Example:
  $ bitmodel reward analyse
  $ bitmodel reward analyse dependencies.csv --share 50% --svg network.svg
  $ bitmodel reward analyse dependencies.csv --share 50% -o network.html
  $ bitmodel reward analyse --mandala 8 --json`,
    )
    .action(runFor(command));
}
