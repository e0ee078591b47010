import { equalBytes, sha256, utf8 } from '../../base/index.js';
import { encodeOutpoint, type Outpoint } from '../codec/transaction.js';
import { isUnspendable } from '../consensus/coins.js';
import { holderText, metaIdOf } from '../pins/identity.js';
import { type PinData, type PinOperation, type PinStatus, pinOf, targetOf } from '../pins/pin.js';
import { followUnit, type PlacedUnit } from '../pins/tracking.js';
import type { AddressParameters } from '../wallet/address.js';
import type { PlacedTransaction } from './changes.js';
import { afterGroup, decodeOutpointKey, orderedKey, scriptKey } from './keys.js';
import {
  type ChainPlace,
  decodeHeldPins,
  decodePinEvent,
  decodePinRecord,
  encodeHeldPins,
  encodePinEvent,
  encodePinRecord,
  type HeldPin,
  LOST_INDEX,
  type PinEvent,
  type PinLocation,
  type PinRecord,
} from './pinRecords.js';
import type { Table, Tables } from './tables.js';

/** A pin with its last event as of some height and what it said then. */
export interface PinState {
  readonly id: Outpoint;
  readonly pin: PinRecord;
  readonly last: PinEvent;
  readonly said: PinEvent;
}

/** Which pins a query asks for. */
export interface PinQuery {
  /** Events in later blocks don't count. */
  readonly atHeight: number;
  readonly limit: number;
  /** Listed after this pin only. */
  readonly after?: Outpoint;
  /** Pins hidden or revoked by then, too. */
  readonly all: boolean;
}

const OUTPOINT_SIZE = 36;
/** The script of an output that is not there. */
const NOBODY = new Uint8Array(0);
const NO_HEIGHT = 0xffff_ffff;
/** Those beyond are lost: else a transaction of 200 bytes could move any number of pins that were gathered before. */
const PINS_PER_OUTPUT = 16;
const REWRITES: ReadonlySet<PinOperation> = new Set(['modify', 'hide', 'revoke']);

/** SHA-256 of a pin's path: the group of the pins there. */
function pathKey(path: string): Uint8Array {
  return sha256(utf8(path));
}

function eventKey(pinKey: Uint8Array, { height, position }: ChainPlace): Uint8Array {
  return orderedKey(pinKey, height, position);
}

function placeOfKey(key: Uint8Array): ChainPlace {
  const view = new DataView(key.buffer, key.byteOffset);
  return { height: view.getUint32(OUTPOINT_SIZE), position: view.getUint32(OUTPOINT_SIZE + 4) };
}

/** Where an event left the base unit; a lost one is kept at an output that no transaction has, to be found again. */
function placeOf(event: PinEvent): PinLocation {
  return event.location ?? { outpoint: { hash: event.hash, index: LOST_INDEX }, offset: 0n };
}

function statusAfter(before: PinStatus, data: PinData | undefined): PinStatus {
  if (before === 'revoked' || !data) return before;
  if (data.operation === 'revoke') return 'revoked';
  return data.operation === 'hide' ? 'hidden' : 'live';
}

/**
 * The pins of the active chain (MetaID v2, DESIGN 4.4): every pin with all that happened to it. A pin is the first base
 * unit of output 0 of the transaction that makes it; the unit is followed through every spend, and a transaction that
 * spends it may modify, hide or revoke the pin by naming it as `@<id>`. A revoked pin stays revoked. A unit is one pin
 * at most, and an output holds at most 16.
 */
export class PinIndex {
  readonly #tables: Tables;
  readonly #parameters: AddressParameters;

  constructor(tables: Tables, parameters: AddressParameters) {
    this.#tables = tables;
    this.#parameters = parameters;
  }

  /**
   * Follows and makes the pins of one transaction; within the store's transaction.
   * @returns indexes of the outputs that hold a pin now
   */
  apply(placed: PlacedTransaction): ReadonlySet<number> {
    const carrying = new Set<number>();
    const { spent } = placed;
    const touchesPins = spent.some((coin) => coin.carriesPins);
    // most transactions neither spend nor write a pin: they cost one look at each output's first bytes
    const data = pinOf(placed.transaction);
    if (!touchesPins && !data) return carrying;
    if (touchesPins) this.#move(placed, data, carrying);
    if (data) this.#create(placed, data, carrying);
    return carrying;
  }

  /** Undoes {@link apply} exactly. */
  revert({ transaction, hash }: PlacedTransaction): void {
    for (const index of [...transaction.outputs.keys(), LOST_INDEX]) {
      for (const { pinKey } of this.#takeAll({ hash, index })) {
        const pin = this.#pin(pinKey);
        const undone = this.#event(pinKey, pin.last);
        this.#tables.pinEvents.removeSync(eventKey(pinKey, pin.last));
        if (undone.before) {
          const before = this.#event(pinKey, undone.before);
          this.#tables.pins.putSync(pinKey, encodePinRecord({ ...pin, last: undone.before }));
          this.#put(pinKey, before);
          this.#setOwner(pinKey, pin, undone.ownerScript, before.ownerScript);
        } else {
          this.#setOwner(pinKey, pin, undone.ownerScript, NOBODY);
          this.#remove(pinKey, pin);
        }
      }
    }
  }

  /** Ids of the pins whose base unit lies in an output. */
  at(outpoint: Outpoint): Outpoint[] {
    return this.#held(outpoint).map(({ pinKey }) => decodeOutpointKey(pinKey));
  }

  /** A pin as of a height; undefined when there was none yet. */
  get(id: Outpoint, atHeight = NO_HEIGHT): PinState | undefined {
    const pinKey = encodeOutpoint(id);
    const bytes = this.#tables.pins.getBinary(pinKey);
    if (!bytes) return undefined;
    const pin = decodePinRecord(bytes);
    const last = pin.last.height <= atHeight ? pin.last : this.#lastPlace(pinKey, atHeight);
    if (!last) return undefined;
    const event = this.#event(pinKey, last);
    return { id, pin, last: event, said: this.#event(pinKey, event.said) };
  }

  /** What a pin has said up to a state, oldest first: its creation, then each modification. */
  versions({ id, said }: PinState): PinEvent[] {
    const pinKey = encodeOutpoint(id);
    const found = [said];
    // from version to version, so that a pin passed on a million times costs no more than one that never moved
    for (let at = said; at.before; ) {
      at = this.#event(pinKey, this.#event(pinKey, at.before).said);
      found.unshift(at);
    }
    return found;
  }

  /** What happened to a pin, oldest first. @param skip events left out at the beginning */
  events(id: Outpoint, limit: number, skip: number): PinEvent[] {
    const start = encodeOutpoint(id);
    const end = afterGroup(start);
    const range = this.#tables.pinEvents.getRange({ start, end, limit, offset: skip });
    return [...range].map(({ key, value }) => decodePinEvent(placeOfKey(key), value));
  }

  /** Pins at exactly this path, in the order of their making. */
  byPath(path: string, query: PinQuery): PinState[] {
    return this.#list(this.#tables.pinsByPath, pathKey(path), query);
  }

  /** Pins whose base unit lies at a locking script now, in the order of their making. */
  byOwner(script: Uint8Array, query: PinQuery): PinState[] {
    return this.#list(this.#tables.pinsByOwner, scriptKey(script), query);
  }

  /** Pins made by whoever a MetaID stands for, in the order of their making. */
  byMetaId(metaId: Uint8Array, query: PinQuery): PinState[] {
    return this.#list(this.#tables.pinsByMetaId, metaId, query);
  }

  /** MetaID of whoever made a pin, 32 bytes; undefined for one made by a coinbase. */
  metaIdOf({ creatorScript }: PinRecord): Uint8Array | undefined {
    if (creatorScript.length === 0) return undefined;
    return metaIdOf(holderText(creatorScript, this.#parameters));
  }

  #move(placed: PlacedTransaction, data: PinData | undefined, carrying: Set<number>): void {
    const { transaction, spent } = placed;
    const target = data && targetOf(data.path);
    const targetKey = target && encodeOutpoint(target);
    const values = spent.map(({ output }) => output.value);
    for (const [inputIndex, coin] of spent.entries()) {
      if (!coin.carriesPins) continue;
      for (const { pinKey, offset } of this.#takeAll(transaction.inputs[inputIndex]!.outpoint)) {
        const followed = followUnit(transaction, values, inputIndex, offset);
        const full =
          followed !== undefined &&
          this.#held({ hash: placed.hash, index: followed.index }).length >= PINS_PER_OUTPUT;
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
    const pin = this.#pin(pinKey);
    const before = this.#event(pinKey, pin.last);
    const counts = before.status === 'revoked' ? undefined : data;
    const event: PinEvent = {
      height,
      position,
      hash,
      location: unit && { outpoint: { hash, index: unit.index }, offset: unit.offset },
      ownerScript: unit ? transaction.outputs[unit.index]!.lockingScript : NOBODY,
      status: statusAfter(before.status, counts),
      before: pin.last,
      said: counts?.operation === 'modify' ? { height, position } : before.said,
      data: counts,
    };
    this.#tables.pinEvents.putSync(eventKey(pinKey, event), encodePinEvent(event));
    this.#tables.pins.putSync(pinKey, encodePinRecord({ ...pin, last: { height, position } }));
    this.#put(pinKey, event);
    this.#setOwner(pinKey, pin, before.ownerScript, event.ownerScript);
  }

  #create(placed: PlacedTransaction, data: PinData, carrying: Set<number>): void {
    const { transaction, hash, height, position, spent } = placed;
    const makes = data.operation === 'create' || data.operation === 'init';
    if (!makes || data.path.startsWith('@')) return;
    const [first] = transaction.outputs;
    if (!first || first.value === 0n || isUnspendable(first.lockingScript)) return;
    const id = { hash, index: 0 };
    // a base unit is one pin at most
    if (this.#held(id).some(({ offset }) => offset === 0n)) return;
    const pinKey = encodeOutpoint(id);
    const pin: PinRecord = {
      height,
      position,
      path: data.path,
      creatorScript: spent[0]?.output.lockingScript ?? NOBODY,
      last: { height, position },
    };
    const event: PinEvent = {
      height,
      position,
      hash,
      location: { outpoint: id, offset: 0n },
      ownerScript: first.lockingScript,
      status: 'live',
      before: undefined,
      said: pin.last,
      data,
    };
    carrying.add(0);
    this.#tables.pins.putSync(pinKey, encodePinRecord(pin));
    this.#tables.pinEvents.putSync(eventKey(pinKey, event), encodePinEvent(event));
    this.#put(pinKey, event);
    this.#tables.pinsByPath.putSync(orderedKey(pathKey(data.path), height, position), pinKey);
    const metaId = this.metaIdOf(pin);
    if (metaId) this.#tables.pinsByMetaId.putSync(orderedKey(metaId, height, position), pinKey);
    this.#setOwner(pinKey, pin, NOBODY, event.ownerScript);
  }

  #remove(pinKey: Uint8Array, pin: PinRecord): void {
    const { height, position, path } = pin;
    this.#tables.pins.removeSync(pinKey);
    this.#tables.pinsByPath.removeSync(orderedKey(pathKey(path), height, position));
    const metaId = this.metaIdOf(pin);
    if (metaId) this.#tables.pinsByMetaId.removeSync(orderedKey(metaId, height, position));
  }

  /** Moves a pin from one owner's list to another's; an empty script is nobody. */
  #setOwner(pinKey: Uint8Array, pin: PinRecord, from: Uint8Array, to: Uint8Array): void {
    const { height, position } = pin;
    const table = this.#tables.pinsByOwner;
    if (from.length > 0) table.removeSync(orderedKey(scriptKey(from), height, position));
    if (to.length > 0) table.putSync(orderedKey(scriptKey(to), height, position), pinKey);
  }

  #held(outpoint: Outpoint): HeldPin[] {
    const bytes = this.#tables.pinLocations.getBinary(encodeOutpoint(outpoint));
    return bytes ? decodeHeldPins(bytes) : [];
  }

  /** The pins of an output, which holds none afterwards. */
  #takeAll(outpoint: Outpoint): HeldPin[] {
    const held = this.#held(outpoint);
    if (held.length > 0) this.#tables.pinLocations.removeSync(encodeOutpoint(outpoint));
    return held;
  }

  /** Puts a pin where an event left it, in an order that does not depend on what came first. */
  #put(pinKey: Uint8Array, event: PinEvent): void {
    const { outpoint, offset } = placeOf(event);
    const held = [...this.#held(outpoint), { pinKey, offset }];
    held.sort((a, b) => Buffer.compare(a.pinKey, b.pinKey));
    this.#tables.pinLocations.putSync(encodeOutpoint(outpoint), encodeHeldPins(held));
  }

  #pin(pinKey: Uint8Array): PinRecord {
    return decodePinRecord(this.#tables.pins.getBinary(pinKey)!);
  }

  #event(pinKey: Uint8Array, place: ChainPlace): PinEvent {
    return decodePinEvent(place, this.#tables.pinEvents.getBinary(eventKey(pinKey, place))!);
  }

  /** Place of the last event at or below a height. */
  #lastPlace(pinKey: Uint8Array, height: number): ChainPlace | undefined {
    const start = eventKey(pinKey, { height, position: 0xffff_ffff });
    const keys = this.#tables.pinEvents.getKeys({ start, end: pinKey, reverse: true, limit: 1 });
    const [found] = [...keys];
    return found && placeOfKey(found);
  }

  #list(table: Table, group: Uint8Array, query: PinQuery): PinState[] {
    const found: PinState[] = [];
    const after = query.after && this.get(query.after);
    if (query.after && !after) return found;
    const start = after ? orderedKey(group, after.pin.height, after.pin.position + 1) : group;
    for (const { value } of table.getRange({ start, end: afterGroup(group) })) {
      if (found.length >= query.limit) break;
      const state = this.get(decodeOutpointKey(value), query.atHeight);
      if (state && (query.all || state.last.status === 'live')) found.push(state);
    }
    return found;
  }
}
