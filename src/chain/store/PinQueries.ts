import type { AddressParameters } from '../address/address.js';
import { encodeOutpoint, type Outpoint } from '../codec/transaction.js';
import { afterGroup, decodeOutpointKey, heightOfKey, orderedKey, scriptKey } from './keys.js';
import { eventKey, PinTables, pathKey } from './PinTables.js';
import { type ChainPlace, decodePinEvent, type PinEvent, type PinRecord } from './pinRecords.js';
import type { Table, Tables } from './tables.js';

/** A pin with its last event as of some height and what it said then. */
export interface PinState {
  readonly id: Outpoint;
  readonly pin: PinRecord;
  readonly last: PinEvent;
  readonly said: PinEvent;
}

/** Most versions of one pin that are told with it, the last ones. */
const TOLD_VERSIONS = 100;
/** No older version is told once those after it have so many bytes. */
const TOLD_BYTES = 2_000_000;
/** Of a longer payload no more counts, as lists leave it out. */
const TOLD_PAYLOAD = 131_072;

/** Bytes that somebody chose in what a pin says: each field may be long, and is told with every version. */
function saidBytes({ data }: PinEvent): number {
  const { payload, contentType, encryption, version } = data!;
  const header = contentType.length + encryption.length + version.length;
  return header + Math.min(payload.length, TOLD_PAYLOAD);
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
  /** Told of each pin found; ends the list when it says so. */
  readonly enough?: (state: PinState) => boolean;
}

const OUTPOINT_SIZE = 36;
const NO_HEIGHT = 0xffff_ffff;

function placeOfKey(key: Uint8Array): ChainPlace {
  const view = new DataView(key.buffer, key.byteOffset);
  return { height: view.getUint32(OUTPOINT_SIZE), position: view.getUint32(OUTPOINT_SIZE + 4) };
}

/** What the index of pins knows: every pin with all that happened to it (MetaID v2, DESIGN 4.4). */
export class PinQueries {
  readonly #tables: Tables;
  readonly #pins: PinTables;

  constructor(tables: Tables, parameters: AddressParameters) {
    this.#tables = tables;
    this.#pins = new PinTables(tables, parameters);
  }

  /** Ids of the pins whose base unit lies in an output. */
  at(outpoint: Outpoint): Outpoint[] {
    return this.#pins.held(outpoint).map(({ pinKey }) => decodeOutpointKey(pinKey));
  }

  /** A pin as of a height; undefined when there was none yet. */
  get(id: Outpoint, atHeight = NO_HEIGHT): PinState | undefined {
    const pinKey = encodeOutpoint(id);
    const pin = this.#pins.pin(pinKey);
    if (!pin) return undefined;
    const last = pin.last.height <= atHeight ? pin.last : this.#lastPlace(pinKey, atHeight);
    if (!last) return undefined;
    const event = this.#pins.event(pinKey, last);
    return { id, pin, last: event, said: this.#pins.event(pinKey, event.said) };
  }

  /**
   * What a pin has said up to a state, oldest first: its creation, then each modification; the last 100 of them, and fewer
   * where they are long. Which these are depends on the pin alone, so that all who ask find the same.
   */
  versions({ id, said }: PinState): PinEvent[] {
    const pinKey = encodeOutpoint(id);
    const found = [said];
    let bytes = saidBytes(said);
    // from version to version, so that a pin passed on a million times costs no more than one that never moved
    for (let at = said; at.before && found.length < TOLD_VERSIONS && bytes <= TOLD_BYTES; ) {
      at = this.#pins.event(pinKey, this.#pins.event(pinKey, at.before).said);
      found.unshift(at);
      bytes += saidBytes(at);
    }
    return found;
  }

  /** What happened to a pin, oldest first, read as it is asked for. @param skip events left out at the beginning */
  *events(id: Outpoint, limit: number, skip: number): Generator<PinEvent, void> {
    const start = encodeOutpoint(id);
    const end = afterGroup(start);
    const range = this.#tables.pinEvents.getRange({ start, end, limit, offset: skip });
    for (const { key, value } of range) yield decodePinEvent(placeOfKey(key), value);
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
    for (const { key, value } of table.getRange({ start, end: afterGroup(group) })) {
      // in the order of their making: what follows was not there yet
      if (heightOfKey(key) > query.atHeight) break;
      const state = this.get(decodeOutpointKey(value), query.atHeight);
      if (!state || (!query.all && state.last.status !== 'live')) continue;
      found.push(state);
      if (found.length >= query.limit || query.enough?.(state)) break;
    }
    return found;
  }
}
