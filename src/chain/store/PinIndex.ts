import { equalBytes } from '../../base/index.js';
import { encodeOutpoint } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import {
  makesPin,
  type PinData,
  type PinOperation,
  type PinStatus,
  pinOf,
  targetOf,
} from '../pins/pin.js';
import { type PlacedUnit, UnitFlow } from '../pins/tracking.js';
import type { PlacedTransaction } from './changes.js';
import type { PinTables } from './PinTables.js';
import type { PinEvent, PinRecord } from './pinRecords.js';

/** Those beyond are lost: else a transaction of 200 bytes could move any number of pins that were gathered before. */
const PINS_PER_OUTPUT = 16;
const REWRITES: ReadonlySet<PinOperation> = new Set(['modify', 'hide', 'revoke']);

/** Coins of this very block were never in the store, which marks those that carry pins: for them the index is asked. */
function mayCarryPins(coin: Coin, { height }: PlacedTransaction): boolean {
  return coin.carriesPins === true || coin.height === height;
}

function statusAfter(before: PinStatus, data: PinData | undefined): PinStatus {
  if (before === 'revoked' || !data) return before;
  if (data.operation === 'revoke') return 'revoked';
  return data.operation === 'hide' ? 'hidden' : 'live';
}

/**
 * What transactions do to the pins of the active chain (MetaID v2, DESIGN 4.4). A pin is the first base
 * unit of output 0 of the transaction that makes it; the unit is followed through every spend, and a transaction that
 * spends it may modify, hide or revoke the pin by naming it as `@<id>`. A revoked pin stays revoked. A unit is one pin
 * at most, and an output holds at most 16.
 */
export class PinIndex {
  readonly #tables: PinTables;

  constructor(tables: PinTables) {
    this.#tables = tables;
  }

  /**
   * Follows and makes the pins of one transaction; within the store's transaction.
   * @returns indexes of the outputs that hold a pin now
   */
  apply(placed: PlacedTransaction): ReadonlySet<number> {
    const carrying = new Set<number>();
    const { spent } = placed;
    const touchesPins = spent.some((coin) => mayCarryPins(coin, placed));
    // most transactions neither spend nor write a pin: they cost one look at each output's first bytes
    const data = pinOf(placed.transaction);
    if (!touchesPins && !data) return carrying;
    if (touchesPins) this.#move(placed, data, carrying);
    if (data) this.#create(placed, data, carrying);
    return carrying;
  }

  /** Undoes {@link apply} exactly. */
  revert({ transaction, hash }: PlacedTransaction): void {
    const tables = this.#tables;
    for (const index of transaction.outputs.keys()) {
      for (const { pinKey } of tables.takeAll({ hash, index })) this.#takeBack(pinKey);
    }
    for (const pinKey of tables.takeLost(hash)) this.#takeBack(pinKey);
  }

  /** Undoes the last thing that happened to a pin, which lies nowhere now. */
  #takeBack(pinKey: Uint8Array): void {
    const tables = this.#tables;
    const pin = tables.pin(pinKey)!;
    const undone = tables.event(pinKey, pin.last);
    tables.removeEvent(pinKey, pin.last);
    if (undone.before) {
      const before = tables.event(pinKey, undone.before);
      tables.setLast(pinKey, pin, before);
      tables.setOwner(pinKey, pin, undone.owner, before.owner);
    } else {
      tables.setOwner(pinKey, pin, undone.owner, undefined);
      tables.remove(pinKey, pin);
    }
  }

  #move(placed: PlacedTransaction, data: PinData | undefined, carrying: Set<number>): void {
    const { transaction, spent } = placed;
    const target = data && targetOf(data.path);
    const targetKey = target && encodeOutpoint(target);
    const flow = new UnitFlow(
      transaction,
      spent.map(({ output }) => output.value),
    );
    for (const [inputIndex, coin] of spent.entries()) {
      if (!mayCarryPins(coin, placed)) continue;
      for (const { pinKey, offset } of this.#tables.takeAll(
        transaction.inputs[inputIndex]!.outpoint,
      )) {
        const followed = flow.follow(inputIndex, offset);
        const full =
          followed !== undefined &&
          this.#tables.held({ hash: placed.hash, index: followed.index }).length >= PINS_PER_OUTPUT;
        const unit = full ? undefined : followed;
        if (unit) carrying.add(unit.index);
        const isTarget = targetKey !== undefined && equalBytes(targetKey, pinKey);
        const rewrites = isTarget && REWRITES.has(data!.operation);
        this.#append(placed, pinKey, unit, rewrites ? data : undefined);
      }
    }
  }

  #append(
    placed: PlacedTransaction,
    pinKey: Uint8Array,
    unit: PlacedUnit | undefined,
    data: PinData | undefined,
  ): void {
    const { transaction, hash, height, position } = placed;
    const pin = this.#tables.pin(pinKey)!;
    const before = this.#tables.event(pinKey, pin.last);
    const counts = before.status === 'revoked' ? undefined : data;
    const event: PinEvent = {
      height,
      position,
      hash,
      location: unit && { outpoint: { hash, index: unit.index }, offset: unit.offset },
      owner: unit && this.#tables.holderOf(transaction.outputs[unit.index]!.lockingScript),
      status: statusAfter(before.status, counts),
      before: pin.last,
      said: counts?.operation === 'modify' ? { height, position } : before.said,
      data: counts,
    };
    this.#tables.addEvent(pinKey, pin, event);
    this.#tables.setOwner(pinKey, pin, before.owner, event.owner);
  }

  #create(placed: PlacedTransaction, data: PinData, carrying: Set<number>): void {
    const { transaction, hash, height, position, spent } = placed;
    if (!makesPin(data.operation) || data.path.startsWith('@')) return;
    const [first] = transaction.outputs;
    if (!first || first.value === 0n || isUnspendable(first.lockingScript)) return;
    const id = { hash, index: 0 };
    // a base unit is one pin at most
    if (this.#tables.held(id).some(({ offset }) => offset === 0n)) return;
    const pinKey = encodeOutpoint(id);
    const creator = spent[0] && this.#tables.holderOf(spent[0].output.lockingScript);
    const pin: PinRecord = {
      height,
      position,
      path: data.path,
      creator: creator?.text ?? '',
      last: { height, position },
    };
    const event: PinEvent = {
      height,
      position,
      hash,
      location: { outpoint: id, offset: 0n },
      owner: this.#tables.holderOf(first.lockingScript),
      status: 'live',
      before: undefined,
      said: pin.last,
      data,
    };
    carrying.add(0);
    this.#tables.insert(pinKey, pin);
    this.#tables.addEvent(pinKey, pin, event);
    this.#tables.setOwner(pinKey, pin, undefined, event.owner);
  }
}
