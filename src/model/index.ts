export {
  type UnpackedModel,
  type UnpackOptions,
  unpackArchive,
  unpackModel,
} from './archive/unpack.js';
export { archiveModel, assertArchivePlace } from './archive/writeArchive.js';
export {
  type BundleCheck,
  type BundleFault,
  type ByteRange,
  type CheckOptions,
  checkModel,
} from './bundle/check.js';
export { type BundleInfo, MAX_INFO, parseInfo } from './bundle/info.js';
export {
  type ModelOrigin,
  ModelRegistry,
  type RegisteredModel,
  unknownModel,
} from './bundle/ModelRegistry.js';
export { type Bundle, readBundle } from './bundle/manifest.js';
export { BLOCK, HASH, PIECE } from './bundle/merkle.js';
export { withTag } from './bundle/modelNames.js';
export {
  type HashProgress,
  modelId,
  type PackedModel,
  type PackOptions,
  type Parent,
  packModel,
} from './bundle/pack.js';
export { type BundlePiece, hasLayer, isLayerOf, pieceCount } from './bundle/pieces.js';
export { blockCount, blockLength, isBlockOf, proofLength } from './bundle/proof.js';
export { type IdentifiedFiles, identifyBytes, identifyFiles } from './bundle/sourceFiles.js';
export { type InfoFile, magnetLink } from './bundle/torrent.js';
export {
  type Answer,
  type AnswerOptions,
  type AnswerToken,
  answerText,
  type SpelledLogprob,
  type SpelledPosition,
} from './chat/answerText.js';
export { Conversation, type FittedPrompt } from './chat/Conversation.js';
export { type ModelFacts, readModelFacts } from './facts.js';
export { FinishDetector, type FinishRule, finishOf } from './finish.js';
export {
  type ImportedModel,
  type ImportOptions,
  type ImportType,
  importModel,
} from './import/importModel.js';
export { LanguageModel, MOST_BATCH } from './LanguageModel.js';
export { logprobsOf, MOST_LOGPROBS, type PositionLogprobs, type TokenLogprob } from './logprobs.js';
export { MemoryBandwidth } from './measure/MemoryBandwidth.js';
export {
  type DecodeMeasurement,
  type MeasureOptions,
  type ModelMeasurement,
  measureModel,
} from './measure/measureModel.js';
export { type Spread, spreadOf } from './measure/spread.js';
export { weightBytesPerToken } from './measure/stepBytes.js';
export { inlineWeights } from './onnx/external.js';
export {
  type GraphNode,
  makeNode,
  type NodeSettings,
  numberOf,
  type OnnxModel,
  readOnnx,
  withDomain,
  withoutIdleWeights,
  writeOnnx,
} from './onnx/graph.js';
export {
  ELEMENT,
  type FloatTensor,
  readFloats,
  shapeOf,
  writeTensor,
} from './onnx/tensor.js';
export {
  type CacheNeed,
  type Difference,
  type GraphPage,
  type ModelPage,
  readModelPage,
  type UnusableGraph,
} from './page.js';
export {
  isProtected,
  openShareOf,
  type Protection,
  readProtection,
} from './protect/description.js';
export {
  HOLDERS,
  type OpenShare,
  parseShare,
  type ShareHolder,
  shareText,
} from './protect/keys.js';
export { defaultMoves } from './protect/moves.js';
export { openProtected } from './protect/open.js';
export { packCopy } from './protect/packCopy.js';
export {
  type ProtectedModel,
  type ProtectionMode,
  type ProtectOptions,
  protectModel,
} from './protect/protect.js';
export { type UnlockedModel, unlockModel } from './protect/unlock.js';
export { type CudaState, cudaState, installCudaProvider } from './runtime/cuda.js';
export { cudaProvider } from './runtime/provider.js';
export { disableTelemetry } from './runtime/telemetry.js';
export { argmax, finiteArgmax } from './sampler/argmax.js';
export { type Candidates, candidatesOf, isCut } from './sampler/candidates.js';
export { bestOf, bestOfAll, GREATEST_NOISE } from './sampler/gumbelMax.js';
export { type GumbelNoise, gumbelNoise } from './sampler/noise.js';
export { philoxWord } from './sampler/philox.js';
export { sampleToken } from './sampler/sample.js';
export { checkSampling, GREEDY, type Sampling } from './sampler/sampling.js';
export {
  type CalibrationRef,
  calibrationFile,
  findCalibration,
  keepCalibration,
  MAX_CALIBRATION,
  type StoredCalibration,
  storedCalibrations,
} from './store/calibrations.js';
export { findLocalModel, type LocalModel, localModels, removeModel } from './store/localModels.js';
export { type BundleAbout, PartialBundle } from './store/PartialBundle.js';
export { PieceKeeper } from './store/PieceKeeper.js';
export { ServedBundle } from './store/ServedBundle.js';
export { ServedModels } from './store/ServedModels.js';
export { wholeBundle } from './store/wholeBundle.js';
export { TextStream } from './TextStream.js';
export { tokenBytes } from './tokenBytes.js';
export { loadTokenizer } from './tokenizer.js';
export type {
  ChatMessage,
  DecodeSession,
  Device,
  ExternalData,
  FinishReason,
  GenerateOptions,
  GenerateRequest,
  Generation,
  GraphOptimization,
  ModelInfo,
  OpenOptions,
  PrefillOptions,
  Tokenizer,
} from './types.js';
