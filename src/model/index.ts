export { type BundleCheck, type BundleFault, checkModel } from './bundle/check.js';
export { type Bundle, readBundle } from './bundle/manifest.js';
export {
  type HashProgress,
  modelId,
  type PackedModel,
  type PackOptions,
  type Parent,
  packModel,
} from './bundle/pack.js';
export { ModelRegistry, type RegisteredModel } from './bundle/registry.js';
export { magnetLink } from './bundle/torrent.js';
export { type ModelFacts, readModelFacts } from './facts.js';
export { FinishDetector, type FinishRule, finishOf } from './finish.js';
export { LanguageModel } from './language-model.js';
export { cudaProvider } from './runtime/provider.js';
export { type Candidates, candidatesOf } from './sampler/candidates.js';
export { type GumbelNoise, gumbelNoise } from './sampler/noise.js';
export { argmax, sampleToken } from './sampler/sample.js';
export { checkSampling, GREEDY, type Sampling } from './sampler/sampling.js';
export { TextStream } from './text.js';
export { loadTokenizer } from './tokenizer.js';
export type {
  ChatMessage,
  DecodeSession,
  Device,
  FinishReason,
  GenerateOptions,
  GenerateRequest,
  Generation,
  ModelInfo,
  OpenOptions,
  PrefillOptions,
  Tokenizer,
} from './types.js';
