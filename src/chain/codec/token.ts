import { BitmodelError } from '../../base/index.js';
import { ByteReader } from './ByteReader.js';
import { ByteWriter } from './ByteWriter.js';

/** First byte of a script field that carries a token: a script never begins with it (CHIP-2022-02, `PREFIX_TOKEN`). */
export const TOKEN_PREFIX = 0xef;

/** Most that one output, and a category as a whole, may hold of a fungible token. */
export const MAX_TOKEN_AMOUNT = 2n ** 63n - 1n;

/** Longest commitment of an NFT in bytes (DESIGN 4.4; BCH's limit since its upgrade of May 2026). */
export const MAX_COMMITMENT_LENGTH = 128;

/** What its holder may do with an NFT: pass it on, change its commitment once in passing, or make more of any kind. */
export type NftCapability = 'none' | 'mutable' | 'minting';

/** A non-fungible token. */
export interface Nft {
  readonly capability: NftCapability;
  /** At most {@link MAX_COMMITMENT_LENGTH} bytes, often none. */
  readonly commitment: Uint8Array;
}

/** The token that rides on an output (CashTokens, CHIP-2022-02): a fungible amount, an NFT, or both, of one category. */
export interface OutputToken {
  /** Hash of the transaction whose output 0 the category was born from: 32 bytes in byte order, prints reversed. */
  readonly category: Uint8Array;
  /** Fungible amount, 0 to {@link MAX_TOKEN_AMOUNT}; at least 1 where there is no NFT. */
  readonly amount: bigint;
  readonly nft?: Nft | undefined;
}

/** A script field of an output, taken apart. */
export interface OutputScript {
  /** Without the token prefix. */
  readonly lockingScript: Uint8Array;
  readonly token?: OutputToken | undefined;
}

const CAPABILITIES: readonly NftCapability[] = ['none', 'mutable', 'minting'];
const HAS_AMOUNT = 0x10;
const HAS_NFT = 0x20;
const HAS_COMMITMENT = 0x40;
const RESERVED = 0x80;
const CATEGORY_LENGTH = 32;

function writeToken(writer: ByteWriter, token: OutputToken): void {
  const { category, amount, nft } = token;
  const badAmount = amount < 0n || amount > MAX_TOKEN_AMOUNT || (amount === 0n && !nft);
  if (category.length !== CATEGORY_LENGTH || badAmount) {
    throw new BitmodelError(
      'BAD_TOKEN',
      'A token needs a category of 32 bytes and an amount from 1 (0 with an NFT) to 2^63 - 1.',
    );
  }
  const commitment = nft?.commitment ?? new Uint8Array(0);
  const bits =
    (nft ? HAS_NFT | CAPABILITIES.indexOf(nft.capability) : 0) |
    (commitment.length > 0 ? HAS_COMMITMENT : 0) |
    (amount > 0n ? HAS_AMOUNT : 0);
  writer.u8(TOKEN_PREFIX).bytes(category).u8(bits);
  if (commitment.length > 0) writer.varBytes(commitment);
  if (amount > 0n) writer.bigVarInt(amount);
}

/**
 * The token prefix, byte for byte as in CHIP-2022-02: 0xef, category, a bit field, commitment and amount where it says
 * so. The length of the commitment is left to consensus, as is whether the category exists.
 * @throws BitmodelError `BAD_TOKEN` for what no prefix can say
 */
export function encodeTokenPrefix(token: OutputToken): Uint8Array {
  const writer = new ByteWriter(80);
  writeToken(writer, token);
  return writer.finish();
}

function readNft(reader: ByteReader, bits: number): Nft | undefined {
  const capability = CAPABILITIES[bits & 0x0f];
  if (capability === undefined) throw bad('no such capability');
  if ((bits & HAS_NFT) === 0) {
    if (capability !== 'none') throw bad('a capability without an NFT');
    if ((bits & HAS_COMMITMENT) !== 0) throw bad('a commitment without an NFT');
    return undefined;
  }
  if ((bits & HAS_COMMITMENT) === 0) return { capability, commitment: new Uint8Array(0) };
  const commitment = reader.varBytes();
  if (commitment.length === 0) throw bad('an empty commitment is left out');
  return { capability, commitment };
}

function readAmount(reader: ByteReader, bits: number): bigint {
  if ((bits & HAS_AMOUNT) === 0) return 0n;
  const amount = reader.bigVarInt();
  if (amount === 0n) throw bad('an amount of zero is left out');
  if (amount > MAX_TOKEN_AMOUNT) throw bad('an amount beyond 2^63 - 1');
  return amount;
}

/**
 * Reads a token prefix, 0xef included; what follows it stays in the reader.
 * @throws BitmodelError `BAD_ENCODING`
 */
export function readTokenPrefix(reader: ByteReader): OutputToken {
  if (reader.u8() !== TOKEN_PREFIX) throw bad('the first byte is not 0xef');
  const category = reader.bytes(CATEGORY_LENGTH);
  const bits = reader.u8();
  if ((bits & RESERVED) !== 0) throw bad('a reserved bit is set');
  if ((bits & (HAS_NFT | HAS_AMOUNT)) === 0) throw bad('it holds no token');
  const nft = readNft(reader, bits);
  const amount = readAmount(reader, bits);
  return nft ? { category, amount, nft } : { category, amount };
}

/**
 * The script field of an output as it stands in a transaction, a MetaTxid or a record of the store: token prefix, if
 * there is a token, then the script.
 * @throws BitmodelError `BAD_TOKEN` for a token that can't be encoded, or a bare script that would read as one
 */
export function encodeOutputScript({ lockingScript, token }: OutputScript): Uint8Array {
  if (!token) {
    if (lockingScript[0] === TOKEN_PREFIX) refuseDisguise(lockingScript);
    return lockingScript;
  }
  const writer = new ByteWriter(80 + lockingScript.length);
  writeToken(writer, token);
  return writer.bytes(lockingScript).finish();
}

/**
 * Takes a script field apart. One that begins with 0xef but is no valid prefix stays whole in `lockingScript`, so that
 * its transaction keeps its bytes and its id; consensus refuses such an output (`bad-txns-vout-tokenprefix`).
 */
export function decodeOutputScript(field: Uint8Array): OutputScript {
  if (field[0] !== TOKEN_PREFIX) return { lockingScript: field };
  const reader = new ByteReader(field);
  try {
    const token = readTokenPrefix(reader);
    return { lockingScript: reader.bytes(reader.remaining), token };
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return { lockingScript: field };
    throw thrown;
  }
}

function refuseDisguise(lockingScript: Uint8Array): void {
  if (!decodeOutputScript(lockingScript).token) return;
  throw new BitmodelError('BAD_TOKEN', 'A locking script begins with a token prefix.', {
    next: 'Give the token beside the script, not in it',
  });
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are not a valid token prefix: ${why}.`);
}
