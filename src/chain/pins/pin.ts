import { BitmodelError, concatBytes, utf8 } from '../../base/index.js';
import { hashToId, idToHash, type Outpoint, type Transaction } from '../codec/transaction.js';

/** What MetaID v2 lets a pin do. Modify, revoke and hide are made by spending the pin's output. */
export const PIN_OPERATIONS = ['init', 'create', 'modify', 'revoke', 'hide'] as const;
/** One of {@link PIN_OPERATIONS}. */
export type PinOperation = (typeof PIN_OPERATIONS)[number];

/** Whether an operation makes a pin; the others are about one that is there. */
export function makesPin(operation: PinOperation): boolean {
  return operation === 'create' || operation === 'init';
}

/** What a pin's OP_RETURN output says (MetaID v2, DESIGN 4.4). */
export interface PinData {
  readonly operation: PinOperation;
  /** Such as `/protocols/bitmodel-model`. */
  readonly path: string;
  /** `0`: none. */
  readonly encryption: string;
  readonly version: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
}

/**
 * Whether a pin counts: `hidden` ones stay valid, and only listings leave them out; `revoked` ones never come back.
 */
export type PinStatus = 'live' | 'hidden' | 'revoked';

/** What a pin said from some block on. */
export interface PinVersion {
  readonly operation: PinOperation;
  readonly contentType: string;
  readonly encryption: string;
  readonly version: string;
  /** Bytes of the payload. */
  readonly size: number;
  /** Empty where it was longer than asked for. */
  readonly payload: Uint8Array;
  /** Block that holds it. */
  readonly height: number;
  /** Printed id of the transaction that wrote it. */
  readonly txid: string;
}

/** A pin as the node indexes it, as of some height. */
export interface Pin {
  /** `<txid>i<output>` of the output that was the pin when it was made. */
  readonly id: string;
  readonly path: string;
  readonly status: PinStatus;
  /** Address (or else locking script in hex) whose coin the creating transaction's first input spent; absent when that was a coinbase. */
  readonly creator?: string;
  /** SHA-256 of the creator's text, in hex: who vouched for it. */
  readonly metaId?: string;
  /** Address (or script) that the pin's base unit lies at, and who may so change it; absent when it went to fees or was burnt. */
  readonly owner?: string;
  /** Output that holds the base unit, `txid:vout`. */
  readonly location?: string;
  readonly contentType: string;
  /** Bytes of the payload. */
  readonly size: number;
  /** Empty where it was longer than asked for. */
  readonly payload: Uint8Array;
  /** Block that made the pin. */
  readonly height: number;
  /** Transaction that made the pin. */
  readonly txid: string;
  /** What it has said up to that height, oldest first: the creation, then each modification; at most the last 100, fewer of long ones. */
  readonly versions: readonly PinVersion[];
}

const MARKER = 'metaid';
const OP_RETURN = 0x6a;
const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA2 = 0x4d;
const OP_PUSHDATA4 = 0x4e;
/** Largest payload in one push; MetaID's wallets split at the classic element limit. */
const PUSH_LIMIT = 520;
/** Longest payload; a longer one is no pin, so that no index has to hold it. One of it passes as a transaction of 1 MB. */
export const MAX_PIN_PAYLOAD = 900_000;
/** Longest script that is read as a pin: the longest payload in pushes of any sensible size, and the fields before it. */
const SCRIPT_LIMIT = MAX_PIN_PAYLOAD + 50_000;
/** Marker, operation, path, encryption, version, content type. */
const HEADER_FIELDS = 6;
/** Longest path and other header field that is indexed. */
const FIELD_LIMIT = 1_000;

// The payload is data, not numbers, so a byte such as 0x05 is pushed as data and never becomes OP_5.
function pushPlain(bytes: Uint8Array): Uint8Array {
  const length = bytes.length;
  if (length < OP_PUSHDATA1) return concatBytes(Uint8Array.of(length), bytes);
  if (length <= 0xff) return concatBytes(Uint8Array.of(OP_PUSHDATA1, length), bytes);
  return concatBytes(Uint8Array.of(OP_PUSHDATA2, length & 0xff, length >> 8), bytes);
}

function payloadPushes(payload: Uint8Array): Uint8Array[] {
  const pushes: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += PUSH_LIMIT) {
    pushes.push(pushPlain(payload.subarray(at, at + PUSH_LIMIT)));
  }
  return pushes;
}

/**
 * Locking script of the output that writes a pin: `OP_0 OP_RETURN "metaid" operation path encryption version type
 * payload…`. It goes into a transaction whose output 0 pays at least one base unit to the pin's owner.
 * @throws BitmodelError `BAD_PIN` when a header field is too long
 */
export function encodePin(
  pin: Omit<PinData, 'encryption' | 'version'> & Partial<PinData>,
): Uint8Array {
  const fields = [
    MARKER,
    pin.operation,
    pin.path,
    pin.encryption ?? '0',
    pin.version ?? '1.0.0',
    pin.contentType,
  ].map(utf8);
  if (fields.some((field) => field.length > FIELD_LIMIT)) {
    throw new BitmodelError('BAD_PIN', `A field of this pin is longer than ${FIELD_LIMIT} bytes.`, {
      next: 'Shorten the path or the content type',
    });
  }
  if (pin.payload.length > MAX_PIN_PAYLOAD) {
    throw new BitmodelError('BAD_PIN', `A pin says at most ${MAX_PIN_PAYLOAD} bytes.`, {
      next: 'Pin a hash of it, and keep the rest elsewhere',
    });
  }
  return concatBytes(
    Uint8Array.of(0, OP_RETURN),
    ...fields.map(pushPlain),
    ...payloadPushes(pin.payload),
  );
}

/** Reads a script that is nothing but pushes of data, one after another. */
class PushReader {
  readonly #script: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(script: Uint8Array, offset: number) {
    this.#script = script;
    this.#view = new DataView(script.buffer, script.byteOffset, script.byteLength);
    this.#at = offset;
  }

  get atEnd(): boolean {
    return this.#at === this.#script.length;
  }

  /** The next push, as a view; undefined when something else is there. */
  next(): Uint8Array | undefined {
    const length = this.#length();
    if (length === undefined || length > this.#script.length - this.#at) return undefined;
    const start = this.#at;
    this.#at += length;
    return this.#script.subarray(start, this.#at);
  }

  #length(): number | undefined {
    if (this.atEnd) return undefined;
    const code = this.#script[this.#at++]!;
    if (code < OP_PUSHDATA1) return code;
    const width = code === OP_PUSHDATA1 ? 1 : code === OP_PUSHDATA2 ? 2 : 4;
    if (code > OP_PUSHDATA4 || this.#at + width > this.#script.length) return undefined;
    const at = this.#at;
    this.#at += width;
    if (width === 1) return this.#script[at];
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }
}

/** All pushes that are left, one behind the other; undefined when something else is among them. */
function readPayload(reader: PushReader, most: number): Uint8Array | undefined {
  // no push is longer than the bytes it stands in, so the script bounds what is copied
  const payload = new Uint8Array(most);
  let length = 0;
  while (!reader.atEnd) {
    const push = reader.next();
    if (!push) return undefined;
    payload.set(push, length);
    length += push.length;
  }
  return payload.slice(0, length);
}

const TEXT = new TextDecoder('utf-8', { fatal: true });

function readText(bytes: Uint8Array): string | undefined {
  if (bytes.length > FIELD_LIMIT) return undefined;
  try {
    return TEXT.decode(bytes);
  } catch {
    // not UTF-8: no pin
    return undefined;
  }
}

const TARGET = /^@([0-9a-f]{64})i(\d{1,10})$/;

/** The pin that a `modify`, `revoke` or `hide` names in its path, `@<txid>i<output>`; undefined for other paths. */
export function targetOf(path: string): Outpoint | undefined {
  const match = TARGET.exec(path);
  return match ? parsePinId(path.slice(1)) : undefined;
}

/** A pin id as printed, `<txid>i<output>`. */
export function formatPinId(outpoint: Outpoint): string {
  return `${hashToId(outpoint.hash)}i${outpoint.index}`;
}

/** The output that a printed pin id names; undefined for anything else. */
export function parsePinId(text: string): Outpoint | undefined {
  const match = /^([0-9a-f]{64})i(\d{1,10})$/i.exec(text);
  if (!match || Number(match[2]) > 0xffff_ffff) return undefined;
  return { hash: idToHash(match[1]!), index: Number(match[2]) };
}

/**
 * The pin that a transaction writes: that of its first output which says one. A `create` or `init` makes a pin of the
 * first base unit of output 0, so that output must be there to be spent.
 */
export function pinOf(transaction: Transaction): PinData | undefined {
  for (const { lockingScript } of transaction.outputs) {
    const data = decodePin(lockingScript);
    if (data) return data;
  }
  return undefined;
}

/** What a locking script says as a pin, or undefined when it is none, or longer than any pin. Never throws. */
export function decodePin(script: Uint8Array): PinData | undefined {
  const start = script[0] === 0 && script[1] === OP_RETURN ? 2 : script[0] === OP_RETURN ? 1 : 0;
  if (start === 0 || script.length > SCRIPT_LIMIT) return undefined;
  const reader = new PushReader(script, start);
  const header: string[] = [];
  while (header.length < HEADER_FIELDS) {
    const push = reader.next();
    const text = push && readText(push);
    if (text === undefined || (header.length === 0 && text !== MARKER)) return undefined;
    header.push(text);
  }
  const [, operation, path, encryption, version, contentType] = header as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (!path || !PIN_OPERATIONS.includes(operation as PinOperation)) return undefined;
  const payload = readPayload(reader, script.length);
  if (!payload || payload.length > MAX_PIN_PAYLOAD) return undefined;
  return { operation: operation as PinOperation, path, encryption, version, contentType, payload };
}
