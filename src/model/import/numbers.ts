import { BitmodelError } from '../../base/index.js';
import { halfToFloat } from '../runtime/half.js';
import type { FloatType } from './Checkpoint.js';

/** Bytes of one number of each type. */
export const FLOAT_BYTES: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Bits of infinities' and NaNs' exponents. */
const BINARY32_EXPONENT = 0x7f800000;
/** The largest number that rounds to one of binary16, as binary32 bits: 65,519.996…. */
const LARGEST_HALF = 0x477fefff;
/** 2⁻¹⁴, the least normal number of binary16, as binary32 bits. */
const LEAST_NORMAL_HALF = 0x38800000;

let halves: Float32Array | undefined;

function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 0x10000 }, (_, half) => halfToFloat(half));
  return halves;
}

function refuse(name: string, why: string, next: string): BitmodelError {
  return new BitmodelError('BAD_WEIGHTS', `The weights of ${name} ${why}.`, { next });
}

/**
 * Numbers of a checkpoint as binary32, exactly.
 * @param bytes little-endian, at an even place of their buffer, of four for F32
 * @throws BitmodelError `BAD_WEIGHTS` where one is infinite or none
 */
export function toFloats(bytes: Uint8Array, type: FloatType, name: string): Float32Array {
  const count = bytes.length / FLOAT_BYTES[type];
  let floats: Float32Array;
  if (type === 'F32') floats = new Float32Array(bytes.buffer, bytes.byteOffset, count);
  else {
    const shorts = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    floats = new Float32Array(count);
    if (type === 'BF16') {
      const bits = new Uint32Array(floats.buffer);
      for (let i = 0; i < count; i++) bits[i] = shorts[i]! << 16;
    } else {
      const table = halfTable();
      for (let i = 0; i < count; i++) floats[i] = table[shorts[i]!]!;
    }
  }
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, count);
  for (let i = 0; i < count; i++) {
    if ((bits[i]! & BINARY32_EXPONENT) === BINARY32_EXPONENT) {
      throw refuse(name, 'hold infinities or numbers that are none (NaN)', 'Fetch the file again');
    }
  }
  return floats;
}

/**
 * The nearest binary16 numbers, ties to the even one (IEEE 754-2019, 4.3.1).
 * @throws BitmodelError `BAD_WEIGHTS` where one is too large
 */
export function toHalves(floats: Float32Array, name: string): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const out = new Uint16Array(floats.length);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    const sign = (bits[i]! >>> 16) & 0x8000;
    if (magnitude > LARGEST_HALF) {
      throw refuse(name, 'are too large for fp16', 'Import it as fp32, int8 or q4');
    }
    if (magnitude < LEAST_NORMAL_HALF) {
      const scaled = Math.abs(floats[i]!) * 2 ** 24;
      const floor = Math.floor(scaled);
      const above = scaled - floor;
      out[i] = sign | (floor + (above > 0.5 || (above === 0.5 && floor % 2 === 1) ? 1 : 0));
    } else {
      // a carry out of the fraction goes on into the exponent, as it should
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000;
      out[i] = sign | (rounded >>> 13);
    }
  }
  return out;
}
