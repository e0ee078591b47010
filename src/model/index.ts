export { type Candidates, candidatesOf } from './sampler/candidates.js';
export { type GumbelNoise, gumbelNoise } from './sampler/noise.js';
export { argmax, sampleToken } from './sampler/sample.js';
export { checkSampling, GREEDY, type Sampling } from './sampler/sampling.js';
