const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The binary32 value of one binary16 (IEEE 754-2019, 3.6). */
export function halfToFloat(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return (sign === 0 ? 1 : -1) * fraction * 2 ** -24;
  const wide = exponent === 0x1f ? 0xff : exponent + 112;
  scratchBits[0] = (sign | (wide << 23) | (fraction << 13)) >>> 0;
  return scratch[0]!;
}

/** Data of a floating-point tensor, as ONNX Runtime hands it over. */
export type FloatData = ArrayLike<number>;

/**
 * Some elements as binary32: a copy, except of a whole array of that type that has a buffer of its own. ONNX Runtime gives binary16 as `Uint16Array` where the run time has no
 * `Float16Array` (Node 20), as `Float16Array` where it has.
 */
export function copyFloats(data: FloatData, start: number, end: number): Float32Array<ArrayBuffer> {
  if (data instanceof Float32Array) {
    const isWhole =
      start === 0 && end === data.length && data.byteLength === data.buffer.byteLength;
    return (isWhole ? data : data.slice(start, end)) as Float32Array<ArrayBuffer>;
  }
  const out = new Float32Array(end - start);
  const isHalf = data instanceof Uint16Array;
  for (let i = start; i < end; i++) out[i - start] = isHalf ? halfToFloat(data[i]!) : data[i]!;
  return out;
}
