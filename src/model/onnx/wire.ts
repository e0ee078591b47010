import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BitmodelError } from '../../base/index.js';

/** Bytes with random access: a file, or an array in memory. */
export interface ByteSource {
  readonly size: number;
  /** @returns exactly `length` bytes at `offset`, valid until the next call */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

const WINDOW = 64 * 1024;

/** A file read through a small window, so that a header can be walked without its gigabytes of weights. */
export function fileSource(path: string): ByteSource {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  const window = Buffer.alloc(WINDOW);
  let start = 0;
  let filled = 0;
  return {
    size,
    read(offset, length) {
      const target = length > WINDOW ? Buffer.alloc(length) : window;
      if (target === window && offset >= start && offset + length <= start + filled) {
        return window.subarray(offset - start, offset - start + length);
      }
      const got = readSync(file, target, 0, target.length, offset);
      if (target === window) {
        start = offset;
        filled = got;
      }
      if (got < length) throw truncated();
      return target.subarray(0, length);
    },
    close: () => closeSync(file),
  };
}

/** @see ByteSource */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset + length > bytes.length) throw truncated();
      return bytes.subarray(offset, offset + length);
    },
    close: () => {},
  };
}

/** One field of a protocol buffer message: a number (wire type 0), or where its bytes lie. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Value of a varint, exact up to 2⁵³; 0 for others. */
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

/** Most bytes of a text or list that this reader will take into memory. */
const MOST_BYTES = 1 << 20;

function truncated(): BitmodelError {
  return new BitmodelError('BAD_ONNX', 'The ONNX file ends too early or is no ONNX file.', {
    next: 'Fetch the file again',
  });
}

function varint(source: ByteSource, offset: number, end: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (offset + i >= end) throw truncated();
    const byte = source.read(offset + i, 1)[0]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: offset + i + 1 };
    scale *= 128;
  }
  throw truncated();
}

/**
 * Walks the fields of one protocol buffer message without reading what they hold (protobuf.dev, "Encoding"). Not protobufjs:
 * that wants the whole file in memory, and ONNX files reach 2 GB.
 * @throws BitmodelError `BAD_ONNX` when a field goes beyond the message or has no known wire type
 */
export function* fieldsOf(source: ByteSource, start: number, end: number): Generator<WireField> {
  let offset = start;
  while (offset < end) {
    const tag = varint(source, offset, end);
    const number = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    let value = 0;
    let from = tag.next;
    let to: number;
    if (wireType === 0) {
      const read = varint(source, from, end);
      value = read.value;
      to = read.next;
    } else if (wireType === 1) to = from + 8;
    else if (wireType === 5) to = from + 4;
    else if (wireType === 2) {
      const length = varint(source, from, end);
      from = length.next;
      to = from + length.value;
    } else throw truncated();
    if (number === 0 || to > end) throw truncated();
    yield { number, wireType, value, start: from, end: to };
    offset = to;
  }
}

/** UTF-8 text of a field. */
export function textOf(source: ByteSource, field: WireField): string {
  const length = field.end - field.start;
  if (field.wireType !== 2 || length > MOST_BYTES) throw truncated();
  return Buffer.from(source.read(field.start, length)).toString('utf8');
}

/** Values of a repeated integer field, packed or not. */
export function integersOf(source: ByteSource, field: WireField): number[] {
  if (field.wireType === 0) return [field.value];
  if (field.wireType !== 2 || field.end - field.start > MOST_BYTES) throw truncated();
  const values: number[] = [];
  for (let offset = field.start; offset < field.end; ) {
    const read = varint(source, offset, field.end);
    values.push(read.value);
    offset = read.next;
  }
  return values;
}
