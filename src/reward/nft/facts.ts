import { equalBytes, sha256, toHex } from '../../base/index.js';
import {
  type ChainClient,
  hash160,
  hashToId,
  p2pkhScript,
  parseOutpoint,
  type Utxo,
} from '../../chain/index.js';
import { type HolderTerms, holderScript } from '../contracts/holder.js';
import { type OfferTerms, parseOffer } from '../contracts/sale.js';
import { modelIncome } from '../declared/income.js';
import type { PublishedModel } from '../declared/names.js';
import type { Published, Registry } from '../declared/registry.js';
import { type NftBirth, nftBirth } from './birth.js';
import { receivedFees, waitingFees } from './waiting.js';

/** Why somebody who pays for an NFT may not get what it looks like. */
export type FlawCode =
  | 'NOT_THE_ONLY'
  | 'NOT_PUBLISHED'
  | 'FEE_NOT_BOUND'
  | 'PIN_ELSEWHERE'
  | 'PIN_MOVING'
  | 'ROYALTY_SHORT'
  | 'ROYALTY_ELSEWHERE';

/** A reason not to buy, as one sentence. */
export interface Flaw {
  readonly code: FlawCode;
  readonly text: string;
}

/** An offer that an NFT lies in. */
export interface NftOffer extends OfferTerms {
  /** The script behind the hash that gets the royalty; undefined where nobody has shown it. */
  readonly authorScript: Uint8Array | undefined;
}

/** What the chain says of an NFT that lies somewhere. */
export interface NftFacts {
  /** Where it lies, unspent. */
  readonly coin: Utxo;
  /** What it opens: undefined for an NFT that commits to no model. */
  readonly terms: HolderTerms | undefined;
  readonly model: PublishedModel | undefined;
  readonly birth: NftBirth | undefined;
  /** Whether what the model keeps reaches whoever holds this NFT, and nobody else can change that. */
  readonly isBound: boolean;
  readonly offer: NftOffer | undefined;
  /** Published sources that use the model and pay what it was paid at before: until they follow, none of it comes here. */
  readonly strays: number;
  readonly flaws: readonly Flaw[];
}

const flaw = (code: FlawCode, text: string): Flaw => ({ code, text });

function termsOf({ output: { token } }: Utxo): HolderTerms | undefined {
  const commitment = token?.nft?.commitment;
  if (!token || commitment?.length !== 32) return undefined;
  return { category: token.category, modelId: commitment };
}

/** Whether this immutable NFT is all that its category ever was. */
function isTheOnly(coin: Utxo, birth: NftBirth | undefined): boolean {
  const nft = coin.output.token?.nft;
  const born = birth?.only?.nft;
  if (!nft || !born || nft.capability !== 'none') return false;
  return equalBytes(nft.commitment, born.commitment);
}

/** What keeps the model's income from the NFT's holder. */
async function bindingFlaw(
  client: ChainClient,
  terms: HolderTerms,
  model: PublishedModel | undefined,
): Promise<Flaw | undefined> {
  if (!model) {
    return flaw(
      'NOT_PUBLISHED',
      'Nobody has published the model that it commits to: it brings no fee.',
    );
  }
  const script = holderScript(terms);
  if (!equalBytes(model.owner, script)) {
    return flaw('FEE_NOT_BOUND', `What ${model.name} earns does not go to the holder of this NFT.`);
  }
  const { location, owner } = model.pin;
  const lies = owner === toHex(script);
  if (!lies || location === undefined) {
    return flaw(
      'PIN_ELSEWHERE',
      `The pin of ${model.name} lies with ${owner ?? 'nobody'}, who can turn its income elsewhere.`,
    );
  }
  // what waits in the mempool may change the pin before the NFT changes hands
  const unspent = await client.output(parseOutpoint(location));
  if (unspent && equalBytes(unspent.output.lockingScript, script)) return undefined;
  return flaw(
    'PIN_MOVING',
    `The pin of ${model.name} is about to be changed: look again after a block.`,
  );
}

function royaltyFlaws(offer: NftOffer | undefined, birth: NftBirth | undefined): Flaw[] {
  const declared = birth?.royalty;
  if (!offer || !declared || declared.royaltyPpm === 0) return [];
  const short = offer.royaltyPpm < declared.royaltyPpm;
  const elsewhere = !equalBytes(offer.author, sha256(declared.author));
  return [
    ...(short
      ? [
          flaw(
            'ROYALTY_SHORT',
            'The offer pays the author less than was declared when it was minted.',
          ),
        ]
      : []),
    ...(elsewhere
      ? [
          flaw(
            'ROYALTY_ELSEWHERE',
            'The royalty of the offer goes to somebody other than the author.',
          ),
        ]
      : []),
  ];
}

/** The offer in an NFT's locking script, with the script behind its author's hash from whatever shows it. */
function offerOf(
  coin: Utxo,
  registry: Registry,
  birth: NftBirth | undefined,
): NftOffer | undefined {
  const offer = parseOffer(coin.output.lockingScript);
  if (!offer) return undefined;
  const seller = p2pkhScript(hash160(offer.seller));
  const known = [birth?.royalty?.author, seller, registry.scripts.get(toHex(offer.author))];
  const authorScript = known.find((script) => script && equalBytes(sha256(script), offer.author));
  return { ...offer, authorScript };
}

/** Sources in force that pass some of what reaches them on to a source. */
export function payingUsers(registry: Registry, id: string): Published[] {
  return [...registry.byId.values()].filter(({ parents }) =>
    parents.some((parent) => parent.id === id && parent.ppm > 0),
  );
}

function straysOf(registry: Registry, { id, split }: PublishedModel): number {
  const now = sha256(split);
  const strays = payingUsers(registry, id).filter(({ parents }) =>
    parents.some((parent) => parent.id === id && !equalBytes(parent.pays, now)),
  );
  return strays.length;
}

/**
 * What the chain says of an NFT, and what speaks against paying for it. A buyer that finds no flaw can't lose the
 * model's fee to whoever sells: all that could redirect it needs the NFT among its inputs, and that lies in the offer.
 * @param coin the NFT where it lies
 */
export async function nftFacts(
  client: ChainClient,
  registry: Registry,
  coin: Utxo,
): Promise<NftFacts> {
  const terms = termsOf(coin);
  const found = terms && registry.byId.get(toHex(terms.modelId));
  const model = found?.kind === 'model' ? (found as PublishedModel) : undefined;
  const birth = await nftBirth(client, coin.output.token!.category);
  const offer = offerOf(coin, registry, birth);
  const unbound = terms && (await bindingFlaw(client, terms, model));
  const only = isTheOnly(coin, birth)
    ? []
    : [
        flaw(
          'NOT_THE_ONLY',
          `Category ${hashToId(coin.output.token!.category)} has, or can have, more than this one NFT.`,
        ),
      ];
  return {
    coin,
    terms,
    model,
    birth,
    isBound: terms !== undefined && unbound === undefined && only.length === 0,
    offer,
    strays: model ? straysOf(registry, model) : 0,
    flaws: [...only, ...(unbound ? [unbound] : []), ...royaltyFlaws(offer, birth)],
  };
}

/** What an NFT brings its holder, in base units. */
export interface NftMoney {
  /** Lies in the holder script. */
  readonly waiting: bigint;
  /** Coins it lies in, without those that carry tokens. */
  readonly coins: number;
  /** Lies in the model's split contract; the holder's part of it comes by `reward settle`. */
  readonly unsettled: bigint;
  /** Was taken out of the holder script by this holder and those before. */
  readonly collected: bigint;
  /** Was paid for the model's jobs, everybody's shares included. */
  readonly income: bigint;
  readonly payments: number;
  /** Whether payments of long ago are left out of the last three. */
  readonly isPartial: boolean;
}

/** What a model's NFT brings and has brought. @returns undefined for an NFT that commits to no published model */
export async function nftMoney(
  client: ChainClient,
  registry: Registry,
  { terms, model }: NftFacts,
): Promise<NftMoney | undefined> {
  if (!terms || !model) return undefined;
  const [waiting, received, income, inSplit] = await Promise.all([
    waitingFees(client, terms, model.pin.id),
    receivedFees(client, terms),
    modelIncome(client, registry, model.id),
    equalBytes(model.split, model.owner) ? [] : client.largestUtxos([model.split]),
  ]);
  return {
    waiting: waiting.amount,
    coins: waiting.coins.length,
    unsettled: inSplit.reduce((sum, { output }) => sum + output.value, 0n),
    collected: received.amount > waiting.amount ? received.amount - waiting.amount : 0n,
    income: income.amount,
    payments: income.payments,
    isPartial: income.isPartial || received.isPartial,
  };
}
