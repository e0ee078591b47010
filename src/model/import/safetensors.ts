import { BitmodelError, messageOf } from '../../base/index.js';
import type { ByteSource } from '../onnx/wire.js';

/** Bytes of one number of each type that safetensors files hold (huggingface/safetensors, `Dtype`). */
const NUMBER_BYTES: ReadonlyMap<unknown, number> = new Map(
  Object.entries({
    BOOL: 1,
    U8: 1,
    I8: 1,
    F8_E5M2: 1,
    F8_E4M3: 1,
    F8_E8M0: 1,
    I16: 2,
    U16: 2,
    F16: 2,
    BF16: 2,
    I32: 4,
    U32: 4,
    F32: 4,
    F64: 8,
    I64: 8,
    U64: 8,
    C64: 8,
  }),
);

/** Longest header that the reference implementation reads. */
export const MOST_HEADER_BYTES = 100_000_000;
/** Bytes of the header's own length. */
const LENGTH_BYTES = 8;
/** The header, a tensor's entry, and its lists. */
const DEEPEST = 3;
const MOST_DIMENSIONS = 8;
const METADATA = '__metadata__';

/** One tensor of a safetensors file, without its numbers. */
export interface StoredTensor {
  readonly name: string;
  /** As the format names it, such as `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte within the file. */
  readonly offset: number;
  readonly bytes: number;
}

function refuse(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_SAFETENSORS', `The safetensors file can't be used: ${why}.`, {
    next: 'Fetch the file again',
    ...(cause === undefined ? {} : { cause }),
  });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [BRACE, BRACKET, END_BRACE, END_BRACKET, COLON] = [0x7b, 0x5b, 0x7d, 0x5d, 0x3a];

/**
 * Counts the names at the top of the header, since `JSON.parse` keeps the last of two equal ones in silence, and refuses
 * nesting that no header has before a parser would build it.
 */
function countNames(header: Uint8Array): number {
  let depth = 0;
  let names = 0;
  let inText = false;
  for (let i = 0; i < header.length; i++) {
    const byte = header[i];
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === BRACE || byte === BRACKET) {
      if (++depth > DEEPEST) throw refuse('its header is nested too deep');
    } else if (byte === END_BRACE || byte === END_BRACKET) depth--;
    else if (byte === COLON && depth === 1) names++;
  }
  return names;
}

function parseHeader(bytes: Uint8Array): [string, unknown][] {
  if (bytes[0] !== BRACE) throw refuse('its header does not begin with "{"');
  const names = countNames(bytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw refuse(`its header is no JSON (${messageOf(thrown)})`, thrown);
  }
  const entries = Object.entries(value as object);
  if (entries.length !== names) throw refuse('a name stands twice in its header');
  return entries;
}

const isWhole = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const isWholeList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(isWhole);

function tensorOf(name: string, entry: unknown, start: number): StoredTensor {
  const { dtype, shape, data_offsets, ...others } = (entry ?? {}) as Record<string, unknown>;
  const label = JSON.stringify(name.slice(0, 100));
  if (Object.keys(others).length > 0) throw refuse(`${label} says more than its type and place`);
  const size = NUMBER_BYTES.get(dtype);
  if (typeof dtype !== 'string' || size === undefined) {
    throw refuse(`${label} is of a number type that we don't know`);
  }
  if (!isWholeList(shape) || shape.length > MOST_DIMENSIONS) {
    throw refuse(`the shape of ${label} is none`);
  }
  if (!isWholeList(data_offsets) || data_offsets.length !== 2) {
    throw refuse(`the place of ${label} is none`);
  }
  const [from, to] = data_offsets as [number, number];
  const bytes = shape.reduce((product, length) => product * length, size);
  if (bytes !== to - from) throw refuse(`${label} has not as many bytes as its shape says`);
  return { name, dtype, shape, offset: start + from, bytes };
}

/**
 * Reads the header of a safetensors file (huggingface/safetensors, "Format"). As with the reference implementation the tensors
 * must fill the file without gaps or overlaps, so that nothing is hidden in it.
 * @returns the tensors, in the order of their bytes
 * @throws BitmodelError `BAD_SAFETENSORS`
 */
export function readSafetensors(source: ByteSource): StoredTensor[] {
  if (source.size < LENGTH_BYTES) throw refuse('it is too short');
  const head = source.read(0, LENGTH_BYTES);
  const length = new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MOST_HEADER_BYTES) throw refuse('its header is longer than 100 MB');
  const start = LENGTH_BYTES + Number(length);
  if (start > source.size) throw refuse('it ends within its header');
  const tensors = parseHeader(source.read(LENGTH_BYTES, Number(length)))
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => tensorOf(name, entry, start))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = start;
  for (const { name, offset, bytes } of tensors) {
    if (offset !== end) {
      const label = JSON.stringify(name.slice(0, 100));
      throw refuse(`there is a gap or an overlap before ${label}`);
    }
    end += bytes;
  }
  if (end !== source.size) {
    throw refuse(end > source.size ? 'it ends too early' : 'there are bytes behind its tensors');
  }
  return tensors;
}
