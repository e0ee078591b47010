import { sha256, toHex } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import type { Declaration } from '../declared/declaration.js';
import { type Registry, readRegistry } from '../declared/registry.js';
import { readAsOf } from '../declared/snapshot.js';
import { readStandings } from '../declared/standing.js';
import { burnsFor, sumBurns } from './burn.js';
import type { ImoCriteria, ImoRules } from './criteria.js';
import { type JobIncome, jobIncome } from './jobIncome.js';

/** What the chain shows of a model as of a height. */
export interface ImoFigures extends ImoCriteria, JobIncome {
  readonly model: string;
  readonly height: number;
}

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

/** Every locking script that a version of a model's pin names as its owner's, hex. */
function ownScripts(registry: Registry, model: string): Set<string> {
  return new Set(ownVersions(registry, model).map(({ owner }) => toHex(owner)));
}

/** How much was burnt for a model as of a height, and by how many. It takes two calls a burn. */
export async function burnFigures(
  client: ChainClient,
  model: string,
  atHeight: number,
  { leastBurn }: Pick<ImoRules, 'leastBurn'>,
): Promise<Pick<ImoFigures, 'burnt' | 'burners'>> {
  return sumBurns(await burnsFor(client, model, atHeight), leastBurn);
}

/** The figures that need the registry. It takes three calls a payment of a job. */
export async function registryFigures(
  client: ChainClient,
  model: string,
  atHeight: number,
  wanted: Pick<ImoCriteria, 'income'>,
): Promise<Omit<ImoFigures, 'burnt' | 'burners'>> {
  const registry = await readRegistry(client, atHeight);
  const scripts = { paid: ownDestinations(registry, model), own: ownScripts(registry, model) };
  return {
    model,
    height: atHeight,
    dependents: await dependents(client, registry, model),
    ...(await jobIncome(client, scripts, atHeight, wanted.income)),
  };
}

/**
 * What the chain shows of a model as of a height: everybody who asks an honest node gets the same. It takes two calls a
 * burn and three a payment of a job, beside reading the registry.
 * @param model 64 hex digits
 * @param wanted what it is held against; of a model with very many payments no more are read than show whether it is met
 * @throws BitmodelError `BAD_NODE_ANSWER`, `CHAIN_MOVED`, and what the node says
 */
export function imoFigures(
  client: ChainClient,
  model: string,
  atHeight: number,
  rules: ImoRules,
  wanted: Pick<ImoCriteria, 'income'> = rules.minimum,
): Promise<ImoFigures> {
  return readAsOf(client, atHeight, async () => ({
    ...(await burnFigures(client, model, atHeight, rules)),
    ...(await registryFigures(client, model, atHeight, wanted)),
  }));
}

/** Whether a model pays a script as one of its parents, and how much of its income: 0 where it does not. */
export function paidShare(registry: Registry, model: string, script: Uint8Array): number {
  const hash = toHex(sha256(script));
  const parents = registry.byId.get(model)?.parents ?? [];
  return parents.find(({ pays }) => toHex(pays) === hash)?.ppm ?? 0;
}
