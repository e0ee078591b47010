import { BitmodelError, formatAmount, toHex } from '../../base/index.js';
import { type ChainClient, plainText } from '../../chain/index.js';
import {
  type Circle,
  type Claim,
  circleOf,
  type DeclaredParent,
  declaredUses,
  follow,
  formatFee,
  formatWeight,
  isChange,
  ownPpm,
  type Published,
  type PublishedDispute,
  parseSplitScript,
  payableVersion,
  type Registry,
  readRegistry,
  readStandings,
  type Standing,
  usesInForce,
} from '../../reward/index.js';
import { cell } from './columns.js';
import { declarationJson, sourceLabel, weightsText } from './declaration-view.js';
import { reflow } from './help-width.js';
import type { Settings } from './settings.js';
import { sourceNamed } from './source-names.js';
import { destination, pinHolder } from './source-view.js';

/** A parent of a source, with how the claim to stand on it stands. */
interface ShownParent extends DeclaredParent {
  /** undefined for a parent that only others of its circle use. */
  readonly standing: Standing | undefined;
  /** The least weight that the parent's holder agreed to. */
  readonly confirmedPpm: number | undefined;
  /** Block of the declaration that is paid, where the parent has declared something else since. */
  readonly paysVersion: number | undefined;
}

/** Everything that the chain says of a source. */
export interface ShownSource {
  readonly registry: Registry;
  readonly source: Published;
  readonly parents: readonly ShownParent[];
  readonly claims: readonly Claim[];
  readonly disputes: readonly PublishedDispute[];
  readonly circle: Circle | undefined;
  /** Whether it pays what others declared before. */
  readonly isBehind: boolean;
  /** Base units in its split contract, in this many coins; undefined where it has none. */
  readonly waiting: { readonly amount: bigint; readonly coins: number } | undefined;
}

/** Whether a source would be paid otherwise if it followed what its parents declare now. */
function isBehind(registry: Registry, id: string): boolean {
  try {
    return isChange(follow(registry, id));
  } catch (thrown) {
    // a parent that was revoked since, or a circle that can't be paid: there is nothing to follow
    if (thrown instanceof BitmodelError) return false;
    throw thrown;
  }
}

/** Looks a source up, with all that was said about it. @throws BitmodelError as `sourceNamed` */
export async function readShownSource(
  client: ChainClient,
  named: string,
  settings: Settings,
  atHeight: number | undefined,
): Promise<ShownSource> {
  const registry = await readRegistry(client, atHeight);
  const source = sourceNamed(registry, named, settings);
  const { id, split } = source;
  const standings = await readStandings(client, registry, new Set([id]));
  const uses = usesInForce(registry, source);
  const hasContract = parseSplitScript(split) !== undefined;
  const coins = hasContract ? await client.largestUtxos([split]) : [];
  return {
    registry,
    source,
    parents: source.parents.map((parent) => {
      const word = standings.wordOf(id, parent.id)?.statement;
      const use = uses.find((each) => each.id === parent.id);
      return {
        ...parent,
        standing: use && standings.of(id, parent.id, use.ppm),
        confirmedPpm: word?.standing === 'confirmed' ? word.ppm : undefined,
        // in a circle the others' owners are paid, whatever they declared
        paysVersion: source.uses ? undefined : payableVersion(registry, parent),
      };
    }),
    isBehind: isBehind(registry, id),
    claims: registry.claims.get(id) ?? [],
    disputes: standings.disputes(id),
    circle: circleOf(registry, id),
    waiting: hasContract
      ? {
          amount: coins.reduce((sum, { output }) => sum + output.value, 0n),
          coins: coins.length,
        }
      : undefined,
  };
}

/** It as JSON, amounts as decimal strings. */
export function shownJson(shown: ShownSource, settings: Settings): Record<string, unknown> {
  const { registry, source, claims, disputes, circle, waiting } = shown;
  const { pin, since } = source;
  const inForce = claims.find((claim) => claim.pin.id === pin.id);
  return {
    ...declarationJson(source, settings),
    parents: shown.parents.map(({ pays, confirmedPpm, paysVersion, ...parent }) => ({
      ...parent,
      pays: toHex(pays),
      ...(confirmedPpm === undefined ? {} : { confirmedPpm }),
      ...(paysVersion === undefined ? {} : { paysVersion }),
    })),
    since,
    height: registry.height,
    waiting: formatAmount(waiting?.amount ?? 0n),
    pin: { id: pin.id, height: pin.height, owner: pinHolder(pin.owner, settings) },
    history: (inForce?.versions ?? []).map(({ declaration, height, txid }) => ({
      height,
      txid,
      name: declaration.name,
      owner: destination(declaration.owner, settings),
      ownPpm: ownPpm(declaration),
      parents: declaredUses(declaration).map(({ id, ppm }) => ({ id, ppm })),
    })),
    rivals: claims
      .filter((claim) => claim.pin.id !== pin.id)
      .map((claim) => ({
        pin: claim.pin.id,
        height: claim.pin.height,
        owner: claim.pin.owner,
        status: claim.pin.status,
        kind: claim.versions[0].declaration.kind,
        name: claim.versions.at(-1)!.declaration.name,
      })),
    disputes,
    ...(circle ? { circle: circle.members } : {}),
    isBehind: shown.isBehind,
  };
}

const WIDTH = 80;
const NAME = 13;
const KIND = 9;
const SHARE = 9;
const STANDING = 11;
const PAID = 34;
/** Most lines of a history, of rivals, of disputes: the rest is in the JSON. */
const MOST = 20;

function row(name: string, kind: string, share: string, standing: string, paid: string): string {
  return [
    cell(name, NAME),
    cell(kind, KIND),
    cell(share, SHARE, 'right'),
    cell(standing, STANDING),
    cell(paid, PAID),
  ]
    .join(' ')
    .trimEnd();
}

function parentLines(shown: ShownSource, parent: ShownParent, settings: Settings): string[] {
  const { byId, scripts } = shown.registry;
  const known = byId.get(parent.id);
  const script = scripts.get(toHex(parent.pays));
  const { id, ppm, standing, confirmedPpm, paysVersion } = parent;
  return [
    row(
      known?.name ?? '',
      known?.kind ?? '',
      formatWeight(ppm),
      standing ?? '(circle)',
      ppm === 0 ? 'not paid for' : destination(script, settings),
    ),
    `  ${id}`,
    ...(standing === 'unconfirmed' && confirmedPpm !== undefined
      ? [`  confirmed for ${formatWeight(confirmedPpm)} and more`]
      : []),
    ...(paysVersion === undefined || ppm === 0
      ? []
      : [`  paid by what it declared in block ${paysVersion}, not what it declares now`]),
  ];
}

/** At most so many of some lines, and how many more there are. */
function some<T>(all: readonly T[], lines: (each: T) => string[]): string[] {
  const more = all.length - MOST;
  return [...all.slice(-MOST).flatMap(lines), ...(more > 0 ? [`and ${more} more (--json)`] : [])];
}

function historyLines({ registry, source, claims }: ShownSource): string[] {
  const versions = claims.find(({ pin }) => pin.id === source.pin.id)?.versions ?? [];
  if (versions.length < 2) return [];
  return [
    'declared so far:',
    ...some(versions, ({ declaration, height }) =>
      reflow(`block ${height}: ${weightsText(registry, declaration)}`.split(' '), WIDTH, '  '),
    ),
  ];
}

function rivalLines({ source, claims }: ShownSource): string[] {
  const rivals = claims.filter(({ pin }) => pin.id !== source.pin.id);
  if (rivals.length === 0) return [];
  return [
    `${rivals.length === 1 ? 'another pin claims' : `${rivals.length} other pins claim`} this id; the first that stands counts:`,
    ...some(rivals, ({ pin, versions }) => [
      `  block ${pin.height}, ${pin.owner ?? 'nobody'}${pin.status === 'revoked' ? ', revoked' : ''}: ${versions.at(-1)!.declaration.kind}`,
      `  ${pin.id}`,
    ]),
  ];
}

function disputeLines({ registry, disputes }: ShownSource): string[] {
  if (disputes.length === 0) return [];
  return [
    `disputed ${disputes.length === 1 ? 'once' : `${disputes.length} times`}:`,
    ...some(disputes, ({ height, creator, parent, claim, reason, evidence, byParent }) => [
      `  block ${height}, by ${plainText(Buffer.from(creator), 40)}${byParent ? ', who holds the parent' : ''}`,
      ...reflow(`"${reason}"`.split(' '), WIDTH, '    '),
      ...(parent === undefined ? [] : [`    about the use of ${sourceLabel(registry, parent)}`]),
      ...(claim === undefined ? [] : ['    about the pin', `    ${claim}`]),
      ...(evidence === undefined ? [] : ['    evidence: transaction', `    ${evidence}`]),
    ]),
  ];
}

/** What a source says that it uses, where that is not whom it pays. */
function usesText({ registry, source, isBehind: differs }: ShownSource): string {
  const says = `It says that it ${weightsText(registry, source)}`;
  return differs
    ? `${says}. That is not what it pays, so nobody needs to believe it.`
    : `${says}. Above is what that comes to in its circle.`;
}

/** It for people, in 80 columns. */
export function shownText(shown: ShownSource, settings: Settings): string {
  const { registry, source, circle, waiting } = shown;
  const { id, name, kind, pin, owner, split } = source;
  const others = circle?.members.filter((member) => member !== id) ?? [];
  return [
    `${name} (${kind})`,
    id,
    ...(source.kind === 'model'
      ? [
          `licence ${source.licence}, ${source.size} bytes, ${formatFee(source)}`,
          ...(source.calibrations ?? []).flatMap(({ file, hash }) => [
            `calibration of ${file}:`,
            `  ${hash}`,
          ]),
        ]
      : []),
    `published by ${pin.creator ?? 'nobody'} in block ${pin.height}, pin`,
    `  ${pin.id}`,
    ...(pin.owner === pin.creator ? [] : [`held by ${pinHolder(pin.owner, settings) ?? 'nobody'}`]),
    '',
    row('uses', 'kind', 'share', 'standing', 'paid at'),
    ...shown.parents.flatMap((parent) => parentLines(shown, parent, settings)),
    row('(owner)', '', formatWeight(ownPpm(source)), '', destination(owner, settings)),
    '',
    waiting
      ? `waiting in its split contract: ${formatAmount(waiting.amount)}, in ${waiting.coins} output${waiting.coins === 1 ? '' : 's'}`
      : `paid straight to ${destination(split, settings)}`,
    ...(source.uses ? reflow(usesText(shown).split(' '), WIDTH, '') : []),
    ...(shown.isBehind
      ? [
          'To pay by what its parents declare now:',
          `  bitmodel reward declare --source ${id.slice(0, 16)} --follow --key NAME`,
        ]
      : []),
    ...(others.length === 0
      ? []
      : reflow(
          `in a circle with ${others.map((each) => sourceLabel(registry, each)).join(', ')}`.split(
            ' ',
          ),
          WIDTH,
          '',
        )),
    ...historyLines(shown),
    ...rivalLines(shown),
    ...disputeLines(shown),
  ].join('\n');
}
