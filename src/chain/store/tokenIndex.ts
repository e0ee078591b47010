import { ByteWriter } from '../codec/ByteWriter.js';
import type { OutputToken } from '../codec/token.js';
import type { Outpoint } from '../codec/transaction.js';
import { type Coin, hashKey, isUnspendable } from '../consensus/coins.js';
import type { ChainStore } from './ChainStore.js';
import type { PlacedTransaction } from './changes.js';
import { afterGroup, decodeOutpointKey, orderedKey, outpointInGroup } from './keys.js';
import { readRecord } from './seal.js';
import type { Tables } from './tables.js';

/** What there is of a token category: counts of unspent outputs, and where it was born. */
export interface TokenCategory {
  /** Hash of the transaction that brought it into being, 32 bytes in byte order. */
  readonly genesis: Uint8Array;
  /** Height of that transaction's block. */
  readonly height: number;
  /** Fungible amount of all unspent outputs together. */
  readonly amount: bigint;
  /** Unspent outputs that hold any of it. */
  readonly outputs: number;
  /** Unspent NFTs by what their holders may do. */
  readonly none: number;
  readonly mutable: number;
  readonly minting: number;
}

const PRESENT = Uint8Array.of(1);

function encodeCategory(category: TokenCategory): Uint8Array {
  const { genesis, height, amount, outputs, none, mutable, minting } = category;
  const writer = new ByteWriter(60).bytes(genesis).u32(height).u64(amount);
  return writer.u32(outputs).u32(none).u32(mutable).u32(minting).finish();
}

function decodeCategory(bytes: Uint8Array): TokenCategory {
  return readRecord(bytes, 'a token category', (reader) => ({
    genesis: reader.bytes(32),
    height: reader.u32(),
    amount: reader.u64(),
    outputs: reader.u32(),
    none: reader.u32(),
    mutable: reader.u32(),
    minting: reader.u32(),
  }));
}

/** Adds a token to the counts (sign 1), or takes it out of them (sign -1). */
function counted(
  category: TokenCategory,
  { amount, nft }: OutputToken,
  sign: 1 | -1,
): TokenCategory {
  const more = {
    ...category,
    amount: category.amount + BigInt(sign) * amount,
    outputs: category.outputs + sign,
  };
  return nft ? { ...more, [nft.capability]: more[nft.capability] + sign } : more;
}

/** What a transaction does to one category. */
interface Change {
  readonly category: Uint8Array;
  readonly gone: OutputToken[];
  readonly made: OutputToken[];
}

function changesOf({ transaction, spent }: PlacedTransaction): Iterable<Change> {
  const changes = new Map<string, Change>();
  const of = ({ category }: OutputToken): Change => {
    const key = hashKey(category);
    const change = changes.get(key) ?? { category, gone: [], made: [] };
    changes.set(key, change);
    return change;
  };
  for (const { output } of spent) if (output.token) of(output.token).gone.push(output.token);
  for (const { token, lockingScript } of transaction.outputs) {
    // what nobody can spend is burnt, and still part of the category's history
    if (token) of(token).made.push(...(isUnspendable(lockingScript) ? [] : [token]));
  }
  return changes.values();
}

function categoryIn(tables: Tables, category: Uint8Array): TokenCategory | undefined {
  const bytes = tables.tokens.getBinary(category);
  return bytes && decodeCategory(bytes);
}

/** Enters what a transaction does to token categories; their unspent outputs come with the coins. */
export function applyTokens(tables: Tables, placed: PlacedTransaction): void {
  const { hash, height, position } = placed;
  for (const { category, gone, made } of changesOf(placed)) {
    const born = { genesis: hash, height, amount: 0n, outputs: 0, none: 0, mutable: 0, minting: 0 };
    let counts = categoryIn(tables, category) ?? born;
    for (const token of gone) counts = counted(counts, token, -1);
    for (const token of made) counts = counted(counts, token, 1);
    tables.tokens.putSync(category, encodeCategory(counts));
    tables.tokenHistory.putSync(orderedKey(category, height, position), hash);
  }
}

/** Undoes {@link applyTokens} exactly. */
export function revertTokens(tables: Tables, placed: PlacedTransaction): void {
  const { hash, height, position } = placed;
  for (const { category, gone, made } of changesOf(placed)) {
    tables.tokenHistory.removeSync(orderedKey(category, height, position));
    let counts = categoryIn(tables, category)!;
    if (Buffer.compare(counts.genesis, hash) === 0) {
      tables.tokens.removeSync(category);
      continue;
    }
    for (const token of made) counts = counted(counts, token, -1);
    for (const token of gone) counts = counted(counts, token, 1);
    tables.tokens.putSync(category, encodeCategory(counts));
  }
}

/** Enters an unspent output into the list of its token's category. */
export function putTokenCoin(tables: Tables, outpoint: Outpoint, { output }: Coin): void {
  if (!output.token) return;
  tables.tokenUtxos.putSync(outpointInGroup(output.token.category, outpoint), PRESENT);
}

/** Undoes {@link putTokenCoin}. */
export function removeTokenCoin(
  tables: Tables,
  outpoint: Outpoint,
  token: OutputToken | undefined,
): void {
  if (token) tables.tokenUtxos.removeSync(outpointInGroup(token.category, outpoint));
}

/** What the chain holds of a category; undefined when it was never born. */
export function tokenCategory(store: ChainStore, category: Uint8Array): TokenCategory | undefined {
  return categoryIn(store.tables, category);
}

/**
 * Unspent outputs of the chain that hold a token of the category, in the order of their outpoints.
 * @param after only those behind this outpoint, which need not be there any more
 */
export function* tokenUtxos(
  store: ChainStore,
  category: Uint8Array,
  after?: Outpoint,
): Generator<{ outpoint: Outpoint; coin: Coin }> {
  const last = after && outpointInGroup(category, after);
  const range = { start: last ?? category, end: afterGroup(category) };
  for (const key of store.tables.tokenUtxos.getKeys(range)) {
    if (last && Buffer.compare(key, last) === 0) continue;
    const outpoint = decodeOutpointKey(key, category.length);
    yield { outpoint, coin: store.coin(outpoint)! };
  }
}
