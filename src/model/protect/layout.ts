import { BitmodelError } from '../../base/index.js';
import { type ByteSource, fieldsOf, integersOf, textOf, type WireField } from '../onnx/wire.js';

/** Bytes of weights, all elements of one tensor, one after the other. */
export interface Span {
  /** Index into the layout's `files`. */
  readonly file: number;
  /** Bytes from the start of the file. */
  readonly start: number;
  readonly end: number;
}

/** All weights of one data type, as one row of elements. */
export interface WeightGroup {
  /** TensorProto.DataType (onnx.proto3). */
  readonly type: number;
  /** Bytes of an element; two elements of 4 bits count as one. */
  readonly width: number;
  /** Sorted by file and start. */
  readonly spans: readonly Span[];
  /** Elements. */
  readonly total: number;
}

/** Where the weights of an ONNX model lie. */
export interface WeightLayout {
  /** The ONNX file itself, by an empty name, then its files of external data as the graph names them. */
  readonly files: readonly string[];
  readonly groups: readonly WeightGroup[];
}

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const TENSOR = { dims: 1, type: 2, floats: 4, rawData: 9, externalData: 13 } as const;
/** Bytes of an element, by TensorProto.DataType: floating point, and integers that hold quantised weights. */
const FLOATING = new Map([
  [1, 4],
  [10, 2],
  [11, 8],
  [16, 2],
  [17, 1],
  [18, 1],
  [19, 1],
  [20, 1],
]);
const QUANTISED = new Map([
  [2, 1],
  [3, 1],
  [21, 0.5],
  [22, 0.5],
]);
/** Tensors with fewer elements stay where they are: scalars, and what operators want to be of a certain value. */
const LEAST_ELEMENTS = 64;
/** Subgraphs of If and Loop deeper than this are no language model. */
const DEEPEST = 8;

function damaged(why: string): BitmodelError {
  return new BitmodelError('BAD_ONNX', `The ONNX file can't be used: ${why}.`, {
    next: 'Fetch the model again',
  });
}

interface Found extends Span {
  readonly type: number;
  readonly width: number;
}

/** Where the bytes of an initialiser lie outside the ONNX file. */
function externalOf(
  source: ByteSource,
  parts: readonly WireField[],
): ReadonlyMap<string, string> | undefined {
  const entries = parts.filter(({ number }) => number === TENSOR.externalData);
  if (entries.length === 0) return undefined;
  return new Map(
    entries.map((entry) => {
      const texts = new Map(
        [...fieldsOf(source, entry.start, entry.end)].map((part) => [
          part.number,
          textOf(source, part),
        ]),
      );
      return [texts.get(1) ?? '', texts.get(2) ?? ''];
    }),
  );
}

const wholeNumber = (text: string): number => {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw damaged('external data have no usable offset or length');
  return value;
};

/** Walks a graph and notes the weights it comes upon. */
class LayoutReader {
  readonly files: string[] = [''];
  readonly found: Found[] = [];
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  tensor(field: WireField): void {
    const parts = [...fieldsOf(this.#source, field.start, field.end)];
    const dims = parts
      .filter(({ number }) => number === TENSOR.dims)
      .flatMap((part) => integersOf(this.#source, part));
    const type = parts.find(({ number }) => number === TENSOR.type)?.value ?? 0;
    const elements = dims.reduce((product, size) => product * size, 1);
    const perElement = FLOATING.get(type) ?? (dims.length > 1 ? QUANTISED.get(type) : undefined);
    if (perElement === undefined || !(elements >= LEAST_ELEMENTS)) return;
    const bytes = Math.ceil(elements * perElement);
    if (!Number.isSafeInteger(bytes)) throw damaged('a tensor is larger than any file');
    const width = Math.max(1, perElement);
    const external = externalOf(this.#source, parts);
    if (external) {
      const location = external.get('location') ?? '';
      const start = wholeNumber(external.get('offset') ?? '0');
      if (wholeNumber(external.get('length') ?? String(bytes)) !== bytes) return;
      this.found.push({ type, width, file: this.#fileOf(location), start, end: start + bytes });
      return;
    }
    const raw = parts.find(
      ({ number, wireType }) =>
        wireType === 2 && (number === TENSOR.rawData || (number === TENSOR.floats && type === 1)),
    );
    if (raw && raw.end - raw.start === bytes) {
      this.found.push({ type, width, file: 0, start: raw.start, end: raw.end });
    }
  }

  #fileOf(location: string): number {
    const known = this.files.indexOf(location, 1);
    return known > 0 ? known : this.files.push(location) - 1;
  }

  graph(field: WireField, depth: number): void {
    if (depth > DEEPEST) throw damaged('its subgraphs are nested too deep');
    for (const part of fieldsOf(this.#source, field.start, field.end)) {
      if (part.number === 1) this.node(part, depth);
      else if (part.number === 5) this.tensor(part);
    }
  }

  node(field: WireField, depth: number): void {
    for (const attribute of fieldsOf(this.#source, field.start, field.end)) {
      if (attribute.number !== 5) continue;
      for (const part of fieldsOf(this.#source, attribute.start, attribute.end)) {
        if (part.wireType !== 2) continue;
        if (part.number === 5) this.tensor(part);
        else if (part.number === 6) this.graph(part, depth + 1);
      }
    }
  }
}

/** Bytes that several tensors share are moved once. */
function withoutOverlaps(found: readonly Found[]): Found[] {
  const sorted = [...found].sort((a, b) => a.file - b.file || a.start - b.start || b.end - a.end);
  const kept: Found[] = [];
  for (const span of sorted) {
    const last = kept.at(-1);
    if (!last || last.file !== span.file || last.end <= span.start) kept.push(span);
  }
  return kept;
}

/**
 * Finds the weights of an ONNX model: initialisers and constants of floating-point types, and quantised ones with at least two
 * dimensions. Shapes, indices and small tensors stay out, so that whatever happens to the weights, the graph still loads.
 * @throws BitmodelError `BAD_ONNX`
 */
export function weightLayout(source: ByteSource): WeightLayout {
  const reader = new LayoutReader(source);
  for (const field of fieldsOf(source, 0, source.size)) {
    if (field.number === 7 && field.wireType === 2) reader.graph(field, 0);
  }
  const spans = withoutOverlaps(reader.found);
  const types = [...new Set(spans.map(({ type }) => type))].sort((a, b) => a - b);
  const groups = types.map((type): WeightGroup => {
    const own = spans.filter((span) => span.type === type);
    const { width } = own[0]!;
    const bytes = own.reduce((sum, { start, end }) => sum + end - start, 0);
    return {
      type,
      width,
      spans: own.map(({ file, start, end }) => ({ file, start, end })),
      total: bytes / width,
    };
  });
  return { files: reader.files, groups };
}
