import { BitmodelError, concatBytes, equalBytes, sha256 } from '../../base/index.js';
import {
  CONTRACT_SEQUENCE,
  type ContractInput,
  type ContractSpend,
  hash160,
  NO_JOB,
  type Outpoint,
  type OutputToken,
  p2pkhScript,
  pushData,
  pushNumber,
  SIGNATURE_PUSH,
  type TransactionOutput,
  tokenOutput,
} from '../../chain/index.js';
import {
  type OfferTerms,
  offerScript,
  parseOffer,
  parseSale,
  royaltyOf,
  SALE_PATH,
  type SaleTerms,
  saleScript,
} from './sale.js';

/** An offer or a sale on the chain, with the token that it holds. */
export interface SaleCoin {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
}

/** The output that offers a token. @throws BitmodelError `BAD_TERMS` */
export function offerOutput(terms: OfferTerms, token: OutputToken): TransactionOutput {
  return tokenOutput(token, offerScript(terms));
}

/**
 * The output that puts a fungible token on sale.
 * @throws BitmodelError `BAD_TERMS`; `BAD_SALE` for an NFT, which has no parts
 */
export function saleOutput(terms: SaleTerms, token: OutputToken): TransactionOutput {
  if (token.nft) throw badSale('an NFT can only be offered as a whole');
  return tokenOutput(token, saleScript(terms));
}

/**
 * Buys what an offer holds: output 0 pays the seller, 1 the author, 2 is the token, the buyer's. The buyer adds coins
 * for price and fee, and signs them: with that nobody can turn the token elsewhere.
 * @param authorScript the script behind the terms' `author`
 * @param buyerScript where the token goes
 * @throws BitmodelError `BAD_SALE` for an output that is no offer or holds no token, or another author's script
 */
export function offerBuySpend(
  coin: SaleCoin,
  authorScript: Uint8Array,
  buyerScript: Uint8Array,
): ContractSpend {
  const { token, value, lockingScript } = coin.output;
  const terms = parseOffer(lockingScript);
  if (!terms) throw badSale('this output is no offer');
  if (!token) throw badSale('it holds no token');
  const royalty = royaltyOf(terms, terms.price);
  return {
    ...spendSale(coin, BUY_UNLOCKING.length),
    outputs: [
      { value: value + terms.price - royalty, lockingScript: p2pkhScript(hash160(terms.seller)) },
      { value: royalty, lockingScript: demandAuthor(terms, authorScript) },
      tokenOutput(token, buyerScript),
    ],
  };
}

/**
 * Buys some of a fungible token: output 0 is the rest, still on sale, 1 pays the seller, 2 the author, 3 is what was
 * bought.
 * @param amount token units, a whole number of lots
 * @throws BitmodelError `BAD_SALE`
 */
export function saleBuySpend(
  coin: SaleCoin,
  amount: bigint,
  authorScript: Uint8Array,
  buyerScript: Uint8Array,
): ContractSpend {
  const { token, value, lockingScript } = coin.output;
  const terms = parseSale(lockingScript);
  if (!terms) throw badSale('this output is no sale');
  if (!token || token.amount < 1n) throw badSale('it holds no fungible token');
  // a buyer before may have left an NFT there that looks like none to the script: it goes with what is bought
  if (token.nft && !isPlain(token.nft)) throw badSale('it holds an NFT, which has no parts');
  if (amount < 1n || amount > token.amount) throw badSale(`${token.amount} units are left`);
  if (amount % terms.lot !== 0n) throw badSale(`it sells whole lots of ${terms.lot} units`);
  const cost = (amount / terms.lot) * terms.price;
  const royalty = royaltyOf(terms, cost);
  const { category, nft } = token;
  const left = token.amount - amount;
  const rest = left === 0n ? {} : { token: { category, amount: left } };
  return {
    ...spendSale(coin, BUY_UNLOCKING.length),
    outputs: [
      { value, lockingScript, ...rest },
      { value: cost - royalty, lockingScript: p2pkhScript(hash160(terms.seller)) },
      { value: royalty, lockingScript: demandAuthor(terms, authorScript) },
      tokenOutput({ category, amount, ...(nft && { nft }) }, buyerScript),
    ],
  };
}

/** Unlocks an offer or a sale for a purchase: nothing in it is signed. */
export const BUY_UNLOCKING: Uint8Array = pushNumber(SALE_PATH.buy);

/**
 * Takes back what is not sold, by the seller's signature: the token goes to `to`.
 * @throws BitmodelError `BAD_SALE`
 */
export function saleCancelSpend(coin: SaleCoin, to: Uint8Array): ContractSpend {
  const { token, lockingScript } = coin.output;
  if (!parseOffer(lockingScript) && !parseSale(lockingScript)) {
    throw badSale('this output is neither offer nor sale');
  }
  const outputs = token ? [tokenOutput(token, to)] : [];
  return { ...spendSale(coin, SIGNATURE_PUSH + 1), outputs };
}

/** Unlocks an offer or a sale for its seller. */
export function saleCancelUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(SALE_PATH.cancel));
}

/** Whether an NFT is one that scripts can't tell from none: immutable, without a commitment. */
function isPlain({ capability, commitment }: NonNullable<OutputToken['nft']>): boolean {
  return capability === 'none' && commitment.length === 0;
}

function demandAuthor({ author }: OfferTerms, script: Uint8Array): Uint8Array {
  if (equalBytes(sha256(script), author)) return script;
  throw badSale('this script is not the one that gets the royalty');
}

function badSale(why: string): BitmodelError {
  return new BitmodelError('BAD_SALE', `This can't be sold or bought so: ${why}.`, {
    next: 'Read the offer or sale again from the chain, and ask for what it holds',
  });
}

function spendSale(coin: SaleCoin, unlockingSize: number): Omit<ContractSpend, 'outputs'> {
  const input: ContractInput = { ...coin, unlockingSize, sequence: CONTRACT_SEQUENCE };
  return { inputs: [input], lockTime: 0, jobId: NO_JOB };
}
