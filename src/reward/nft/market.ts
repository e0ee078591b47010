import { BitmodelError, EXIT, sha256, toHex } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  type FundedTransaction,
  fundFrom,
  hash160,
  isConflict,
  p2pkhScript,
  proveCoins,
  type Sent,
  signContract,
  TOKEN_FEES,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { parseHolderScript } from '../contracts/holder.js';
import { parseOffer } from '../contracts/sale.js';
import {
  BUY_UNLOCKING,
  offerBuySpend,
  offerOutput,
  saleCancelSpend,
  saleCancelUnlocking,
} from '../contracts/saleSpends.js';
import { submitContract, withUnlocking } from '../contracts/submit.js';
import { type PublishedModel, publishedModels } from '../declared/names.js';
import { orItsError } from '../declared/orItsError.js';
import type { Registry } from '../declared/registry.js';
import { formatWeight } from '../declared/weight.js';
import { type NftBirth, nftBirth } from './birth.js';
import { type NftFacts, nftFacts } from './facts.js';

/** What the holder of an NFT asks for it. */
export interface OfferDraft {
  /** Compressed public key of the seller, who is paid and may take it back. */
  readonly seller: Uint8Array;
  /** Base units, at least 1. */
  readonly price: bigint;
  /** The author's part of the price; what was declared at the mint unless stated. */
  readonly royaltyPpm?: number;
}

/** Who gets which part of the price: never less than was declared when the NFT was made. */
function royaltyTerms(draft: OfferDraft, birth: NftBirth | undefined) {
  const declared = birth?.royalty;
  const royaltyPpm = draft.royaltyPpm ?? declared?.royaltyPpm ?? 0;
  const author = declared?.author ?? p2pkhScript(hash160(draft.seller));
  if (!declared && royaltyPpm > 0) {
    throw new BitmodelError('NO_AUTHOR', 'This NFT was minted without an author to pay.', {
      next: 'Leave out --royalty; it is declared by: bitmodel nft mint --fee … --royalty …',
      exitCode: EXIT.usage,
    });
  }
  if (declared && royaltyPpm < declared.royaltyPpm) {
    throw new BitmodelError(
      'ROYALTY_SHORT',
      `The author of this NFT is due ${formatWeight(declared.royaltyPpm)} of every sale, not ${formatWeight(royaltyPpm)}.`,
      { next: 'Leave out --royalty, or give more', exitCode: EXIT.notAllowed },
    );
  }
  return { royaltyPpm, author: sha256(author) };
}

/**
 * Makes a transaction that lays an NFT into an offer: output 0. Not signed, not sent (`sendNft`).
 * @param nft the NFT, which the wallet holds
 * @throws BitmodelError `ROYALTY_SHORT`, `NO_AUTHOR`, `BAD_TERMS`, `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function planOffer(
  client: ChainClient,
  wallet: Wallet,
  nft: Utxo,
  draft: OfferDraft,
): Promise<FundedTransaction> {
  const { seller, price } = draft;
  const token = nft.output.token!;
  const birth = await nftBirth(client, token.category);
  const output = offerOutput({ seller, price, ...royaltyTerms(draft, birth) }, token);
  return fundFrom(client, wallet, nft, [output]);
}

/** The error for an NFT that lies in no offer. */
function notOffered(): BitmodelError {
  return new BitmodelError('NOT_OFFERED', 'This NFT is not on offer now.', {
    next: 'See where it lies with: bitmodel nft show; and what is on offer with: bitmodel nft offers',
    exitCode: EXIT.notFound,
  });
}

/**
 * Makes the transaction that buys an NFT out of its offer: the seller and the author are paid and the NFT changes hands at
 * once, or nothing of it happens. Not signed, not sent ({@link sendBuy}).
 * @param facts as `nftFacts` gives them; whether its flaws matter is the caller's to ask
 * @param to locking script that gets the NFT
 * @throws BitmodelError `NOT_OFFERED`, `UNKNOWN_AUTHOR`, `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function planBuy(
  client: ChainClient,
  wallet: Wallet,
  { coin, offer }: NftFacts,
  to: Uint8Array,
): Promise<FundedTransaction> {
  if (!offer) throw notOffered();
  if (!offer.authorScript) {
    throw new BitmodelError(
      'UNKNOWN_AUTHOR',
      'No transaction shows who gets the royalty of this offer.',
      {
        next: 'Ask the seller to make the offer anew with: bitmodel nft offer',
        exitCode: EXIT.notFound,
      },
    );
  }
  await proveCoins(client, [coin]);
  const spend = offerBuySpend(coin, offer.authorScript, to);
  const feeRate = await estimateFeeRate(client);
  return withUnlocking(await wallet.fund({ ...spend, feeRate }), [BUY_UNLOCKING]);
}

/**
 * Signs and sends what {@link planBuy} made.
 * @throws BitmodelError `OFFER_GONE` when somebody else bought it first or it was taken back: the coins are free again
 */
export async function sendBuy(
  client: ChainClient,
  wallet: Wallet,
  plan: FundedTransaction,
): Promise<Sent> {
  try {
    return await submitContract(client, wallet, plan);
  } catch (thrown) {
    const { outpoint } = plan.transaction.inputs[0]!;
    if (!isConflict(thrown) || (await client.output(outpoint))) throw thrown;
    throw new BitmodelError(
      'OFFER_GONE',
      'Somebody else bought this NFT first, or its seller took it back; your coins stay in your wallet.',
      {
        next: 'See where it lies with: bitmodel nft show',
        exitCode: EXIT.notAllowed,
        cause: thrown,
      },
    );
  }
}

/**
 * Takes an NFT back out of its offer.
 * @param privateKey of the seller
 * @param to locking script that gets the NFT
 * @throws BitmodelError `NOT_OFFERED`, and as `Wallet.submit`
 */
export async function cancelOffer(
  client: ChainClient,
  wallet: Wallet,
  coin: Utxo,
  privateKey: Uint8Array,
  to: Uint8Array,
): Promise<Sent> {
  if (!parseOffer(coin.output.lockingScript)) throw notOffered();
  await proveCoins(client, [coin]);
  const spend = saleCancelSpend(coin, to);
  const feeRate = await estimateFeeRate(client);
  const funded = await wallet.fund({ ...spend, feeRate });
  const unlocking = saleCancelUnlocking(signContract(funded, privateKey));
  return wallet.submit(withUnlocking(funded, [unlocking]), TOKEN_FEES);
}

/** The script whose key may take an offered NFT back. @throws BitmodelError `NOT_OFFERED` */
export function sellerScript({ output }: Utxo): Uint8Array {
  const offer = parseOffer(output.lockingScript);
  if (!offer) throw notOffered();
  return p2pkhScript(hash160(offer.seller));
}

/** Unspent outputs that hold an NFT of a category, the mempool's included; at most so many. */
export async function nftCoins(
  client: ChainClient,
  category: Uint8Array,
  limit: number,
): Promise<Utxo[]> {
  return (await client.tokens(category, limit)).filter(({ output }) => output.token?.nft);
}

/** Outputs of one category that are looked at: the NFT of a model is the only one of its category. */
const MOST_OF_CATEGORY = 20;

/** A published model whose NFT can't be read, and why. */
export interface UnreadNft {
  readonly model: PublishedModel;
  readonly error: BitmodelError;
}

/** The NFTs of published models that {@link modelNfts} finds. */
export interface ModelNfts {
  readonly found: readonly NftFacts[];
  readonly unread: readonly UnreadNft[];
}

async function nftsOf(
  client: ChainClient,
  registry: Registry,
  model: PublishedModel,
  offered: boolean,
): Promise<NftFacts[]> {
  const terms = parseHolderScript(model.owner);
  // a pin can name any category: only the one of its own model counts
  if (!terms || toHex(terms.modelId) !== model.id) return [];
  const found: NftFacts[] = [];
  for (const coin of await nftCoins(client, terms.category, MOST_OF_CATEGORY)) {
    if (offered && !parseOffer(coin.output.lockingScript)) continue;
    const facts = await nftFacts(client, registry, coin);
    if (facts.model?.id === model.id) found.push(facts);
  }
  return found;
}

/**
 * The NFTs of published models, those whose fee is bound to one, as the models were published. Anybody can publish a model,
 * so one that can't be read is set aside.
 * @param offered only those on offer
 * @throws BitmodelError `NODE_UNREACHABLE` where the node answers nothing more
 */
export async function modelNfts(
  client: ChainClient,
  registry: Registry,
  offered: boolean,
): Promise<ModelNfts> {
  const found: NftFacts[] = [];
  const unread: UnreadNft[] = [];
  for (const model of publishedModels(registry)) {
    const read = await orItsError(client, () => nftsOf(client, registry, model, offered));
    if (read instanceof BitmodelError) unread.push({ model, error: read });
    else found.push(...read);
  }
  return { found, unread };
}
