import { sha256, utf8 } from '../../base/index.js';
import { encodeOutpoint, type Outpoint } from '../codec/transaction.js';
import { isUnspendable } from '../consensus/coins.js';
import { holderText, metaIdOf } from '../pins/identity.js';
import { type PinData, pinOf, type PinStatus, targetOf } from '../pins/pin.js';
import { followUnit, type PlacedUnit } from '../pins/tracking.js';
import type { AddressParameters } from '../wallet/address.js';
import type { PlacedTransaction } from './changes.js';
import { afterGroup, decodeOutpointKey, orderedKey, scriptKey } from './keys.js';
import {
  type ChainPlace,
  decodePinEvent,
  decodePinOrigin,
  encodePinEvent,
  encodePinOrigin,
  LOST_INDEX,
  type PinEvent,
  type PinLocation,
  type PinOrigin,
} from './pinRecords.js';
import type { Table, Tables } from './tables.js';

/** A pin with its last event as of some height and what it said then. */
export interface PinState {
  readonly id: Outpoint;
  readonly origin: PinOrigin;
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

const PRESENT = Uint8Array.of(1);
const OUTPOINT_SIZE = 36;
const NOWHERE = new Uint8Array(0);
const LAST_PLACE: ChainPlace = { height: 0xffff_ffff, position: 0xffff_ffff };

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

function placeBefore({ height, position }: ChainPlace): ChainPlace | undefined {
  if (position > 0) return { height, position: position - 1 };
  return height === 0 ? undefined : { height: height - 1, position: LAST_PLACE.position };
}

/** `outpoint | offset u64 big-endian | pin id`. */
function locationKey(outpoint: Outpoint, offset: bigint, pinKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(OUTPOINT_SIZE + 8 + OUTPOINT_SIZE);
  key.set(encodeOutpoint(outpoint));
  new DataView(key.buffer).setBigUint64(OUTPOINT_SIZE, offset);
  key.set(pinKey, OUTPOINT_SIZE + 8);
  return key;
}

/** Where an event left the unit; a lost one is kept at an output that no transaction has, so that it is found again. */
function keyOfEvent(event: PinEvent, pinKey: Uint8Array): Uint8Array {
  const lost: PinLocation = { outpoint: { hash: event.hash, index: LOST_INDEX }, offset: 0n };
  const { outpoint, offset } = event.location ?? lost;
  return locationKey(outpoint, offset, pinKey);
}

function statusAfter(before: PinStatus, data: PinData | undefined): PinStatus {
  if (before === 'revoked' || !data) return before;
  if (data.operation === 'revoke') return 'revoked';
  return data.operation === 'hide' ? 'hidden' : 'live';
}

/**
 * The pins of the active chain (MetaID v2, DESIGN 4.4): every pin with all that happened to it. A pin is the first base
 * unit of output 0 of the transaction that makes it; the unit is followed through every spend, and a transaction that
 * spends it may modify, hide or revoke the pin by naming it as `@<id>`. A revoked pin stays revoked.
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
  revert(placed: PlacedTransaction): void {
    const { hash, height, position } = placed;
    const end = afterGroup(hash);
    for (const key of [...this.#tables.pinLocations.getKeys({ start: hash, end })]) {
      const pinKey = Uint8Array.from(key.subarray(OUTPOINT_SIZE + 8));
      this.#tables.pinLocations.removeSync(key);
      const undone = this.#event(pinKey, { height, position })!;
      this.#tables.pinEvents.removeSync(eventKey(pinKey, undone));
      this.#setOwner(pinKey, undone.ownerScript, NOWHERE);
      const before = this.#lastEvent(pinKey, LAST_PLACE);
      if (before) {
        this.#tables.pinLocations.putSync(keyOfEvent(before, pinKey), PRESENT);
        this.#setOwner(pinKey, NOWHERE, before.ownerScript);
      } else {
        this.#remove(pinKey);
      }
    }
  }

  /** Ids of the pins whose base unit lies in an output. */
  at(outpoint: Outpoint): Outpoint[] {
    const group = encodeOutpoint(outpoint);
    const keys = [...this.#tables.pinLocations.getKeys({ start: group, end: afterGroup(group) })];
    return keys.map((key) => decodeOutpointKey(key, OUTPOINT_SIZE + 8));
  }

  /** A pin as of a height; undefined when there was none yet. */
  get(id: Outpoint, atHeight = LAST_PLACE.height): PinState | undefined {
    const pinKey = encodeOutpoint(id);
    const bytes = this.#tables.pins.getBinary(pinKey);
    const last = bytes && this.#lastEvent(pinKey, { ...LAST_PLACE, height: atHeight });
    if (!bytes || !last) return undefined;
    const said = this.#event(pinKey, last.said)!;
    return { id, origin: decodePinOrigin(bytes), last, said };
  }

  /** What a pin has said up to a state, oldest first: its creation, then each modification. */
  versions({ id, said }: PinState): PinEvent[] {
    const pinKey = encodeOutpoint(id);
    const found: PinEvent[] = [];
    // from version to version, so that a pin passed on a million times costs no more than one that never moved
    for (let at: PinEvent | undefined = said; at !== undefined; ) {
      found.unshift(at);
      const before = placeBefore(at);
      const earlier: PinEvent | undefined = before && this.#lastEvent(pinKey, before);
      at = earlier && this.#event(pinKey, earlier.said);
    }
    return found;
  }

  /** What happened to a pin, oldest first. @param skip events left out at the beginning */
  events(id: Outpoint, limit: number, skip: number): PinEvent[] {
    const pinKey = encodeOutpoint(id);
    const end = afterGroup(pinKey);
    const range = this.#tables.pinEvents.getRange({ start: pinKey, end, limit, offset: skip });
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
  metaIdOf({ creatorScript }: PinOrigin): Uint8Array | undefined {
    if (creatorScript.length === 0) return undefined;
    return metaIdOf(holderText(creatorScript, this.#parameters));
  }

  #move(placed: PlacedTransaction, data: PinData | undefined, carrying: Set<number>): void {
    const { transaction, spent } = placed;
    const target = data && targetOf(data.path);
    const targetKey = target && Buffer.from(encodeOutpoint(target));
    const values = spent.map(({ output }) => output.value);
    for (const [inputIndex, coin] of spent.entries()) {
      if (!coin.carriesPins) continue;
      const group = encodeOutpoint(transaction.inputs[inputIndex]!.outpoint);
      const keys = [...this.#tables.pinLocations.getKeys({ start: group, end: afterGroup(group) })];
      for (const key of keys) {
        const offset = new DataView(key.buffer, key.byteOffset).getBigUint64(OUTPOINT_SIZE);
        const pinKey = Uint8Array.from(key.subarray(OUTPOINT_SIZE + 8));
        const unit = followUnit(transaction, values, inputIndex, offset);
        if (unit) carrying.add(unit.index);
        this.#tables.pinLocations.removeSync(key);
        this.#append(placed, pinKey, unit, targetKey?.equals(pinKey) ? data : undefined);
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
    const before = this.#lastEvent(pinKey, LAST_PLACE)!;
    const counts = before.status === 'revoked' ? undefined : data;
    const event: PinEvent = {
      height,
      position,
      hash,
      location: unit && { outpoint: { hash, index: unit.index }, offset: unit.offset },
      ownerScript: unit ? transaction.outputs[unit.index]!.lockingScript : NOWHERE,
      status: statusAfter(before.status, counts),
      said: counts?.operation === 'modify' ? { height, position } : before.said,
      data: counts,
    };
    this.#tables.pinEvents.putSync(eventKey(pinKey, event), encodePinEvent(event));
    this.#tables.pinLocations.putSync(keyOfEvent(event, pinKey), PRESENT);
    this.#setOwner(pinKey, before.ownerScript, event.ownerScript);
  }

  #create(placed: PlacedTransaction, data: PinData, carrying: Set<number>): void {
    const { transaction, hash, height, position, spent } = placed;
    const makes = data.operation === 'create' || data.operation === 'init';
    if (!makes || data.path.startsWith('@')) return;
    const [first] = transaction.outputs;
    if (!first || first.value === 0n || isUnspendable(first.lockingScript)) return;
    const id = { hash, index: 0 };
    const pinKey = encodeOutpoint(id);
    const origin: PinOrigin = {
      height,
      position,
      path: data.path,
      creatorScript: spent[0]?.output.lockingScript ?? NOWHERE,
    };
    const event: PinEvent = {
      height,
      position,
      hash,
      location: { outpoint: id, offset: 0n },
      ownerScript: first.lockingScript,
      status: 'live',
      said: { height, position },
      data,
    };
    carrying.add(0);
    this.#tables.pins.putSync(pinKey, encodePinOrigin(origin));
    this.#tables.pinEvents.putSync(eventKey(pinKey, event), encodePinEvent(event));
    this.#tables.pinLocations.putSync(keyOfEvent(event, pinKey), PRESENT);
    this.#tables.pinsByPath.putSync(orderedKey(pathKey(data.path), height, position), pinKey);
    const metaId = this.metaIdOf(origin);
    if (metaId) this.#tables.pinsByMetaId.putSync(orderedKey(metaId, height, position), pinKey);
    this.#setOwner(pinKey, NOWHERE, event.ownerScript);
  }

  #remove(pinKey: Uint8Array): void {
    const origin = decodePinOrigin(this.#tables.pins.getBinary(pinKey)!);
    const { height, position, path } = origin;
    this.#tables.pins.removeSync(pinKey);
    this.#tables.pinsByPath.removeSync(orderedKey(pathKey(path), height, position));
    const metaId = this.metaIdOf(origin);
    if (metaId) this.#tables.pinsByMetaId.removeSync(orderedKey(metaId, height, position));
  }

  /** Moves a pin from one owner's list to another's; an empty script is nobody. */
  #setOwner(pinKey: Uint8Array, from: Uint8Array, to: Uint8Array): void {
    const { height, position } = decodePinOrigin(this.#tables.pins.getBinary(pinKey)!);
    const table = this.#tables.pinsByOwner;
    if (from.length > 0) table.removeSync(orderedKey(scriptKey(from), height, position));
    if (to.length > 0) table.putSync(orderedKey(scriptKey(to), height, position), pinKey);
  }

  #event(pinKey: Uint8Array, place: ChainPlace): PinEvent | undefined {
    const bytes = this.#tables.pinEvents.getBinary(eventKey(pinKey, place));
    return bytes && decodePinEvent(place, bytes);
  }

  /** The last event at or before a place. */
  #lastEvent(pinKey: Uint8Array, upTo: ChainPlace): PinEvent | undefined {
    const range = this.#tables.pinEvents.getRange({
      start: eventKey(pinKey, upTo),
      end: pinKey,
      reverse: true,
      limit: 1,
    });
    const [found] = [...range];
    return found && decodePinEvent(placeOfKey(found.key), found.value);
  }

  #list(table: Table, group: Uint8Array, query: PinQuery): PinState[] {
    const found: PinState[] = [];
    const after = query.after && this.get(query.after);
    if (query.after && !after) return found;
    const start = after
      ? orderedKey(group, after.origin.height, after.origin.position + 1)
      : group;
    for (const { value } of table.getRange({ start, end: afterGroup(group) })) {
      if (found.length >= query.limit) break;
      const state = this.get(decodeOutpointKey(value), query.atHeight);
      if (state && (query.all || state.last.status === 'live')) found.push(state);
    }
    return found;
  }
}
