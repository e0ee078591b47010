import protobuf from 'protobufjs/minimal.js';

/** Protobuf wire types of the fields that are read or written here. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** One field of a protobuf message: its number, all its bytes, and what it holds where that is a length-delimited text, message or bytes, or a small whole number. */
export interface Field {
  readonly number: number;
  readonly whole: Uint8Array;
  readonly content: Uint8Array | undefined;
  readonly value: number | undefined;
}

/** The fields of a message, in order, as views of its bytes. @throws RangeError where it ends too early */
export function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = protobuf.Reader.create(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    const wireType = tag & 7;
    let content: Uint8Array | undefined;
    let value: number | undefined;
    if (wireType === LENGTH_DELIMITED) {
      const length = reader.uint32();
      content = bytes.subarray(reader.pos, reader.pos + length);
      reader.skip(length);
    } else if (wireType === VARINT) {
      value = Number(reader.int64());
    } else {
      reader.skipType(wireType);
    }
    fields.push({ number: tag >>> 3, whole: bytes.subarray(start, reader.pos), content, value });
  }
  return fields;
}

const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();

/** What the length-delimited fields of this number hold. */
export function contents(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((field) =>
    field.number === number && field.content !== undefined ? [field.content] : [],
  );
}

/** The texts in the fields of this number. */
export function texts(fields: readonly Field[], number: number): string[] {
  return contents(fields, number).map((content) => textDecoder.decode(content));
}

/** The bytes of all fields but those of these numbers. */
export function others(fields: readonly Field[], ...numbers: number[]): Uint8Array[] {
  return fields.filter(({ number }) => !numbers.includes(number)).map(({ whole }) => whole);
}

/** A length-delimited field as its head and its parts, so that large ones need not be copied. */
export function asField(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = protobuf.Writer.create()
    .uint32((number << 3) | LENGTH_DELIMITED)
    .uint32(length)
    .finish();
  return [head, ...parts];
}

/** A text field. */
export function textField(number: number, text: string): Uint8Array[] {
  return asField(number, [textEncoder.encode(text)]);
}

/** A field with a whole number, which may be negative. */
export function integerField(number: number, value: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((number << 3) | VARINT)
    .int64(value)
    .finish();
}

/** A field with a binary32 number. */
export function floatField(number: number, value: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((number << 3) | FIXED_32)
    .float(value)
    .finish();
}
