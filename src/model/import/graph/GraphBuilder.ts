import {
  type Declaration,
  type GraphNode,
  makeModel,
  makeNode,
  type NodeSettings,
  type OnnxModel,
} from '../../onnx/graph.js';
import { ELEMENT, writeExternalTensor, writeTensor } from '../../onnx/tensor.js';
import type { FloatType, Weight } from '../Checkpoint.js';
import type { Fill } from '../fill.js';
import { FLOAT_BYTES } from '../numbers.js';
import { BLOCK, blocksOf, type Quantisation, zeroBytesOf } from '../quantise.js';

/** The operator set of ONNX Runtime's contributions. */
export const MICROSOFT = 'com.microsoft';
/** Where external data begin, so that they can be mapped into memory (onnx, "External Data"). */
const ALIGNMENT = 4096;

const FLOAT_ELEMENTS: Readonly<Record<FloatType, number>> = {
  F32: ELEMENT.float,
  F16: ELEMENT.float16,
  BF16: ELEMENT.bfloat16,
};

/** Bytes made here, not read, and where they go. */
export interface Made {
  readonly data: Uint8Array;
  readonly offset: number;
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, n) => product * n, 1);

/** A graph under construction, and what its file of external data will hold. */
export class GraphBuilder {
  /** Type of what is computed. */
  readonly type: 'F32' | 'F16';
  readonly #location: string;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, Uint8Array>();
  readonly #fills: Fill[] = [];
  readonly #made: Made[] = [];
  #end = 0;

  /** @param location name of the file of external data */
  constructor(type: 'F32' | 'F16', location: string) {
    this.type = type;
    this.#location = location;
  }

  /** ONNX's number of the type that is computed with. */
  get element(): number {
    return FLOAT_ELEMENTS[this.type];
  }

  get fills(): readonly Fill[] {
    return this.#fills;
  }

  get made(): readonly Made[] {
    return this.#made;
  }

  /** Bytes of the file of external data. */
  get dataBytes(): number {
    return this.#end;
  }

  /** Adds a node with one output. @returns the output's name */
  node(opType: string, inputs: readonly string[], name: string, settings?: NodeSettings): string {
    return this.nodeWith(opType, inputs, [`${name}/output_0`], name, settings)[0]!;
  }

  /** Adds a node with outputs of these names, empty for those left out. */
  nodeWith<T extends readonly string[]>(
    opType: string,
    inputs: readonly string[],
    outputs: T,
    name: string,
    settings?: NodeSettings,
  ): T {
    this.#nodes.push(makeNode(opType, inputs, outputs, { ...settings, name }));
    return outputs;
  }

  /** A few whole numbers within the graph; a single one without dimensions where none are given. */
  integers(name: string, values: readonly number[], dims: readonly number[] = []): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#initialise(name, writeTensor(name, ELEMENT.int64, dims, data));
  }

  /** Numbers made here, as binary32, or binary16 where the graph computes so. */
  table(name: string, dims: readonly number[], values: Float32Array | Uint16Array): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#made.push({ data, offset: this.#external(name, this.element, dims, data.length) });
    return name;
  }

  /** Weights as they are, one below the other, in the type that is computed with or another one. */
  weights(
    name: string,
    dims: readonly number[],
    sources: readonly Weight[],
    type: FloatType = this.type,
  ): string {
    const bytes = sizeOf(dims) * FLOAT_BYTES[type];
    const offset = this.#external(name, FLOAT_ELEMENTS[type], dims, bytes);
    this.#fills.push({ kind: 'floats', sources, type, offset });
    return name;
  }

  /**
   * Weights in blocks.
   * @param rows columns of the product
   * @param columns what is summed over
   * @returns inputs of `MatMulNBits` behind the first
   */
  blocks(
    name: string,
    [rows, columns]: readonly [number, number],
    sources: readonly Weight[],
    how: Quantisation & { readonly transposed: boolean },
  ): string[] {
    const { bits, zeroPoints } = how;
    const blocks = blocksOf(columns);
    const part = (kind: string, type: number, dims: readonly number[], size: number): number =>
      this.#external(`${name}_${kind}`, type, dims, size * sizeOf(dims));
    const codes = part('quant', ELEMENT.uint8, [rows, blocks, (BLOCK * bits) / 8], 1);
    const scales = part('scales', ELEMENT.float, [rows * blocks], 4);
    const zeroBytes = rows * zeroBytesOf(columns, bits);
    const zeros = zeroPoints ? part('zp', ELEMENT.uint8, [zeroBytes], 1) : 0;
    const layout = { block: BLOCK, signed: false, codes, scales, zeros };
    this.#fills.push({ kind: 'blocks', sources, columns, ...how, ...layout });
    return ['quant', 'scales', ...(zeroPoints ? ['zp'] : [])].map((kind) => `${name}_${kind}`);
  }

  /**
   * Weights in blocks of 8 bits around zero, each block with a scale: a row is one block where it is no multiple of
   * {@link BLOCK}.
   * @returns names of the codes, rows × blocks × weights, and the scales, rows × blocks × 1
   */
  signedBlocks(
    name: string,
    [rows, columns]: readonly [number, number],
    sources: readonly Weight[],
    transposed: boolean,
  ): readonly [string, string] {
    const block = columns % BLOCK === 0 ? BLOCK : columns;
    const blocks = columns / block;
    const [codeName, scaleName] = [`${name}_quant`, `${name}_scales`] as const;
    const codes = this.#external(codeName, ELEMENT.int8, [rows, blocks, block], rows * columns);
    const scales = this.#external(scaleName, ELEMENT.float, [rows, blocks, 1], 4 * rows * blocks);
    const how = { bits: 8, zeroPoints: false, block, signed: true } as const;
    this.#fills.push({
      kind: 'blocks',
      sources,
      columns,
      transposed,
      ...how,
      codes,
      scales,
      zeros: 0,
    });
    return [codeName, scaleName];
  }

  /** The model. */
  build(name: string, inputs: readonly Declaration[], outputs: readonly Declaration[]): OnnxModel {
    return makeModel({
      name,
      inputs,
      outputs,
      opsets: { '': 21, [MICROSOFT]: 1 },
      nodes: this.#nodes,
      initializers: this.#initializers,
    });
  }

  #initialise(name: string, tensor: Uint8Array): string {
    this.#initializers.set(name, tensor);
    return name;
  }

  #external(name: string, type: number, dims: readonly number[], length: number): number {
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT;
    this.#end = offset + length;
    const place = { location: this.#location, offset, length };
    this.#initialise(name, writeExternalTensor(name, type, dims, place));
    return offset;
  }
}
