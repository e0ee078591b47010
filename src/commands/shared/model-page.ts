import type { Bundle, GraphPage, ModelPage, UnusableGraph } from '../../model/index.js';
import type { CalibrationPair } from '../../rastic/index.js';
import type { MemoryNeed } from './model-memory.js';
import type { ModelOnChain } from './model-on-chain.js';
import { formatSize } from './sizes.js';

/** A calibration beside a model. */
export interface ShownCalibration {
  readonly file: string;
  /** What jobs name it by, hex. */
  readonly hash: string;
  readonly pairs: readonly Pick<CalibrationPair, 'seller' | 'verifier' | 'tauMicro'>[];
}

/** All that `model show` tells. */
export interface ShownModel {
  readonly page: ModelPage;
  readonly memory: MemoryNeed;
  /** undefined where it is not packed. */
  readonly bundle: Bundle | undefined;
  readonly magnet: string | undefined;
  readonly calibrations: readonly ShownCalibration[];
  /** undefined where no node is reached, or it is not packed. */
  readonly chain: ModelOnChain | undefined;
}

/** A line: what it is about, and what is said; the name is left out where a fact has several lines. */
type Line = readonly [string, string | undefined];

const WIDTH = 14;
/** Columns that one file's path takes at most before it gets a line of its own. */
const PATH_WIDTH = 28;
const number = (value: number): string => value.toLocaleString('en');

function percent(ppm: number): string {
  return `${ppm / 10_000} %`;
}

/** A numeric class without its execution provider, which is the machine's. */
function classOf({ numericType, accuracyLevel }: GraphPage): string {
  return `${numericType}/${accuracyLevel}`;
}

function graphLine(graph: GraphPage | UnusableGraph): string {
  if ('problem' in graph) return `${graph.file} can't be used: ${graph.problem}`;
  const what = [
    classOf(graph),
    `${number(graph.parameters)} parameters`,
    formatSize(graph.bytes),
    ...(graph.isDecoder ? [] : ['no language model by itself']),
  ];
  return `${graph.file.padEnd(PATH_WIDTH)} ${what.join(', ')}`;
}

function identity({ page, bundle }: ShownModel): Line[] {
  return [
    ['id', bundle?.id ?? 'not packed yet (bitmodel model pack)'],
    ['name', bundle?.name],
    ['licence', bundle === undefined ? undefined : (bundle.licence ?? 'not stated')],
    ['folder', page.dir],
    [
      'protected',
      page.isShuffled ? 'shuffled: it is right only with both shares (--share)' : undefined,
    ],
    [
      'files',
      page.files.length === 0
        ? undefined
        : `${number(page.files.length)}, ${formatSize(page.files.reduce((sum, { size }) => sum + size, 0))} together`,
    ],
  ];
}

function parents({ bundle, chain }: ShownModel): Line[] {
  return (bundle?.parents ?? []).flatMap(({ id, ppm }): Line[] => {
    const name = chain?.names[id];
    return [
      ['parent', id],
      ['', `${percent(ppm)} of its share${name === undefined ? '' : ` goes to ${name}`}`],
    ];
  });
}

function measures({ page }: ShownModel): Line[] {
  const { graph, heads, keyValueHeads, headSize } = page;
  const attention = [
    heads === undefined ? undefined : `${heads} heads`,
    keyValueHeads === undefined ? undefined : `${keyValueHeads} of keys and values`,
    headSize === undefined ? undefined : `of ${headSize}`,
  ].filter((part) => part !== undefined);
  const level = graph.accuracyLevel > 0 ? ', activations in 8 bits: checks are coarse' : '';
  return [
    ['architecture', page.architecture],
    ['file', graph.file],
    ['numbers', `${graph.numericType}, accuracy level ${graph.accuracyLevel}${level}`],
    ['', graph.runDependent ? 'logits depend on what else is in a run' : undefined],
    ['parameters', number(graph.parameters)],
    ['layers', page.layers === undefined ? undefined : number(page.layers)],
    ['hidden size', page.hiddenSize === undefined ? undefined : number(page.hiddenSize)],
    ['attention', attention.length === 0 ? undefined : attention.join(', ')],
    ['context', `${number(page.contextLength)} tokens`],
    ['vocabulary', page.vocabularySize === undefined ? undefined : number(page.vocabularySize)],
    ...page.differences.map(
      ({ what, stated, graph: own }): Line => [
        'differs',
        `${what} is ${own} in the graph, ${stated} in the JSON files`,
      ],
    ),
  ];
}

function tokens({ page }: ShownModel): Line[] {
  if (page.tokenizerProblem !== undefined) return [['tokenizer', page.tokenizerProblem]];
  const ends = page.endTokens.map(({ id, token }) => `${id}${token ? ` ${token}` : ''}`);
  return [
    ['end tokens', ends.length === 0 ? 'none stated' : ends.join(', ')],
    ['chat template', page.hasChatTemplate ? 'yes' : 'no'],
  ];
}

function memory({ page, memory: need }: ShownModel): Line[] {
  const { weights, cachePer1000, cacheFull, total, machine, free } = need;
  const fits =
    total > machine
      ? `more than the ${formatSize(machine)} of this machine`
      : `of ${formatSize(machine)} here, ${formatSize(free)} free`;
  const cache = `keys and values: ${formatSize(cachePer1000)} per 1,000 tokens`;
  return [
    ['memory', `${formatSize(total)} with a full context, ${fits}`],
    ['', `weights ${formatSize(weights)}`],
    [
      '',
      page.cache === undefined
        ? 'no cache: each token computes all before it again'
        : `${cache}, ${formatSize(cacheFull)} in all`,
    ],
  ];
}

function graphs({ page }: ShownModel): Line[] {
  if (page.others.length === 0) return [];
  return [page.graph, ...page.others].map((graph, i) => [
    i === 0 ? 'graphs' : '',
    graphLine(graph),
  ]);
}

function calibrations({ page, calibrations: known }: ShownModel): Line[] {
  if (known.length === 0) {
    return [['calibration', 'none (bitmodel model calibrate)']];
  }
  return known.flatMap(({ file, hash, pairs }, i): Line[] => [
    [i === 0 ? 'calibration' : '', file === page.graph.file ? hash : `${file}:`],
    ...(file === page.graph.file ? [] : [['', hash] as const]),
    ...pairs.map(
      ({ seller, verifier, tauMicro }): Line => [
        '',
        `τ ${tauMicro / 1e6} where ${verifier} checks ${seller}`,
      ],
    ),
  ]);
}

function onChain({ bundle, chain }: ShownModel): Line[] {
  if (bundle === undefined) return [];
  if (chain === undefined) return [['published', 'no node is reached to ask (bitmodel node)']];
  const { published, holders } = chain;
  const lines: Line[] = [];
  if (published === undefined) lines.push(['published', 'no (bitmodel model publish)']);
  else {
    const { publisher, height, feePpm, feePerJob, income, payments, incomeIsPartial } = published;
    const least = incomeIsPartial ? '≥ ' : '';
    const amount = feePerJob === undefined ? '' : ` and ${feePerJob} coins`;
    const asked = `${percent(feePpm)}${amount}`;
    lines.push(
      ['published', `in block ${number(height)}, by ${publisher ?? 'nobody any more'}`],
      ['', `gets ${asked} of each job; ${least}${income} coins of ${number(payments)} so far`],
    );
  }
  if (holders === undefined) return [...lines, ['holders', 'this node asks no others']];
  const { count, groups, here } = holders;
  const nodes = count === 1 ? '1 node' : `${number(count)} nodes`;
  const own = here ? ', this one among them' : '';
  return [
    ...lines,
    ['holders', `${nodes} in ${groups} address group${groups === 1 ? '' : 's'}${own}`],
  ];
}

/** A model for people, in 80 columns; its magnet link alone is longer, since a broken one can't be copied. */
export function modelPageText(shown: ShownModel): string {
  const lines: Line[] = [
    ...identity(shown),
    ...parents(shown),
    ...measures(shown),
    ...tokens(shown),
    ...memory(shown),
    ...graphs(shown),
    ...calibrations(shown),
    ...onChain(shown),
    ['magnet', shown.magnet],
  ];
  return lines
    .filter(([, text]) => text !== undefined)
    .map(([label, text]) => `${label.padEnd(WIDTH)}${text}`)
    .join('\n');
}

/** The same for programs. */
export function modelPageJson(shown: ShownModel): object {
  const { page, memory: need, bundle, magnet, calibrations: known, chain } = shown;
  const { graph, others, dir, files, cache, ...measured } = page;
  return {
    ...(bundle && {
      id: bundle.id,
      name: bundle.name,
      licence: bundle.licence,
      parents: bundle.parents,
      size: bundle.size,
      magnet,
    }),
    dir,
    file: graph.file,
    numericType: graph.numericType,
    accuracyLevel: graph.accuracyLevel,
    runDependent: graph.runDependent,
    parameters: graph.parameters,
    weightBytes: graph.bytes,
    ...measured,
    cacheBytesPerToken: cache?.perToken,
    memory: need,
    graphs: [graph, ...others],
    files,
    calibrations: known,
    published: chain?.published,
    holders: chain?.holders,
    nodeReached: chain !== undefined,
  };
}
