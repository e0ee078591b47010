import { fieldsOf, integersOf, memorySource } from '../../dist/model/onnx/wire.js';

/** Sizes of each initialiser, by where its bytes begin in the file (onnx.proto3). */
export function shapesOf(bytes) {
  const source = memorySource(bytes);
  const shapes = new Map();
  for (const model of fieldsOf(source, 0, bytes.length)) {
    if (model.number !== 7) continue;
    for (const field of fieldsOf(source, model.start, model.end)) {
      if (field.number !== 5) continue;
      const parts = [...fieldsOf(source, field.start, field.end)];
      const dims = parts.filter(({ number }) => number === 1).flatMap((p) => integersOf(source, p));
      for (const { number, start } of parts)
        if (number === 9 || number === 4) shapes.set(start, dims);
    }
  }
  return shapes;
}
