import { z } from 'zod';
import { canonicalBytes, equalBytes, formatAmount, parseAmount, sha256 } from '../../base/index.js';
import {
  decodePin,
  encodePin,
  hash160,
  p2pkhScript,
  type Transaction,
  type TransactionOutput,
  tokenOutput,
  transactionId,
} from '../../chain/index.js';
import { parseSale, type SaleTerms, saleScript } from '../contracts/sale.js';
import { PPM } from '../graph/graph.js';
import type { ImoCriteria } from './criteria.js';

/** Where the pins of offerings stand (DESIGN 4.4). */
export const IMO_PIN_PATH = '/protocols/bitmodel-imo';

/** What the pin of an offering says. What is sold, how much of it and at what price, its transaction itself shows. */
export interface ImoPromise {
  /** Id of the model, 64 hex digits. */
  readonly model: string;
  /** The holders' part of the model's income, in parts per million, 1 to 1,000,000. */
  readonly incomePpm: number;
  /** What the chain showed of the model at `height`, at least. */
  readonly criteria: ImoCriteria;
  /** Block that the criteria are read as of. */
  readonly height: number;
}

/** An offering as one transaction makes it: category, whole supply, sale contract and pin together. */
export interface ImoOffering extends ImoPromise {
  /** Printed id of the transaction, which names the offering. */
  readonly txid: string;
  /** 32 bytes in byte order. */
  readonly category: Uint8Array;
  /** Units there are, all in the sale contract at first. */
  readonly supply: bigint;
  readonly terms: SaleTerms;
  /** Locking script of the sale contract. */
  readonly sale: Uint8Array;
  /** The issuer's P2PKH script. */
  readonly issuer: Uint8Array;
}

/** Longest payload that is read. */
const MAXIMUM_PAYLOAD = 1_024;
/** Highest height of a block that a lock time can name, and so any. */
const MAXIMUM_HEIGHT = 499_999_999;
/**
 * What the sale contract pays a royalty of nothing to: an offering has no other author than its seller, and an output
 * that nobody can spend burdens no index.
 */
export const NO_AUTHOR: Uint8Array = Uint8Array.of(0x6a);
const AUTHOR = sha256(NO_AUTHOR);

const amount = z.string().max(24);
const count = z.int().min(0).max(1_000_000);
const schema = z.strictObject({
  v: z.literal(1),
  model: z.string().regex(/^[0-9a-f]{64}$/),
  incomePpm: z.int().min(1).max(PPM),
  height: z.int().min(1).max(MAXIMUM_HEIGHT),
  criteria: z.strictObject({ burnt: amount, burners: count, dependents: count, income: amount }),
});

/** Canonical JSON `{v, model, incomePpm, height, criteria: {burnt, burners, dependents, income}}`. */
export function imoPayload({ model, incomePpm, criteria, height }: ImoPromise): Uint8Array {
  const { burnt, burners, dependents, income } = criteria;
  return canonicalBytes({
    v: 1,
    model,
    incomePpm,
    height,
    criteria: {
      burnt: formatAmount(burnt),
      burners,
      dependents,
      income: formatAmount(income),
    },
  });
}

/** The promise in a pin's payload; undefined for anything but its canonical form. Never throws. */
export function parseImoPayload(payload: Uint8Array): ImoPromise | undefined {
  if (payload.length > MAXIMUM_PAYLOAD) return undefined;
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    const { data } = schema.safeParse(json);
    if (!data) return undefined;
    const { model, incomePpm, height, criteria } = data;
    const promise = {
      model,
      incomePpm,
      height,
      criteria: {
        ...criteria,
        burnt: parseAmount(criteria.burnt),
        income: parseAmount(criteria.income),
      },
    };
    return equalBytes(imoPayload(promise), payload) ? promise : undefined;
  } catch {
    // anybody can write anything into a pin: what is no JSON, or no amount, promises nothing
    return undefined;
  }
}

/** What an issuer decides of a sale. */
export interface SaleChoice {
  /** Compressed public key of the issuer. */
  readonly seller: Uint8Array;
  /** Base units for a lot. */
  readonly price: bigint;
  /** Units of a lot. */
  readonly lot: bigint;
}

/** The terms of an offering's sale contract. */
export function imoTerms({ seller, price, lot }: SaleChoice): SaleTerms {
  return { seller, price, lot, author: AUTHOR, royaltyPpm: 0 };
}

/**
 * The two outputs of an offering: 0 the sale contract with the whole supply, which holds the pin, too; 1 the pin's words.
 * @throws BitmodelError `BAD_TERMS`
 */
export function imoOutputs(
  promise: ImoPromise,
  choice: SaleChoice,
  category: Uint8Array,
  supply: bigint,
): TransactionOutput[] {
  const says = encodePin({
    operation: 'create',
    path: IMO_PIN_PATH,
    contentType: 'application/json',
    payload: imoPayload(promise),
  });
  return [
    tokenOutput({ category, amount: supply }, saleScript(imoTerms(choice))),
    { value: 0n, lockingScript: says },
  ];
}

/**
 * The offering that a transaction makes. It brings the category into being itself, so that there is no more of it than
 * lies in output 0, ever: fungible units come into being in that one transaction only.
 * @returns undefined for anything else; never throws
 */
export function parseOffering(transaction: Transaction): ImoOffering | undefined {
  const { inputs, outputs } = transaction;
  const [first, second] = outputs;
  const token = first?.token;
  if (!first || !second || !token || token.nft || token.amount < 1n) return undefined;
  const says = decodePin(second.lockingScript);
  if (says?.operation !== 'create' || says.path !== IMO_PIN_PATH) return undefined;
  const promise = parseImoPayload(says.payload);
  const terms = parseSale(first.lockingScript);
  if (!promise || !terms || terms.royaltyPpm !== 0 || !equalBytes(terms.author, AUTHOR)) {
    return undefined;
  }
  const { category, amount: supply } = token;
  const isBorn = inputs.some(
    ({ outpoint }) => outpoint.index === 0 && equalBytes(outpoint.hash, category),
  );
  // the NFT that the model's pin lies with goes through, and any other category is none of this one's business
  const isAlone = outputs
    .slice(1)
    .every((output) => !output.token || !equalBytes(output.token.category, category));
  if (!isBorn || !isAlone || supply % terms.lot !== 0n) return undefined;
  return {
    ...promise,
    txid: transactionId(transaction),
    category,
    supply,
    terms,
    sale: first.lockingScript,
    issuer: p2pkhScript(hash160(terms.seller)),
  };
}
