import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient, NetworkParameters } from '../../chain/index.js';
import { nftBehind } from '../contracts/holder.js';
import { orItsError } from '../declared/orItsError.js';
import { readRegistry } from '../declared/registry.js';
import { readAsOf } from '../declared/snapshot.js';
import { formatWeight } from '../declared/weight.js';
import { FIGURES_LAST, type ImoCriteria, imoRules, unmet } from './criteria.js';
import { burnFigures, type ImoFigures, paidShare, registryFigures } from './figures.js';
import { firstSpent, holdsPin, type Spent } from './holding.js';
import { incomeScript } from './incomeContract.js';
import { type ImoOffering, parseOffering } from './offering.js';
import {
  everyHolder,
  type OfferingChoice,
  type Placed,
  placedOfferings,
  type Unread,
} from './placed.js';

/** An offering with where it is, and whether it counts. */
export interface AssessedOffering {
  readonly offering: ImoOffering;
  /** Block that holds it. */
  readonly minedAt: number;
  /** What the chain showed of the model at the height that the offering names; undefined where nobody had to look. */
  readonly figures?: ImoFigures;
  /** Why it does not count, each a sentence; none for a valid one. */
  readonly faults: readonly string[];
}

/** What is wrong with an offering by itself: the block that it names, and what it asks. */
function ownFaults({ offering, minedAt }: Placed, minimum: ImoCriteria): string[] {
  const { height, criteria } = offering;
  const faults = unmet(criteria, minimum).map((short) => `It asks less than it must: ${short}.`);
  if (height >= minedAt) {
    faults.unshift(`It names block ${height}, which came no earlier than itself.`);
  } else if (minedAt - height > FIGURES_LAST) {
    faults.unshift(`Its figures are of block ${height}, ${minedAt - height} blocks before it.`);
  }
  return faults;
}

/**
 * What is wrong by who made it, as far as that shows without the registry of the block that it names: reading that for every
 * block that a stranger names would take a list's reader far longer than it costs.
 */
async function makerFaults(
  { client, params, holdersOf }: Assessing,
  { offering: { model, height, issuer }, creator }: Placed,
  spent: () => Promise<Spent>,
): Promise<string[]> {
  const { claims } = await readRegistry(client);
  const isPublished = claims.get(model)?.some(({ versions: [first] }) => first.height <= height);
  if (isPublished !== true) return [`No model ${model} was published by block ${height}.`];
  const holders = await holdersOf(model);
  if (creator !== undefined && holders.has(creator)) return [];
  const scripts = [...holders].filter((each) => nftBehind(each) !== undefined);
  if (scripts.length === 0) return [NO_HOLDER];
  const coins = await spent();
  return scripts.some((each) => holdsPin(each, coins, issuer, params)) ? [] : [NO_HOLDER];
}

const NO_HOLDER = "It was not made by the holder of the model's pin.";

/** What is wrong with an offering by the registry as of its height. */
async function registryFaults(
  { client, params }: Assessing,
  { offering }: Placed,
  spent: () => Promise<Spent>,
): Promise<string[]> {
  const { model, height, incomePpm, issuer, terms } = offering;
  const registry = await readRegistry(client, height);
  if (registry.byId.get(model)?.kind !== 'model') {
    return [`No model ${model} was published by block ${height}.`];
  }
  const faults: string[] = [];
  const { owner } = registry.byId.get(model)!.pin;
  if (!holdsPin(owner, await spent(), issuer, params)) faults.push(NO_HOLDER);
  const share = paidShare(registry, model, incomeScript(model, terms.seller));
  if (share < incomePpm) {
    faults.push(
      `It promises ${formatWeight(incomePpm)} of the income, and the model's split contract paid ${formatWeight(share)} to the holders' contract.`,
    );
  }
  return faults;
}

type Assessing = {
  readonly client: ChainClient;
  readonly params: NetworkParameters;
  readonly holdersOf: (model: string) => Promise<ReadonlySet<string>>;
};

/** What costs its reader least is looked at first, and burnt coins before all that a reader has much to read for. */
async function assess(assessing: Assessing, placed: Placed): Promise<AssessedOffering> {
  const { client, params } = assessing;
  let coins: Promise<Spent> | undefined;
  const spent = (): Promise<Spent> => (coins ??= firstSpent(client, placed.transaction));
  const { offering, minedAt } = placed;
  const { model, height, criteria } = offering;
  const rules = imoRules(params.name);
  const result = (faults: readonly string[], figures?: ImoFigures): AssessedOffering => ({
    offering,
    minedAt,
    ...(figures ? { figures } : {}),
    faults,
  });
  const own = ownFaults(placed, rules.minimum);
  if (own.length > 0) return result(own);
  const maker = await makerFaults(assessing, placed, spent);
  if (maker.length > 0) return result(maker);
  const burns = await burnFigures(client, model, height, rules);
  const notBurnt = notMet({ ...criteria, ...burns }, criteria);
  if (notBurnt.length > 0) return result(notBurnt);
  const formal = await registryFaults(assessing, placed, spent);
  if (formal.length > 0) return result(formal);
  const figures = { ...burns, ...(await registryFigures(client, model, height, criteria)) };
  return result(notMet(figures, criteria), figures);
}

function notMet(figures: ImoCriteria, criteria: ImoCriteria): string[] {
  return unmet(figures, criteria).map((short) => `Not met: ${short}.`);
}

/** Offerings, and those that could not be looked at. */
export interface OfferingList {
  /** Those made first before the others. */
  readonly offerings: readonly AssessedOffering[];
  readonly unread: readonly Unread[];
}

/**
 * All offerings in blocks with whether they count, those made first before the others. Of several valid ones for one
 * model the first counts, for ever: holders' income is not divided anew. What can't be read is set aside, and so is what came
 * after it for the same model, since whether that is the first can't be told.
 * @param only those of one model
 * @throws BitmodelError `NODE_UNREACHABLE`, `CHAIN_MOVED`, and what the node says of its pins
 */
export async function listOfferings(
  client: ChainClient,
  params: NetworkParameters,
  only?: OfferingChoice,
): Promise<OfferingList> {
  const placed = await placedOfferings(client, only);
  const known = new Map<string, Promise<ReadonlySet<string>>>();
  const holdersOf = (model: string): Promise<ReadonlySet<string>> => {
    const holders = known.get(model) ?? everyHolder(client, model);
    known.set(model, holders);
    return holders;
  };
  const taken = new Map<string, string | BitmodelError>();
  const offerings: AssessedOffering[] = [];
  const unread: Unread[] = [];
  const setAside = (txid: string, model: string | undefined, error: BitmodelError): void => {
    unread.push({ txid, model, error });
    if (model !== undefined && !taken.has(model)) taken.set(model, error);
  };
  for (const each of placed) {
    if ('error' in each) {
      setAside(each.txid, each.model, each.error);
      continue;
    }
    const { model, txid } = each.offering;
    if (only && only.model !== model) continue;
    const first = taken.get(model);
    if (first instanceof Error) setAside(txid, model, first);
    else if (first !== undefined) {
      const faults = [`The model has an offering already: ${first}.`];
      offerings.push({ offering: each.offering, minedAt: each.minedAt, faults });
    } else {
      const result = await orItsError(client, () =>
        readAsOf(client, undefined, () => assess({ client, params, holdersOf }, each)),
      );
      if (result instanceof Error) setAside(txid, model, result);
      else {
        offerings.push(result);
        if (result.faults.length === 0) taken.set(model, txid);
      }
    }
  }
  return { offerings, unread };
}

/**
 * As {@link listOfferings}, of one model, where nothing may be missing.
 * @throws BitmodelError `BAD_NODE_ANSWER`, and whatever one of them can't be read for
 */
export async function assessOfferings(
  client: ChainClient,
  params: NetworkParameters,
  only: OfferingChoice,
): Promise<readonly AssessedOffering[]> {
  const { offerings, unread } = await listOfferings(client, params, only);
  if (unread[0]) throw unread[0].error;
  return offerings;
}

/**
 * An offering by its id (that of its transaction), or the valid one of a model by the model's id.
 * @throws BitmodelError `UNKNOWN_IMO` (exit 3)
 */
export async function findOffering(
  client: ChainClient,
  params: NetworkParameters,
  id: string,
): Promise<AssessedOffering> {
  const known = await client.transaction(id);
  const model = known ? parseOffering(known.transaction)?.model : id;
  const all =
    model === undefined
      ? []
      : await assessOfferings(client, params, known ? { model, txid: id } : { model });
  const found = all.find(({ offering, faults }) =>
    known ? offering.txid === id : faults.length === 0,
  );
  if (found) return found;
  throw new BitmodelError('UNKNOWN_IMO', `There is no offering ${id.slice(0, 80)} in a block.`, {
    next: 'See those that are with: bitmodel imo list',
    exitCode: EXIT.notFound,
  });
}

/** Demands that an offering counts. @throws BitmodelError `INVALID_IMO` (exit 10) */
export function demandValid({ offering, faults }: AssessedOffering): void {
  if (faults.length === 0) return;
  throw new BitmodelError('INVALID_IMO', `Offering ${offering.txid} does not count: ${faults[0]}`, {
    next: 'See all that is wrong with it: bitmodel imo show ID',
    exitCode: EXIT.invalid,
  });
}
