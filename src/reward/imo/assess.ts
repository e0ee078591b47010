import { BitmodelError, EXIT, equalBytes, mapConcurrently } from '../../base/index.js';
import {
  type ChainClient,
  holderText,
  type NetworkParameters,
  type Pin,
  previousOutputs,
} from '../../chain/index.js';
import { pinEvents } from '../declared/pinEvents.js';
import { type Registry, readRegistry } from '../declared/registry.js';
import { formatWeight } from '../declared/weight.js';
import { FIGURES_LAST, imoRules, unmet } from './criteria.js';
import { type ImoFigures, imoFigures, paidShare } from './figures.js';
import { incomeScript } from './incomeContract.js';
import { IMO_PIN_PATH, type ImoOffering, parseImoPayload, parseOffering } from './offering.js';
import { provenTransaction } from './proven.js';

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

/** Longest payload of an offering's pin. */
const MOST_PAYLOAD = 1_024;

interface Placed {
  readonly offering: ImoOffering;
  readonly minedAt: number;
}

/** Which offerings are asked for. */
export interface OfferingChoice {
  readonly model: string;
  /** This one, even where it was made by somebody who never held the model's pin. */
  readonly txid?: string;
}

/** Everybody, as pins name them, who ever held a pin that declares a model. */
async function everyHolder(client: ChainClient, model: string): Promise<Set<string>> {
  const { claims, height } = await readRegistry(client);
  const holders = new Set<string>();
  for (const { pin } of claims.get(model) ?? []) {
    for await (const { owner } of pinEvents(client, pin, height)) {
      if (owner !== undefined) holders.add(owner);
    }
  }
  return holders;
}

/**
 * All transactions in blocks that are offerings by their form, in the order of the chain. Pins that name another model, or
 * were made by nobody who could, are passed over unread, so that junk costs little.
 */
async function placedOfferings(client: ChainClient, only?: OfferingChoice): Promise<Placed[]> {
  const pins = await client.pins(IMO_PIN_PATH, { all: true, maxPayload: MOST_PAYLOAD });
  const holders = only && (await everyHolder(client, only.model));
  const wanted = pins.filter(({ txid, versions, creator }) => {
    const [made] = versions;
    // of a pin that was changed very often the list does not tell what it said at first
    const promise =
      made?.operation === 'create' ? parseImoPayload(made.payload) : ('unknown' as const);
    if (promise === undefined) return false;
    if (!only || txid === only.txid) return true;
    const isOther = promise !== 'unknown' && promise.model !== only.model;
    return !isOther && creator !== undefined && holders?.has(creator) === true;
  });
  const found = await mapConcurrently(wanted, async ({ txid, height }: Pin) => {
    const offering = parseOffering(await provenTransaction(client, txid));
    return offering && { offering, minedAt: height };
  });
  return found.filter((each) => each !== undefined);
}

/** Whether a model's pin lies at a script, as of the registry's height. */
export function isPinHolder(
  registry: Registry,
  model: string,
  script: Uint8Array,
  params: NetworkParameters,
): boolean {
  return registry.byId.get(model)?.pin.owner === holderText(script, params);
}

/** What is wrong with an offering beside its figures, by the registry as of its height. */
async function formalFaults(
  client: ChainClient,
  registry: Registry,
  { offering, minedAt }: Placed,
  params: NetworkParameters,
): Promise<string[]> {
  const { model, height, incomePpm, issuer, terms } = offering;
  const faults: string[] = [];
  if (height >= minedAt)
    faults.push(`It names block ${height}, which came no earlier than itself.`);
  else if (minedAt - height > FIGURES_LAST) {
    faults.push(`Its figures are of block ${height}, ${minedAt - height} blocks before it.`);
  }
  if (registry.byId.get(model)?.kind !== 'model') {
    return [...faults, `No model ${model} was published by block ${height}.`];
  }
  const transaction = await provenTransaction(client, offering.txid);
  const [spent] = await previousOutputs(client, { inputs: transaction.inputs.slice(0, 1) });
  const isIssuer = equalBytes(spent!.lockingScript, issuer);
  if (!isIssuer || !isPinHolder(registry, model, issuer, params)) {
    faults.push("It was not made by the holder of the model's pin.");
  }
  const share = paidShare(registry, model, incomeScript(model, terms.seller));
  if (share < incomePpm) {
    faults.push(
      `It promises ${formatWeight(incomePpm)} of the income, and the model's split contract paid ${formatWeight(share)} to the holders' contract.`,
    );
  }
  return faults;
}

async function assess(
  client: ChainClient,
  placed: Placed,
  params: NetworkParameters,
): Promise<AssessedOffering> {
  const { offering, minedAt } = placed;
  // what names a block of the future is judged by what is there
  const height = Math.min(offering.height, minedAt);
  const registry = await readRegistry(client, height);
  const formal = await formalFaults(client, registry, placed, params);
  if (formal.length > 0) return { offering, minedAt, faults: formal };
  const rules = imoRules(params.name);
  const figures = await imoFigures(client, offering.model, height, rules);
  const faults = [
    ...unmet(offering.criteria, rules.minimum).map(
      (short) => `It asks less than it must: ${short}.`,
    ),
    ...unmet(figures, offering.criteria).map((short) => `Not met: ${short}.`),
  ];
  return { offering, minedAt, figures, faults };
}

/**
 * All offerings in blocks with whether they count, those made first before the others. Of several valid ones for one
 * model the first counts, for ever: holders' income is not divided anew.
 * @param only those of one model
 * @throws BitmodelError `BAD_NODE_ANSWER`, and what the node says
 */
export async function assessOfferings(
  client: ChainClient,
  params: NetworkParameters,
  only?: OfferingChoice,
): Promise<AssessedOffering[]> {
  const placed = await placedOfferings(client, only);
  const taken = new Map<string, string>();
  const assessed: AssessedOffering[] = [];
  for (const each of placed) {
    const { model, txid } = each.offering;
    if (only && only.model !== model) continue;
    const first = taken.get(model);
    if (first !== undefined) {
      assessed.push({ ...each, faults: [`The model has an offering already: ${first}.`] });
      continue;
    }
    const result = await assess(client, each, params);
    if (result.faults.length === 0) taken.set(model, txid);
    assessed.push(result);
  }
  return assessed;
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
