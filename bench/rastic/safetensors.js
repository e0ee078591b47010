import { readFileSync } from 'node:fs';

/**
 * The float32 tensors of a safetensors file by name, without copies: an 8-byte header length (little-endian), a JSON header,
 * the data.
 */
export function readSafetensors(path) {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  // float32 views need an offset that is a multiple of 4, which the header's length need not give
  const data = new Uint8Array(bytes.subarray(8 + headerLength)).buffer;
  const tensors = new Map();
  for (const [name, { dtype, data_offsets: [start, end] = [] }] of Object.entries(header)) {
    if (dtype === 'F32') tensors.set(name, new Float32Array(data, start, (end - start) / 4));
  }
  return tensors;
}
