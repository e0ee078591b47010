import type { Outpoint } from '../codec/transaction.js';
import type { Coin, CoinPlace } from '../consensus/coins.js';
import { afterGroup } from './keys.js';
import type { Tables } from './tables.js';

/** An unspent output as the index of scripts tells of it. */
export interface IndexedCoin extends CoinPlace {
  readonly coinbase: boolean;
  /** Whether a token rides on it, or pins lie in it. */
  readonly carries: boolean;
}

/** Bits of an entry's flags. */
const COINBASE = 1;
const PINS = 2;
const TOKEN = 4;

/** Entries read at a time: few at first, as most scripts have few. */
const FIRST_CHUNK = 16;
const LARGEST_CHUNK = 1_024;

/** `group | value, every bit turned over | hash | index`: LMDB's order is then that of {@link compareCoins}. */
function coinKey(group: Uint8Array, { value, outpoint }: CoinPlace): Uint8Array {
  const { length } = group;
  const key = new Uint8Array(length + 44);
  key.set(group);
  const view = new DataView(key.buffer);
  view.setBigUint64(length, BigInt.asUintN(64, ~value));
  key.set(outpoint.hash, length + 8);
  view.setUint32(length + 40, outpoint.index);
  return key;
}

function placeIn(key: Uint8Array, groupLength: number): CoinPlace {
  const view = new DataView(key.buffer, key.byteOffset);
  const hash = Uint8Array.from(key.subarray(groupLength + 8, groupLength + 40));
  return {
    value: BigInt.asUintN(64, ~view.getBigUint64(groupLength)),
    outpoint: { hash, index: view.getUint32(groupLength + 40) },
  };
}

/** Enters an unspent output into the index of scripts. @param group SHA-256 of its script */
export function putIndexedCoin(
  tables: Tables,
  group: Uint8Array,
  outpoint: Outpoint,
  { output, coinbase, carriesPins }: Coin,
): void {
  const flags = (coinbase ? COINBASE : 0) | (carriesPins ? PINS : 0) | (output.token ? TOKEN : 0);
  const key = coinKey(group, { value: output.value, outpoint });
  tables.addressUtxos.putSync(key, Uint8Array.of(flags));
}

/** Undoes {@link putIndexedCoin}. */
export function removeIndexedCoin(
  tables: Tables,
  group: Uint8Array,
  outpoint: Outpoint,
  value: bigint,
): void {
  tables.addressUtxos.removeSync(coinKey(group, { value, outpoint }));
}

/**
 * Unspent outputs of a script on the chain, in the order of {@link compareCoins}. They are read a few at a time, so that
 * others may have their turn in between; then the tables must be those of one moment.
 * @param group SHA-256 of the script
 * @param after only those behind this place, at which nothing need be any more
 */
export function* indexedCoins(
  { addressUtxos }: Pick<Tables, 'addressUtxos'>,
  group: Uint8Array,
  after?: CoinPlace,
): Generator<IndexedCoin, void> {
  const end = afterGroup(group);
  let from = after ? coinKey(group, after) : group;
  for (let limit = FIRST_CHUNK; ; limit = Math.min(limit * 4, LARGEST_CHUNK)) {
    const range = addressUtxos.getRange({ start: from, exclusiveStart: true, end, limit });
    const chunk = [...range].map(({ key, value }) => ({
      key: Uint8Array.from(key),
      flags: value[0]!,
    }));
    for (const { key, flags } of chunk) {
      const coinbase = (flags & COINBASE) !== 0;
      const carries = (flags & (PINS | TOKEN)) !== 0;
      yield { ...placeIn(key, group.length), coinbase, carries };
    }
    if (chunk.length < limit) return;
    from = chunk.at(-1)!.key;
  }
}
