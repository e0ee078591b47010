import { concatBytes, equalBytes } from '../../base/index.js';
import {
  assemble,
  choosePath,
  demandAmount,
  demandInteger,
  demandKey,
  demandLength,
  OWN_SCRIPT,
  OWN_VALUE,
  pushData,
  requireInputIndex,
  requireNoToken,
  requireOutputValue,
  requireTokenScript,
  UNSIGNED_TO_NUMBER,
} from '../../chain/index.js';

/** What an offer asks: the token on its output, whatever it is, for one price (NFT, DESIGN 9). */
export interface OfferTerms {
  /** Compressed public key: its P2PKH script is paid, and it may cancel. */
  readonly seller: Uint8Array;
  /** SHA-256 of the locking script that gets the royalty: the author's. */
  readonly author: Uint8Array;
  /** Base units, at least 1. */
  readonly price: bigint;
  /** The author's part of the price in parts per million, 0 to 1,000,000. */
  readonly royaltyPpm: number;
}

/** What a sale asks: so much for each lot of a fungible token, as many as there are (IMO, DESIGN 9). */
export interface SaleTerms extends OfferTerms {
  /** Token units that `price` buys, at least 1; sold in whole lots. */
  readonly lot: bigint;
}

/** Numbers of the paths of both contracts, pushed last by the unlocking script. */
export const SALE_PATH = { buy: 0, cancel: 1 } as const;

const PPM = 1_000_000;
/** push(seller 33) ‖ push(author 32) ‖ push(price u64LE) ‖ push(royalty u32LE); a sale adds push(lot u64LE). */
const OFFER_HEAD_BYTES = 34 + 33 + 9 + 5;
const SALE_HEAD_BYTES = OFFER_HEAD_BYTES + 9;

/**
 * Demands the P2PKH script of the seller at output `seller`, the author's at `author`, and no token on either.
 *
 * Stack: author, seller →
 */
const payBoth = (seller: number, author: number): string => `
  ${requireNoToken(seller)} ${requireNoToken(author)}
  ${author} OP_OUTPUTBYTECODE OP_SHA256 OP_EQUALVERIFY
  OP_HASH160 0x76a914 OP_SWAP OP_CAT 0x88ac OP_CAT ${seller} OP_OUTPUTBYTECODE OP_EQUALVERIFY`;

/** Stack: part (u32LE), price → price, royalty */
const ROYALTY = `OP_SWAP ${UNSIGNED_TO_NUMBER} OP_OVER OP_MUL ${PPM} OP_DIV`;

/** Behind the head of every offer. Stack: (seller's signature,) path, seller, author, price, royalty → */
const OFFER_CODE = assemble(
  `4 OP_ROLL ${choosePath([
    `${requireInputIndex(0)}
  OP_SWAP ${UNSIGNED_TO_NUMBER} ${ROYALTY}              # seller author price royalty
  OP_DUP 1 OP_OUTPUTVALUE OP_NUMEQUALVERIFY
  OP_SUB ${OWN_VALUE} OP_ADD 0 OP_OUTPUTVALUE OP_NUMEQUALVERIFY
  ${payBoth(0, 1)}`,
    'OP_2DROP OP_DROP OP_CHECKSIGVERIFY',
  ])}`,
);

/**
 * Behind the head of every sale. What is left stays under this very script at output 0; where nothing is left, only
 * its coins do. Neither carries an NFT, as far as a script can see one: an immutable NFT without a commitment looks like
 * none.
 *
 * Stack: (seller's signature,) path, seller, author, price, royalty, lot →
 */
const SALE_CODE = assemble(
  `5 OP_ROLL ${choosePath([
    `${requireInputIndex(0)}
  ${requireOutputValue(0, OWN_VALUE)} ${requireTokenScript(0, OWN_SCRIPT)}
  0 OP_UTXOTOKENCOMMITMENT 0 OP_OUTPUTTOKENCOMMITMENT OP_CAT 0 OP_EQUALVERIFY
  ${UNSIGNED_TO_NUMBER} 0 OP_UTXOTOKENAMOUNT 0 OP_OUTPUTTOKENAMOUNT   # … lot amount left
  0 OP_UTXOTOKENCATEGORY OP_SIZE 32 OP_NUMEQUALVERIFY                 # … category: no capability behind it
  OP_OVER OP_NOTIF OP_DROP 0 OP_ENDIF 0 OP_OUTPUTTOKENCATEGORY OP_EQUALVERIFY
  OP_SUB OP_DUP 0 OP_GREATERTHAN OP_VERIFY                            # … lot sold
  OP_2DUP OP_SWAP OP_MOD 0 OP_NUMEQUALVERIFY OP_SWAP OP_DIV           # seller author price royalty lots
  OP_ROT ${UNSIGNED_TO_NUMBER} OP_MUL ${ROYALTY}                      # seller author cost royalty
  OP_DUP 2 OP_OUTPUTVALUE OP_NUMEQUALVERIFY
  OP_SUB 1 OP_OUTPUTVALUE OP_NUMEQUALVERIFY
  ${payBoth(1, 2)}`,
    'OP_2DROP OP_2DROP OP_CHECKSIGVERIFY',
  ])}`,
);

/**
 * An offer: whoever pays the price, to the seller and its author, takes the token in the same transaction; the seller
 * may take it back. The output it locks carries the token.
 * @throws BitmodelError `BAD_TERMS`
 */
export function offerScript(terms: OfferTerms): Uint8Array {
  return concatBytes(offerHead(terms), OFFER_CODE);
}

/**
 * A sale of a fungible token in whole lots, as much at a time as a buyer wants; the rest stays on sale.
 * @throws BitmodelError `BAD_TERMS`
 */
export function saleScript(terms: SaleTerms): Uint8Array {
  demandAmount(terms.lot, 1n, 'lot');
  return concatBytes(offerHead(terms), pushData(u64le(terms.lot)), SALE_CODE);
}

/** What an offer's locking script asks; undefined for every other script. Never throws. */
export function parseOffer(script: Uint8Array): OfferTerms | undefined {
  if (script.length !== OFFER_HEAD_BYTES + OFFER_CODE.length) return undefined;
  const terms = readHead(script);
  return isScript(script, () => offerScript(terms)) ? terms : undefined;
}

/** What a sale's locking script asks; undefined for every other script. Never throws. */
export function parseSale(script: Uint8Array): SaleTerms | undefined {
  if (script.length !== SALE_HEAD_BYTES + SALE_CODE.length) return undefined;
  const terms = { ...readHead(script), lot: readU64(script, OFFER_HEAD_BYTES + 1) };
  return isScript(script, () => saleScript(terms)) ? terms : undefined;
}

/** The author's part of a price, rounded down. Base units. */
export function royaltyOf({ royaltyPpm }: OfferTerms, price: bigint): bigint {
  return (price * BigInt(royaltyPpm)) / BigInt(PPM);
}

function offerHead(terms: OfferTerms): Uint8Array {
  const { seller, author, price, royaltyPpm } = terms;
  demandKey(seller, "the seller's key");
  demandLength(author, 32, 'author');
  demandAmount(price, 1n, 'price');
  demandInteger(royaltyPpm, 0, PPM, 'royaltyPpm');
  const ppm = new Uint8Array(4);
  new DataView(ppm.buffer).setUint32(0, royaltyPpm, true);
  return concatBytes(pushData(seller), pushData(author), pushData(u64le(price)), pushData(ppm));
}

function readHead(script: Uint8Array): OfferTerms {
  const view = new DataView(script.buffer, script.byteOffset);
  return {
    seller: script.slice(1, 34),
    author: script.slice(35, 67),
    price: readU64(script, 68),
    royaltyPpm: view.getUint32(77, true),
  };
}

function isScript(script: Uint8Array, build: () => Uint8Array): boolean {
  try {
    return equalBytes(build(), script);
  } catch {
    // terms that make no contract are in none
    return false;
  }
}

function u64le(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

function readU64(bytes: Uint8Array, offset: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
}
