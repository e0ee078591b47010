import { sha256, toHex } from '../../base/index.js';
import {
  type Declaration,
  declaredUses,
  feeJson,
  formatFee,
  formatWeight,
  ownPpm,
  PPM,
  type Registry,
} from '../../reward/index.js';
import { cell } from './columns.js';
import type { Settings } from './settings.js';
import { destination } from './source-view.js';

/** A declaration as JSON. */
export function declarationJson(source: Declaration, settings: Settings): Record<string, unknown> {
  const { id, kind, name, owner, split, parents } = source;
  const model =
    source.kind === 'model'
      ? {
          licence: source.licence,
          size: source.size,
          ...feeJson(source),
          calibrations: source.calibrations ?? [],
        }
      : {};
  return {
    id,
    kind,
    name,
    ...model,
    owner: destination(owner, settings),
    ownPpm: ownPpm(source),
    split: toHex(split),
    splitHash: toHex(sha256(split)),
    parents: parents.map((parent) => ({ ...parent, pays: toHex(parent.pays) })),
    ...(source.uses ? { uses: source.uses } : {}),
  };
}

/** `verses (dataset)`, or where nobody published it the first digits of the id. */
export function sourceLabel(registry: Registry, id: string): string {
  const known = registry.byId.get(id);
  return known ? `${known.name} (${known.kind})` : `${id.slice(0, 16)}… (not published)`;
}

/** What a source says that it keeps; in a circle it comes to more, since some of what it passes on comes back. */
function keeps(source: Declaration): string {
  return formatWeight(declaredUses(source).reduce((left, { ppm }) => left - ppm, PPM));
}

/** What a source keeps and who gets the rest, one line: `keeps 80 %; verses 20 %`. */
export function weightsText(registry: Registry, source: Declaration): string {
  const parents = declaredUses(source).map(({ id, ppm }) => {
    const name = registry.byId.get(id)?.name ?? `${id.slice(0, 8)}…`;
    return `${name} ${formatWeight(ppm)}`;
  });
  return [`keeps ${keeps(source)}`, ...parents].join(', ');
}

/** Who is paid in the end what is paid for a source in a circle. */
function circleLines(registry: Registry, { name, parents, ...source }: Declaration): string[] {
  const own = formatWeight(ownPpm({ parents }));
  return [
    'in a circle, of what is paid for it go in the end:',
    ...parents.map(({ id, ppm }) => row(sourceLabel(registry, id), '', formatWeight(ppm))),
    row(`${name} (${source.kind})`, '', own),
  ];
}

const NAME = 44;
const WEIGHT = 10;

function row(name: string, old: string, now: string): string {
  return `${cell(name, NAME)}  ${cell(old, WEIGHT, 'right')}  ${cell(now, WEIGHT, 'right')}`;
}

/** What else is to change, a line each: what was said before, and what is to be. */
function fieldLines(before: Declaration, after: Declaration, settings: Settings): string[] {
  const fields = (source: Declaration): [string, string][] => [
    ['name', source.name],
    ['owner', destination(source.owner, settings)],
    ...(source.kind === 'model'
      ? ([
          ['licence', source.licence],
          ['fee', formatFee(source)],
        ] as [string, string][])
      : []),
  ];
  const now = fields(after);
  return fields(before).flatMap(([what, was], i) => {
    const is = now[i]![1];
    return was === is ? [] : [`${what.padEnd(8)} ${was}`, `  now:   ${is}`];
  });
}

/** What was declared and what is to be, a line for each parent: its weight before and after. */
export function changeText(
  registry: Registry,
  before: Declaration,
  after: Declaration,
  settings: Settings,
): string {
  const weights = (source: Declaration) =>
    new Map(declaredUses(source).map(({ id, ppm }) => [id, ppm]));
  const [was, is] = [weights(before), weights(after)];
  const ids = [...new Set([...was.keys(), ...is.keys()])].sort();
  const shown = (ppm: number | undefined): string => (ppm === undefined ? '-' : formatWeight(ppm));
  return [
    `${after.name} (${after.kind})`,
    after.id,
    ...fieldLines(before, after, settings),
    row('', 'before', 'after'),
    ...ids.map((id) => row(sourceLabel(registry, id), shown(was.get(id)), shown(is.get(id)))),
    row('(its own)', keeps(before), keeps(after)),
    ...(after.uses ? circleLines(registry, after) : []),
  ].join('\n');
}
