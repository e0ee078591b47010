import { type BitmodelError, mapConcurrently } from '../../base/index.js';
import type { ChainClient, Pin, Transaction } from '../../chain/index.js';
import { nftBehind } from '../contracts/holder.js';
import { orItsError } from '../declared/orItsError.js';
import { pinEvents } from '../declared/pinEvents.js';
import { readRegistry } from '../declared/registry.js';
import { IMO_PIN_PATH, type ImoOffering, parseImoPayload, parseOffering } from './offering.js';
import { provenTransaction } from './proven.js';

/** A transaction in a block that is an offering by its form. */
export interface Placed {
  readonly offering: ImoOffering;
  readonly minedAt: number;
  readonly transaction: Transaction;
  /** Who made its pin, as the node's index says. */
  readonly creator: string | undefined;
}

/** What looks like an offering, and can't be read. */
export interface Unread {
  /** Printed id of its transaction. */
  readonly txid: string;
  /** The model that its pin names, where the index of pins tells. */
  readonly model: string | undefined;
  readonly error: BitmodelError;
}

/** Which offerings are asked for. */
export interface OfferingChoice {
  readonly model: string;
  /** This one, even where it was made by somebody who never held the model's pin. */
  readonly txid?: string;
}

/** Longest payload of an offering's pin. */
const MOST_PAYLOAD = 1_024;

/** Everybody, as pins name them, who ever held a pin that declares a model. */
export async function everyHolder(client: ChainClient, model: string): Promise<Set<string>> {
  const { claims, height } = await readRegistry(client);
  const holders = new Set<string>();
  for (const { pin } of claims.get(model) ?? []) {
    for await (const { owner } of pinEvents(client, pin, height)) {
      if (owner !== undefined) holders.add(owner);
    }
  }
  return holders;
}

type Promised = { readonly pin: Pin; readonly model: string | undefined };

/** What a pin promised when it was made: of one that was changed very often the list does not tell which model's. */
function promisedIn(pin: Pin): Promised | undefined {
  const [made] = pin.versions;
  if (made?.operation !== 'create') return { pin, model: undefined };
  const promise = parseImoPayload(made.payload);
  return promise && { pin, model: promise.model };
}

/**
 * All transactions in blocks that are offerings by their form, in the order of the chain, and in their places those that can't
 * be read. Of one model's, pins that name another, or were made by nobody who could, are passed over unread, so that junk
 * costs little.
 */
export async function placedOfferings(
  client: ChainClient,
  only?: OfferingChoice,
): Promise<(Placed | Unread)[]> {
  const pins = await client.pins(IMO_PIN_PATH, { all: true, maxPayload: MOST_PAYLOAD });
  const holders = only && (await everyHolder(client, only.model));
  // who spends an NFT only the transaction shows
  const mayShowNft = [...(holders ?? [])].some((each) => nftBehind(each) !== undefined);
  const wanted = pins
    .flatMap((pin) => promisedIn(pin) ?? [])
    .filter(({ pin, model }) => {
      if (!only || pin.txid === only.txid) return true;
      const isOther = model !== undefined && model !== only.model;
      if (isOther || pin.creator === undefined) return false;
      return mayShowNft || holders?.has(pin.creator) === true;
    });
  const found = await mapConcurrently(wanted, async ({ pin, model }) => {
    const { txid, height, creator } = pin;
    const read = await orItsError(client, () => provenTransaction(client, txid));
    if (read instanceof Error) return { txid, model, error: read };
    const offering = parseOffering(read);
    return offering && { offering, minedAt: height, transaction: read, creator };
  });
  return found.filter((each) => each !== undefined);
}
