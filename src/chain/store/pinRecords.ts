import type { ByteReader } from '../codec/ByteReader.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import type { Outpoint } from '../codec/transaction.js';
import { PIN_OPERATIONS, type PinData, type PinStatus } from '../pins/pin.js';
import { readRecord } from './seal.js';

const STATUSES: readonly PinStatus[] = ['live', 'hidden', 'revoked'];

/** A place in the chain: a block's height and a transaction's place in the block. */
export interface ChainPlace {
  readonly height: number;
  readonly position: number;
}

/** A pin; its key is the outpoint that gave it its id, its place that of the transaction which made it. */
export interface PinRecord extends ChainPlace {
  readonly path: string;
  /** Text of whoever's coin the creating transaction's first input spent; empty for a coinbase. */
  readonly creator: string;
  /** The last thing that happened to it. */
  readonly last: ChainPlace;
}

/** Whoever an output pays. */
export interface PinHolder {
  /** SHA-256 of the locking script: the group of what belongs to it. */
  readonly key: Uint8Array;
  /** Its address, or what else stands for it. */
  readonly text: string;
}

/** Where a pin's base unit lies. */
export interface PinLocation {
  readonly outpoint: Outpoint;
  /** Base units of the output before it. */
  readonly offset: bigint;
}

/** One thing that happened to a pin: it was made, changed, or only moved. */
export interface PinEvent extends ChainPlace {
  /** Transaction in byte order. */
  readonly hash: Uint8Array;
  /** Where the base unit is since; undefined when it went to fees or into an output that nobody can spend. */
  readonly location: PinLocation | undefined;
  /** Who holds the output it lies in; undefined when it is lost. */
  readonly owner: PinHolder | undefined;
  readonly status: PinStatus;
  /** The event before; undefined for the creation. */
  readonly before: ChainPlace | undefined;
  /** The event whose data the pin says since: this one, or an earlier one. */
  readonly said: ChainPlace;
  /** What the transaction wrote about the pin; undefined when it only moved it. */
  readonly data: PinData | undefined;
}

/** Stands for the output of a base unit that is lost: no transaction has so many outputs. */
export const LOST_INDEX = 0xffff_ffff;
const NOBODY = new Uint8Array(0);
/** Stands for the height of an event that is not there. */
const NO_HEIGHT = 0xffff_ffff;

function writePlace(writer: ByteWriter, place: ChainPlace | undefined): ByteWriter {
  return writer.u32(place?.height ?? NO_HEIGHT).u32(place?.position ?? 0);
}

function readPlace(reader: ByteReader): ChainPlace {
  return { height: reader.u32(), position: reader.u32() };
}

/** Bytes of a pin's record. */
export function encodePinRecord(pin: PinRecord): Uint8Array {
  const writer = new ByteWriter(128);
  writePlace(writer, pin);
  writePlace(writer, pin.last);
  return writer.varBytes(Buffer.from(pin.path)).varBytes(Buffer.from(pin.creator)).finish();
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodePinRecord(bytes: Uint8Array): PinRecord {
  return readRecord(bytes, 'a pin', (reader) => ({
    ...readPlace(reader),
    last: readPlace(reader),
    path: Buffer.from(reader.varBytes()).toString(),
    creator: Buffer.from(reader.varBytes()).toString(),
  }));
}

/** A pin within an output. */
export interface HeldPin {
  /** The 36 bytes of the pin's outpoint. */
  readonly pinKey: Uint8Array;
  /** Base units of the output before it. */
  readonly offset: bigint;
}

/** Value of the location table; its key is the outpoint that holds the pins. */
export function encodeHeldPins(pins: readonly HeldPin[]): Uint8Array {
  const writer = new ByteWriter(44 * pins.length);
  for (const { pinKey, offset } of pins) writer.bytes(pinKey).u64(offset);
  return writer.finish();
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeHeldPins(bytes: Uint8Array): HeldPin[] {
  return readRecord(bytes, 'a place of pins', (reader) => {
    const pins: HeldPin[] = [];
    while (reader.remaining > 0) pins.push({ pinKey: reader.bytes(36), offset: reader.u64() });
    return pins;
  });
}

/** Value of the event table; its key holds the pin, the height and the position. */
export function encodePinEvent(event: PinEvent): Uint8Array {
  const writer = new ByteWriter(256)
    .bytes(event.hash)
    .u32(event.location?.outpoint.index ?? LOST_INDEX)
    .u64(event.location?.offset ?? 0n)
    .varBytes(event.owner?.key ?? NOBODY)
    .varBytes(Buffer.from(event.owner?.text ?? ''))
    .u8(STATUSES.indexOf(event.status));
  writePlace(writer, event.before);
  writePlace(writer, event.said).u8(event.data ? 1 : 0);
  if (!event.data) return writer.finish();
  const { operation, path, encryption, version, contentType, payload } = event.data;
  writer.u8(PIN_OPERATIONS.indexOf(operation));
  for (const text of [path, encryption, version, contentType]) writer.varBytes(Buffer.from(text));
  return writer.varBytes(payload).finish();
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodePinEvent(place: ChainPlace, bytes: Uint8Array): PinEvent {
  return readRecord(bytes, 'an event of a pin', (reader) => readEvent(place, reader));
}

function readEvent({ height, position }: ChainPlace, reader: ByteReader): PinEvent {
  const text = (): string => Buffer.from(reader.varBytes()).toString();
  const hash = reader.bytes(32);
  const index = reader.u32();
  const offset = reader.u64();
  const key = reader.varBytes();
  const holder = text();
  const owner = key.length === 0 ? undefined : { key, text: holder };
  const status = STATUSES[reader.u8()]!;
  const earlier = readPlace(reader);
  const before = earlier.height === NO_HEIGHT ? undefined : earlier;
  const said = readPlace(reader);
  const data =
    reader.u8() === 0
      ? undefined
      : {
          operation: PIN_OPERATIONS[reader.u8()]!,
          path: text(),
          encryption: text(),
          version: text(),
          contentType: text(),
          payload: reader.varBytes(),
        };
  const location = index === LOST_INDEX ? undefined : { outpoint: { hash, index }, offset };
  return { height, position, hash, location, owner, status, before, said, data };
}
