import { fromHex, mapConcurrently, sha256, toHex } from '../../base/index.js';
import {
  type ChainClient,
  hashToId,
  isCoinbase,
  previousOutputs,
  type Transaction,
} from '../../chain/index.js';
import type { Declaration } from '../declared/declaration.js';
import { isClaim, MODEL_SHARE } from '../declared/jobClaim.js';
import { type Registry, readRegistry } from '../declared/registry.js';
import { readStandings } from '../declared/standing.js';
import { burnsFor, sumBurns } from './burn.js';
import type { ImoCriteria, ImoRules } from './criteria.js';
import { provenTransaction } from './proven.js';

/** What the chain shows of a model as of a height. */
export interface ImoFigures extends ImoCriteria {
  readonly model: string;
  readonly height: number;
  /** Payments of jobs that count as income. */
  readonly payments: number;
  /** Base units that jobs paid which its owner bought: no income here. */
  readonly ownPayments: bigint;
  /** Whether there are more payments than are looked at: then the income is at least this much. */
  readonly isPartial: boolean;
}

/** Payments looked at for one model, the oldest first: the same for every reader, whatever comes later. */
const MOST_PAYMENTS = 10_000;

/** All that the pin in force of a model has ever declared, whatever pins of others for the same id say. */
function ownVersions(registry: Registry, model: string): Declaration[] {
  const pin = registry.byId.get(model)?.pin.id;
  const claim = registry.claims.get(model)?.find((each) => each.pin.id === pin);
  return claim?.versions.map(({ declaration }) => declaration) ?? [];
}

/**
 * The scripts, hex, that money for this model comes to. An address that several sources are paid at belongs to the one that
 * was published first: no income is counted twice, and nobody can take another's by naming its address later.
 */
function ownDestinations(registry: Registry, model: string): Set<string> {
  const splits = ownVersions(registry, model).map(({ split }) => split);
  const isFirst = (split: Uint8Array): boolean =>
    registry.byScript.get(toHex(sha256(split)))?.id === model;
  return new Set(splits.filter(isFirst).map(toHex));
}

/**
 * Owners other than the model's own whose sources pay it as a parent, each once. Whoever holds the model's pin can dispute
 * a claim, which then does not count.
 */
async function dependents(client: ChainClient, registry: Registry, model: string): Promise<number> {
  const paid = new Set(ownVersions(registry, model).map(({ split }) => toHex(sha256(split))));
  const claims = [...registry.byId.values()].flatMap((source) =>
    source.parents
      .filter(({ id, ppm, pays }) => id === model && ppm > 0 && paid.has(toHex(pays)))
      .map(({ ppm }) => ({ source, ppm })),
  );
  if (claims.length === 0) return 0;
  const standings = await readStandings(client, registry, new Set(claims.map((c) => c.source.id)));
  const owners = claims
    .filter(({ source, ppm }) => standings.of(source.id, model, ppm) !== 'disputed')
    .map(({ source }) => toHex(source.owner));
  const own = ownScripts(registry, model);
  return new Set(owners.filter((owner) => !own.has(owner))).size;
}

/** Locking scripts of the coins that a job was funded with, hex. */
async function buyers(client: ChainClient, claim: Transaction): Promise<string[]> {
  const escrow = await provenTransaction(client, toPrinted(claim));
  if (isCoinbase(escrow)) return [];
  return (await previousOutputs(client, escrow)).map(({ lockingScript }) => toHex(lockingScript));
}

/** Printed id of the transaction whose output a claim's first input spends. */
function toPrinted({ inputs }: Transaction): string {
  return hashToId(inputs[0]!.outpoint.hash);
}

/**
 * What jobs paid for a model as of a height, apart from those that were bought with coins of its owner.
 */
async function jobIncome(
  client: ChainClient,
  registry: Registry,
  model: string,
  atHeight: number,
): Promise<Pick<ImoFigures, 'income' | 'payments' | 'ownPayments' | 'isPartial'>> {
  const paid = ownDestinations(registry, model);
  if (paid.size === 0) return { income: 0n, payments: 0, ownPayments: 0n, isPartial: false };
  const scripts = [...paid].map((hex) => fromHex(hex));
  const history = await client.scriptHistory(scripts, MOST_PAYMENTS + 1);
  const mined = history.filter(({ height }) => height > 0 && height <= atHeight);
  const own = ownScripts(registry, model);
  const sums = await mapConcurrently(mined.slice(0, MOST_PAYMENTS), async ({ txid }) => {
    const transaction = await provenTransaction(client, txid);
    const share = transaction.outputs[MODEL_SHARE];
    if (!share || !paid.has(toHex(share.lockingScript)) || !isClaim(transaction)) return undefined;
    const isOwn = (await buyers(client, transaction)).some((script) => own.has(script));
    return { amount: share.value, isOwn };
  });
  const claims = sums.filter((sum) => sum !== undefined);
  const total = (isOwn: boolean): bigint =>
    claims.reduce((sum, claim) => (claim.isOwn === isOwn ? sum + claim.amount : sum), 0n);
  return {
    income: total(false),
    payments: claims.filter(({ isOwn }) => !isOwn).length,
    ownPayments: total(true),
    isPartial: mined.length > MOST_PAYMENTS,
  };
}

/** Every locking script that a version of a model's pin names as its owner's, hex. */
function ownScripts(registry: Registry, model: string): Set<string> {
  return new Set(ownVersions(registry, model).map(({ owner }) => toHex(owner)));
}

/**
 * What the chain shows of a model as of a height: everybody who asks an honest node gets the same. It takes two calls a
 * burn and three a payment of a job, beside reading the registry.
 * @param model 64 hex digits
 * @throws BitmodelError `BAD_NODE_ANSWER`, and what the node says
 */
export async function imoFigures(
  client: ChainClient,
  model: string,
  atHeight: number,
  { leastBurn }: Pick<ImoRules, 'leastBurn'>,
): Promise<ImoFigures> {
  const registry = await readRegistry(client, atHeight);
  const burns = sumBurns(await burnsFor(client, model, atHeight), leastBurn);
  return {
    model,
    height: atHeight,
    ...burns,
    dependents: await dependents(client, registry, model),
    ...(await jobIncome(client, registry, model, atHeight)),
  };
}

/** Whether a model pays a script as one of its parents, and how much of its income: 0 where it does not. */
export function paidShare(registry: Registry, model: string, script: Uint8Array): number {
  const hash = toHex(sha256(script));
  const parents = registry.byId.get(model)?.parents ?? [];
  return parents.find(({ pays }) => toHex(pays) === hash)?.ppm ?? 0;
}
