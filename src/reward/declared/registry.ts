import { BitmodelError, EXIT, equalBytes, sha256, toHex } from '../../base/index.js';
import type { ChainClient, Pin } from '../../chain/index.js';
import { quoted } from '../graph/graph.js';
import { type Claim, type ClaimVersion, findClaim, readClaims } from './claims.js';
import type { Declaration, DeclaredParent, ModelDeclaration } from './declaration.js';
import { type ChainPoint, readAsOf } from './snapshot.js';

/** A declaration with the pin that made it. */
export type Published<T extends Declaration = Declaration> = T & {
  readonly pin: Pin;
  /** Block from which on the pin says this. */
  readonly since: number;
};

/**
 * What the chain says about sources, as of a block. Of several pins for one id the first counts: the lowest block, in it
 * models before other sources, and then the order of transactions. Whoever holds that pin may modify it, and so change
 * weights and owner from that block on: of its versions the last valid one counts, so that a broken one changes nothing. A
 * revoked pin declares nothing. Who is first may be somebody else than the author; a buyer names a model by its id and sees
 * in the pin who is paid for it.
 */
export interface Registry extends ChainPoint {
  /** The declaration in force of each id, those published first before the others. */
  readonly byId: ReadonlyMap<string, Published>;
  /** Every locking script that any version of a claim names, by the hex of its SHA-256. */
  readonly scripts: ReadonlyMap<string, Uint8Array>;
  /** The declaration that money in a script belongs to, by the hex of the script's SHA-256. */
  readonly byScript: ReadonlyMap<string, Published>;
  /** Every pin that declares an id, with all it ever said, the first before the others; revoked ones too. */
  readonly claims: ReadonlyMap<string, readonly Claim[]>;
}

function published(claim: Claim, { declaration, height }: ClaimVersion): Published {
  return { ...declaration, pin: claim.pin, since: height };
}

/** The registry that claims make; see {@link Registry}. @param claims in the order in which they count */
export function registryOf(point: ChainPoint, claims: readonly Claim[]): Registry {
  const byId = new Map<string, Published>();
  const scripts = new Map<string, Uint8Array>();
  const byScript = new Map<string, Published>();
  const ofId = new Map<string, Claim[]>();
  for (const claim of claims) {
    // money already paid to an earlier version's split can still be settled
    for (const version of claim.versions) {
      const { split, owner } = version.declaration;
      const destination = toHex(sha256(split));
      if (!byScript.has(destination)) byScript.set(destination, published(claim, version));
      scripts.set(destination, split);
      scripts.set(toHex(sha256(owner)), owner);
    }
    const { id } = claim.versions[0].declaration;
    const others = ofId.get(id);
    if (others) others.push(claim);
    else ofId.set(id, [claim]);
    if (claim.pin.status === 'revoked' || byId.has(id)) continue;
    byId.set(id, published(claim, claim.versions.at(-1)!));
  }
  return { ...point, byId, scripts, byScript, claims: ofId };
}

/** Registries lately read through a client, by block: a command asks for the same one several times. */
const LATELY = new WeakMap<ChainClient, Map<string, Registry>>();
const MOST_LATELY = 3;

/**
 * All that pins declare about models and sources, as of one block.
 * @param atHeight what happened in later blocks does not count; the tip unless stated, and at most the tip
 * @throws BitmodelError `CHAIN_MOVED`, and what the node says
 */
export async function readRegistry(client: ChainClient, atHeight?: number): Promise<Registry> {
  const lately = LATELY.get(client) ?? new Map<string, Registry>();
  LATELY.set(client, lately);
  const registry = await readAsOf(
    client,
    atHeight,
    async (point) =>
      lately.get(point.blockHash) ?? registryOf(point, await readClaims(client, point.height)),
  );
  // kept only now: what was read while the chain moved may be of two branches
  lately.set(registry.blockHash, registry);
  for (const old of [...lately.keys()].slice(0, -MOST_LATELY)) lately.delete(old);
  return registry;
}

/** The error for an id that nothing was published under. */
export function unknownSource(id: string): BitmodelError {
  return new BitmodelError('UNKNOWN_SOURCE', `Nothing is published under ${quoted(id)} yet.`, {
    next: 'Publish it first, and wait until its pin is in a block',
    exitCode: EXIT.notFound,
  });
}

/** The declaration of a source. @throws BitmodelError `UNKNOWN_SOURCE` (exit 3) */
export function findDeclaration(registry: Registry, id: string): Published {
  const source = registry.byId.get(id);
  if (!source) throw unknownSource(id);
  return source;
}

/**
 * Where a parent is paid by what it declared before: a contract pays the script that was the parent's when it was made.
 * @returns the block of that declaration; undefined where the parent is paid by what it declares now, or never declared such
 */
export function payableVersion(
  { byId, claims }: Registry,
  { id, pays }: Pick<DeclaredParent, 'id' | 'pays'>,
): number | undefined {
  const current = byId.get(id);
  if (current && equalBytes(sha256(current.split), pays)) return undefined;
  for (const { versions } of claims.get(id) ?? []) {
    const paid = versions.findLast(({ declaration }) =>
      equalBytes(sha256(declaration.split), pays),
    );
    if (paid) return paid.height;
  }
  return undefined;
}

/**
 * A model's declaration in force, by the rule of {@link Registry}.
 * @param modelId 64 hex digits
 * @param atHeight what happened in later blocks does not count
 * @returns undefined when there is none
 */
export async function findModel(
  client: ChainClient,
  modelId: string,
  atHeight?: number,
): Promise<Published<ModelDeclaration> | undefined> {
  const source = await readAsOf(client, atHeight, async ({ height, blockHash }) => {
    const known = LATELY.get(client)?.get(blockHash);
    if (known) return known.byId.get(modelId);
    const claim = await findClaim(client, modelId, height);
    return claim && published(claim, claim.versions.at(-1)!);
  });
  return source?.kind === 'model' ? source : undefined;
}
