import { sha256, utf8 } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { encodeOutpoint, type Outpoint } from '../codec/transaction.js';
import { holderText, metaIdOf } from '../pins/identity.js';
import { afterGroup, orderedKey, scriptKey } from './keys.js';
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
  type PinHolder,
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

/** Key of a pin whose base unit is lost, below the transaction that lost it. */
function lostKey(hash: Uint8Array, pinKey: Uint8Array): Uint8Array {
  return Buffer.concat([encodeOutpoint({ hash, index: LOST_INDEX }), pinKey]);
}

const PRESENT = Uint8Array.of(1);

/** The tables of pins, record by record. A pin's key is the 36 bytes of the outpoint that gave it its id. */
export class PinTables {
  readonly #tables: Tables;
  readonly #parameters: AddressParameters;

  constructor(tables: Tables, parameters: AddressParameters) {
    this.#tables = tables;
    this.#parameters = parameters;
  }

  /** Whoever a locking script pays. */
  holderOf(lockingScript: Uint8Array): PinHolder {
    return { key: scriptKey(lockingScript), text: holderText(lockingScript, this.#parameters) };
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
    const metaId = pin.creator === '' ? undefined : metaIdOf(pin.creator);
    if (metaId) this.#tables.pinsByMetaId.putSync(orderedKey(metaId, height, position), pinKey);
  }

  /** Undoes {@link insert}, and forgets the pin. */
  remove(pinKey: Uint8Array, pin: PinRecord): void {
    const { height, position, path } = pin;
    this.#tables.pins.removeSync(pinKey);
    this.#tables.pinsByPath.removeSync(orderedKey(pathKey(path), height, position));
    const metaId = pin.creator === '' ? undefined : metaIdOf(pin.creator);
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
    if (!event.location) {
      this.#tables.pinLocations.putSync(lostKey(event.hash, pinKey), PRESENT);
      return;
    }
    const { outpoint, offset } = event.location;
    // in an order that does not depend on what came first
    const held = [...this.held(outpoint), { pinKey, offset }];
    held.sort((a, b) => Buffer.compare(a.pinKey, b.pinKey));
    this.#tables.pinLocations.putSync(encodeOutpoint(outpoint), encodeHeldPins(held));
  }

  /** The pins whose base units a transaction lost; none are lost afterwards. */
  takeLost(hash: Uint8Array): Uint8Array[] {
    const group = encodeOutpoint({ hash, index: LOST_INDEX });
    const range = this.#tables.pinLocations.getKeys({ start: group, end: afterGroup(group) });
    const keys = [...range].map((key) => Uint8Array.from(key));
    for (const key of keys) this.#tables.pinLocations.removeSync(key);
    return keys.map((key) => key.subarray(group.length));
  }

  /** Moves a pin from one holder's list to another's. */
  setOwner(
    pinKey: Uint8Array,
    { height, position }: PinRecord,
    from: PinHolder | undefined,
    to: PinHolder | undefined,
  ): void {
    const table = this.#tables.pinsByOwner;
    if (from) table.removeSync(orderedKey(from.key, height, position));
    if (to) table.putSync(orderedKey(to.key, height, position), pinKey);
  }
}
