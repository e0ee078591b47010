export { COIN, formatAmount, parseAmount } from './amount.js';
export {
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  joinBytes,
  reverseBytes,
  toBase64,
  toHex,
  u32le,
  u64le,
  utf8,
} from './bytes.js';
export { type Deferred, deferred } from './deferred.js';
export {
  atLine,
  BitmodelError,
  type BitmodelErrorOptions,
  EXIT,
  type ExitCode,
  isUnreachable,
  messageOf,
} from './errors.js';
export {
  asWriteError,
  type FileData,
  type FileToWrite,
  makeFolder,
  syncFolder,
  type WriteFileOptions,
  writeFileAtomic,
  writeFilesAtomic,
} from './files.js';
export { Heap } from './Heap.js';
export { digest, sha256, sha256d } from './hash.js';
export { type CanonicalValue, canonicalBytes } from './json.js';
export { mapConcurrently } from './mapConcurrently.js';
export { Markup, type MarkupValue, markup } from './markup.js';
export { isProcessAlive, startTimeOf } from './processes.js';
export { type JoinedSignal, joinSignals } from './signals.js';
export { assertRoom, roomIn } from './space.js';
export { syncTree } from './syncTree.js';
export { oneLine, printable, printableJson } from './text.js';
export {
  encodeModule,
  op as wasmOp,
  type WasmFunction,
  type WasmType,
  wasmType,
} from './wasmCode.js';
export { canRunWasm, compileWasm, type WasmMemory } from './wasmModule.js';
export { makeWholeFolder, type PartialFolder, type WholeFolderOptions } from './wholeFolder.js';
export { type OpenFile, openWithin, readWithin } from './within.js';
