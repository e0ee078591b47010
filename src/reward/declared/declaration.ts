import { BitmodelError, COIN, EXIT, formatAmount, sha256 } from '../../base/index.js';
import { isUnspendable, TOKEN_PREFIX } from '../../chain/index.js';
import {
  assertLabel,
  hasInvisible,
  type ParentShare,
  PPM,
  quoted,
  visible,
} from '../graph/graph.js';
import { MAXIMUM_SHARES, type SplitShare, splitScript } from '../split/split.js';

/** What a source that is not a model may be. */
export const SOURCE_KINDS = [
  'dataset',
  'compute',
  'algorithm',
  'theory',
  'paper',
  'code',
  'developer',
  'service',
] as const;
/** One of {@link SOURCE_KINDS}. */
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** A parent as a published declaration names it. */
export interface DeclaredParent {
  /** 64 lower-case hex digits. */
  readonly id: string;
  /** Parts per million of what reaches this source; 0 declares a use that is not paid for. */
  readonly ppm: number;
  /** SHA-256 of the locking script that the parent's part goes to, 32 bytes. */
  readonly pays: Uint8Array;
}

/** A calibration of one of a model's graphs, by which jobs go (DESIGN 6). */
export interface DeclaredCalibration {
  /** The graph's path in the bundle. */
  readonly file: string;
  /** SHA-256 of the calibration's canonical JSON, hex, as a job names it. */
  readonly hash: string;
}

/** What everybody who publishes a source declares, whatever its kind. */
export interface DeclarationBase {
  /** 64 lower-case hex digits: the BEP 52 hash of what is declared (DESIGN 7). */
  readonly id: string;
  readonly name: string;
  /** Locking script that is paid what the source keeps. */
  readonly owner: Uint8Array;
  /** In the order of their ids. */
  readonly parents: readonly DeclaredParent[];
  /**
   * What it declares to use, in the order of ids, where `parents` is not that: in a circle of sources `parents` names who is
   * paid in the end, and these are the weights that it was solved for.
   */
  readonly uses?: readonly ParentShare[];
  /** Locking script that money for this source is paid to; see {@link destinationScript}. */
  readonly split: Uint8Array;
}

/** What the author of a model declares. */
export interface ModelDeclaration extends DeclarationBase {
  readonly kind: 'model';
  readonly licence: string;
  /** Bytes of the bundle. */
  readonly size: number;
  /** The model's share of the price of a job, in parts per million. */
  readonly feePpm: number;
  /** Base units that each job pays it beside that, at least 1; absent where it asks for nothing more. */
  readonly feePerJob?: bigint;
  /** Calibrations of its graphs, in the order of their files; absent where it was published without. */
  readonly calibrations?: readonly DeclaredCalibration[];
}

/** What is declared of any other source. */
export interface OtherDeclaration extends DeclarationBase {
  readonly kind: SourceKind;
}

/** What a source or a model declares of itself. */
export type Declaration = ModelDeclaration | OtherDeclaration;

/** A declaration before its split script is worked out. */
export type DeclarationDraft<T extends DeclarationBase> = Omit<T, 'split'>;

/** Largest name, licence and owner's script in a declaration. */
export const MAXIMUM_NAME = 128;
/** Most that a model can ask for each job, base units: what a job's amounts can say, with room for its price and stake. */
export const MAXIMUM_FEE_PER_JOB = 1_000_000n * COIN;
/** Longest locking script of an owner, in bytes. */
export const MAXIMUM_OWNER_SCRIPT = 100;

/**
 * Whether money can be paid to an owner's script, and be spent from there: an output that begins like a token is in no
 * block, and every claim of a model that pays such a script would be refused.
 */
export function isPayable(script: Uint8Array): boolean {
  const fits = script.length > 0 && script.length <= MAXIMUM_OWNER_SCRIPT;
  return fits && script[0] !== TOKEN_PREFIX && !isUnspendable(script);
}

function badDeclaration(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_DECLARATION', message, { next, exitCode: EXIT.usage });
}

/** The shares of a declaration's split contract: parents that are paid, in the order of their ids. */
function sharesOf(parents: readonly DeclaredParent[]): SplitShare[] {
  return parents.filter(({ ppm }) => ppm > 0).map(({ pays, ppm }) => ({ scriptHash: pays, ppm }));
}

/**
 * The locking script that money for a source is paid to: its split contract, or where no parent is paid the owner's
 * own script.
 * @param parents in the order of their ids
 * @throws BitmodelError `BAD_SPLIT`
 */
export function destinationScript(
  owner: Uint8Array,
  parents: readonly DeclaredParent[],
): Uint8Array {
  const shares = sharesOf(parents);
  if (shares.length === 0) return owner;
  const given = shares.reduce((sum, { ppm }) => sum + ppm, 0);
  return splitScript(shares, given === PPM ? undefined : sha256(owner));
}

/** What a source keeps of what reaches it, in parts per million. */
export function ownPpm(declaration: Pick<DeclarationBase, 'parents'>): number {
  return declaration.parents.reduce((left, { ppm }) => left - ppm, PPM);
}

/** What a source declares to use, with the weights that it gives each; 0 for a use that is not paid for. */
export function declaredUses({
  uses,
  parents,
}: Pick<DeclarationBase, 'uses' | 'parents'>): readonly ParentShare[] {
  return uses ?? parents;
}

const byIdOrder = (a: ParentShare, b: ParentShare): number => (a.id < b.id ? -1 : 1);

function assertUses(uses: readonly ParentShare[]): void {
  const given = uses.reduce((sum, { ppm }) => sum + ppm, 0);
  if (given > PPM) {
    throw badDeclaration(
      `It gives away ${given} parts per million, more than the whole.`,
      `Lower the weights to at most ${PPM} together`,
    );
  }
}

function assertParents(id: string, parents: readonly ParentShare[]): void {
  if (parents.length >= MAXIMUM_SHARES) {
    throw badDeclaration(
      `${id} names ${parents.length} parents; ${MAXIMUM_SHARES - 1} can be paid.`,
      'Join the smallest into a source of their own',
    );
  }
  parents.forEach((parent, i) => {
    if (parent.id === id) throw badDeclaration(`${id} names itself as a parent.`, 'Leave it out');
    if (i > 0 && parents[i - 1]!.id === parent.id) {
      throw badDeclaration(`${id} names the parent ${parent.id} twice.`, 'Join the two weights');
    }
  });
}

function assertFee(draft: { readonly feePerJob?: bigint }): void {
  const { feePerJob = 1n } = draft;
  if (feePerJob >= 1n && feePerJob <= MAXIMUM_FEE_PER_JOB) return;
  throw badDeclaration(
    `A fee of ${feePerJob} base units for each job can't be asked for.`,
    `Ask for 0.00000001 to ${formatAmount(MAXIMUM_FEE_PER_JOB)} coins, or leave it out`,
  );
}

/**
 * A declaration as it can be published: checked, its parents in the order of their ids, its split script worked out.
 * @throws BitmodelError `BAD_DECLARATION`, `BAD_SPLIT` (weights), `BAD_GRAPH` (a text that can't be printed)
 */
export function completeDeclaration<T extends DeclarationBase & { readonly feePerJob?: bigint }>(
  draft: DeclarationDraft<T>,
): DeclarationDraft<T> & { readonly split: Uint8Array } {
  const parents = [...draft.parents].sort(byIdOrder);
  const uses = draft.uses && [...draft.uses].sort(byIdOrder);
  const ids = [draft.id, ...[...parents, ...(uses ?? [])].map(({ id }) => id)];
  const odd = ids.find((id) => !/^[0-9a-f]{64}$/.test(id));
  if (odd !== undefined) {
    throw badDeclaration(
      `${quoted(odd)} is not an id of 64 hexadecimal digits.`,
      'Take the id that pack or publish printed',
    );
  }
  assertLabel(draft.name, 'The name');
  if (hasInvisible(draft.name)) {
    throw badDeclaration(
      `The name "${visible(draft.name).slice(0, 200)}" holds a character that nobody sees, by which it looks like another.`,
      'Take it out',
    );
  }
  if (draft.name.length > MAXIMUM_NAME || draft.owner.length > MAXIMUM_OWNER_SCRIPT) {
    throw badDeclaration(
      `A name has at most ${MAXIMUM_NAME} characters, an owner's script ${MAXIMUM_OWNER_SCRIPT} bytes.`,
      'Shorten it',
    );
  }
  if (!isPayable(draft.owner)) {
    throw badDeclaration("No output can have the owner's script.", 'Give an address of your own');
  }
  assertFee(draft);
  assertParents(draft.id, parents);
  assertParents(draft.id, uses ?? []);
  assertUses(uses ?? []);
  const declared = uses === undefined ? {} : { uses };
  return { ...draft, parents, ...declared, split: destinationScript(draft.owner, parents) };
}
