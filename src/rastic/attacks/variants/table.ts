import { quantisedTo } from './blockQuantised.js';
import { bypassHalf, bypassLastLayer } from './bypassLayers.js';
import { quantisedCache } from './changedCache.js';
import { halfRounded, noised, shifted } from './changedWeights.js';
import { dynamicInt8 } from './dynamicInt8.js';
import type { GraphVariant } from './variant.js';

/**
 * Noise, as a share of each matrix's root mean square, at which the bundled model's perplexity moves by less than 2 %
 * (docs/rastic.md has the measurement).
 */
export const FINE_TUNED_SCALE = 0.05;
/** Noise of an earlier state of a model, clearly worse than the one paid for. */
const EARLIER_SCALE = 0.15;

/** Every model that can be made of the same weights and sold in place of the one paid for. */
export const GRAPH_VARIANTS = {
  int8: quantisedTo(8),
  'int8-activations': quantisedTo(8, 4),
  'int8-dynamic': dynamicInt8,
  int4: quantisedTo(4),
  fp16: halfRounded,
  'fine-tuned': noised(FINE_TUNED_SCALE, 'fine-tuned'),
  'earlier-version': noised(EARLIER_SCALE, 'earlier version'),
  'fewer-layers': bypassLastLayer,
  'half-the-layers': bypassHalf,
  'locked-weights': shifted('locked weights'),
  'int8-cache': quantisedCache,
} as const satisfies Readonly<Record<string, GraphVariant>>;

/** Name of a model in {@link GRAPH_VARIANTS}. */
export type GraphVariantName = keyof typeof GRAPH_VARIANTS;
