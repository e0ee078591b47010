import { sha256, utf8 } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { encodeOutpoint, type Outpoint } from '../codec/transaction.js';
import { holderText, metaIdOf } from '../pins/identity.js';
import { orderedKey, scriptKey } from './keys.js';
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
import type { Tables } from './tables.js';

/** SHA-256 of a pin's path: the group of the pins there. */
export function pathKey(path: string): Uint8Array {
  return sha256(utf8(path));
}

/** Key of an event: the pin's, and the event's place. */
export function eventKey(pinKey: Uint8Array, { height, position }: ChainPlace): Uint8Array {
  return orderedKey(pinKey, height, position);
}

/** Where an event left the base unit; a lost one is kept at an output that no transaction has, to be found again. */
function placeOf(event: PinEvent): PinLocation {
  return event.location ?? { outpoint: { hash: event.hash, index: LOST_INDEX }, offset: 0n };
}

/** MetaID of whoever made a pin, 32 bytes; undefined for one made by a coinbase. */
export function pinMetaId(
  { creatorScript }: PinRecord,
  parameters: AddressParameters,
): Uint8Array | undefined {
  return creatorScript.length === 0 ? undefined : metaIdOf(holderText(creatorScript, parameters));
}

/** The tables of pins, record by record. A pin's key is the 36 bytes of the outpoint that gave it its id. */
export class PinTables {
  readonly #tables: Tables;
  readonly #parameters: AddressParameters;

  constructor(tables: Tables, parameters: AddressParameters) {
    this.#tables = tables;
    this.#parameters = parameters;
  }

  pin(pinKey: Uint8Array): PinRecord | undefined {
    const bytes = this.#tables.pins.getBinary(pinKey);
    return bytes && decodePinRecord(bytes);
  }

  event(pinKey: Uint8Array, place: ChainPlace): PinEvent {
    return decodePinEvent(place, this.#tables.pinEvents.getBinary(eventKey(pinKey, place))!);
  }

  /** The pins of an output. */
  held(outpoint: Outpoint): HeldPin[] {
    const bytes = this.#tables.pinLocations.getBinary(encodeOutpoint(outpoint));
    return bytes ? decodeHeldPins(bytes) : [];
  }

  /** The pins of an output, which holds none afterwards. */
  takeAll(outpoint: Outpoint): HeldPin[] {
    const held = this.held(outpoint);
    if (held.length > 0) this.#tables.pinLocations.removeSync(encodeOutpoint(outpoint));
    return held;
  }

  /** Enters a new pin into the lists by path and by creator. */
  insert(pinKey: Uint8Array, pin: PinRecord): void {
    const { height, position, path } = pin;
    this.#tables.pinsByPath.putSync(orderedKey(pathKey(path), height, position), pinKey);
    const metaId = pinMetaId(pin, this.#parameters);
    if (metaId) this.#tables.pinsByMetaId.putSync(orderedKey(metaId, height, position), pinKey);
  }

  /** Undoes {@link insert}, and forgets the pin. */
  remove(pinKey: Uint8Array, pin: PinRecord): void {
    const { height, position, path } = pin;
    this.#tables.pins.removeSync(pinKey);
    this.#tables.pinsByPath.removeSync(orderedKey(pathKey(path), height, position));
    const metaId = pinMetaId(pin, this.#parameters);
    if (metaId) this.#tables.pinsByMetaId.removeSync(orderedKey(metaId, height, position));
  }

  /** Notes what happened to a pin. */
  addEvent(pinKey: Uint8Array, pin: PinRecord, event: PinEvent): void {
    this.#tables.pinEvents.putSync(eventKey(pinKey, event), encodePinEvent(event));
    this.setLast(pinKey, pin, event);
  }

  removeEvent(pinKey: Uint8Array, place: ChainPlace): void {
    this.#tables.pinEvents.removeSync(eventKey(pinKey, place));
  }

  /** Makes an event the last one, and puts the pin where it left the base unit. */
  setLast(pinKey: Uint8Array, pin: PinRecord, event: PinEvent): void {
    const last = { height: event.height, position: event.position };
    this.#tables.pins.putSync(pinKey, encodePinRecord({ ...pin, last }));
    const { outpoint, offset } = placeOf(event);
    // in an order that does not depend on what came first
    const held = [...this.held(outpoint), { pinKey, offset }];
    held.sort((a, b) => Buffer.compare(a.pinKey, b.pinKey));
    this.#tables.pinLocations.putSync(encodeOutpoint(outpoint), encodeHeldPins(held));
  }

  /** Moves a pin from one owner's list to another's; an empty script is nobody. */
  setOwner(pinKey: Uint8Array, pin: PinRecord, from: Uint8Array, to: Uint8Array): void {
    const { height, position } = pin;
    const table = this.#tables.pinsByOwner;
    if (from.length > 0) table.removeSync(orderedKey(scriptKey(from), height, position));
    if (to.length > 0) table.putSync(orderedKey(scriptKey(to), height, position), pinKey);
  }
}
