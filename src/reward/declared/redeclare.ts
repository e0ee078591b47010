import { BitmodelError, EXIT, equalBytes, sha256 } from '../../base/index.js';
import { type ChainClient, modifyPin, type PinWrite, type Wallet } from '../../chain/index.js';
import type { ParentShare } from '../graph/graph.js';
import { assertSolvableCircle, solveCircle } from './circles.js';
import { completeDeclaration, type Declaration, declaredUses } from './declaration.js';
import { type ModelFee, withFee } from './fee.js';
import { modelPinPayload, sourcePinPayload } from './pinPayload.js';
import { findDeclaration, type Published, type Registry } from './registry.js';

/** A source's declaration with other parents and weights; each parent is paid at what it declares now. */
export interface Redeclaration {
  readonly before: Published;
  readonly after: Declaration;
}

/** What a source is to declare otherwise beside its parents; what is left out stays. */
export interface DeclaredChanges {
  /** Locking script that is paid what the source keeps. */
  readonly owner?: Uint8Array;
  readonly name?: string;
  /** Of a model alone. */
  readonly licence?: string;
  /** What it asks of each job; of a model alone. */
  readonly fee?: ModelFee;
}

function changed(before: Published, { owner, name, licence, fee }: DeclaredChanges): Published {
  const source = {
    ...before,
    ...(owner === undefined ? {} : { owner }),
    ...(name === undefined ? {} : { name }),
  };
  if (source.kind === 'model') {
    const asks = fee === undefined ? source : withFee(source, fee);
    return licence === undefined ? asks : { ...asks, licence };
  }
  if (licence === undefined && fee === undefined) return source;
  throw new BitmodelError(
    'NO_MODEL',
    `${before.name} is no model: it has no licence and no fee to declare.`,
    { next: 'Leave out --licence and --fee', exitCode: EXIT.usage },
  );
}

/**
 * What a source would declare with these parents in place of those that it has: what is paid from the block on that takes
 * the change in. What was paid before goes by the old weights. In a circle it is paid as {@link solveCircle} says.
 * @param parents as it has them, each paid at what it is paid at now, unless stated
 * @throws BitmodelError `UNKNOWN_SOURCE` for it or a parent; `BAD_DECLARATION`, `BAD_SPLIT` for parents or weights that
 *   can't be; `NO_MODEL`; `CLOSED_CIRCLE`, `LARGE_CIRCLE` as {@link assertSolvableCircle}
 */
export function redeclare(
  registry: Registry,
  id: string,
  parents: readonly ParentShare[] | undefined,
  changes: DeclaredChanges = {},
): Redeclaration {
  const before = findDeclaration(registry, id);
  const { pin: _pin, since: _since, split: _split, ...kept } = changed(before, changes);
  if (parents === undefined) {
    return { before, after: completeDeclaration<Declaration>(kept) as Declaration };
  }
  const { uses: _uses, ...rest } = kept;
  const paid = parents.map(({ id: parent, ppm }) => ({
    id: parent,
    ppm,
    pays: sha256(findDeclaration(registry, parent).split),
  }));
  const plain = completeDeclaration<Declaration>({ ...rest, parents: paid }) as Declaration;
  assertSolvableCircle(registry, plain);
  return { before, after: solveCircle(registry, plain) };
}

/**
 * The same uses and weights, each paid at what it declares now; in a circle, at what all of it declare now.
 * @throws BitmodelError as {@link redeclare}
 */
export function follow(
  registry: Registry,
  id: string,
  changes: DeclaredChanges = {},
): Redeclaration {
  return redeclare(registry, id, declaredUses(findDeclaration(registry, id)), changes);
}

/** Whether a redeclaration says anything new. */
export function isChange({ before, after }: Redeclaration): boolean {
  return !equalBytes(payloadOf(before), payloadOf(after));
}

function payloadOf(declaration: Declaration): Uint8Array {
  return declaration.kind === 'model'
    ? modelPinPayload(declaration)
    : sourcePinPayload(declaration);
}

/**
 * Publishes it, from the block on that takes it in.
 * @param wallet holds the pin
 * @throws BitmodelError `NOT_PIN_OWNER`, `PIN_REVOKED`, as `modifyPin`
 */
export function publishRedeclaration(
  client: ChainClient,
  wallet: Wallet,
  { before, after }: Redeclaration,
): Promise<PinWrite> {
  const content = { contentType: 'application/json', payload: payloadOf(after) };
  return modifyPin(client, wallet, before.pin, content);
}
