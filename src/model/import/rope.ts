import { BitmodelError } from '../../base/index.js';

type Json = Readonly<Record<string, unknown>>;

/** Rotary position embedding of one model: pairs of dimensions turn by `frequencies[i]` a position. */
export interface Rope {
  /** Radians a position, binary32, of each of the head's pairs of dimensions. */
  readonly frequencies: Float32Array;
}

const DEFAULT_THETA = 10_000;

function refuse(why: string): BitmodelError {
  return new BitmodelError('UNSUPPORTED_MODEL', `This model can't be imported: ${why}.`, {
    next: 'Look for an ONNX export of it, such as those of onnx-community',
  });
}

/** The settings in either spelling: `rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before. */
function settingsOf(config: Json): Json {
  const { rope_parameters: now, rope_scaling: before } = config;
  const settings = (now ?? before ?? {}) as Json;
  if (typeof settings !== 'object' || Array.isArray(settings))
    throw refuse('its rope settings are none');
  // settings by kind of layer, which are not those of all layers
  const nested = Object.entries(settings).find(
    ([, value]) => typeof value === 'object' && value !== null,
  );
  if (nested) throw refuse(`its rope setting ${nested[0]} holds others`);
  return { rope_theta: config.rope_theta ?? DEFAULT_THETA, ...settings };
}

function numberOf(settings: Json, name: string): number {
  const value = settings[name];
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw refuse(`its rope setting ${name} is no positive number`);
}

/** Llama 3.1's: long waves are stretched, short ones left, those between blended (transformers, `_compute_llama3_parameters`). */
function llama3(frequencies: Float32Array, settings: Json): Float32Array {
  const factor = numberOf(settings, 'factor');
  const low = numberOf(settings, 'low_freq_factor');
  const high = numberOf(settings, 'high_freq_factor');
  const context = numberOf(settings, 'original_max_position_embeddings');
  if (high <= low) throw refuse('its rope setting high_freq_factor is not above low_freq_factor');
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < context / high) return frequency;
    if (wavelength > context / low) return frequency / factor;
    const smooth = (context / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/**
 * Reads how a model's rotary embeddings turn.
 * @throws BitmodelError `UNSUPPORTED_MODEL` for kinds other than default, linear and llama3
 */
export function readRope(config: Json, headSize: number): Rope {
  const settings = settingsOf(config);
  const partial = settings.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (partial !== 1) throw refuse('it turns only a part of each head (partial_rotary_factor)');
  const theta = numberOf(settings, 'rope_theta');
  const plain = Float32Array.from(
    { length: headSize / 2 },
    (_, i) => 1 / Math.fround(theta ** Math.fround((2 * i) / headSize)),
  );
  const kind = settings.rope_type ?? settings.type ?? 'default';
  if (kind === 'default') return { frequencies: plain };
  if (kind === 'linear') {
    const factor = numberOf(settings, 'factor');
    return { frequencies: plain.map((frequency) => frequency / factor) };
  }
  if (kind === 'llama3') return { frequencies: llama3(plain, settings) };
  throw refuse(
    `its rope type is ${JSON.stringify(kind)}, and only default, linear and llama3 are done`,
  );
}

/** Cosines and sines of every position's angles, position by position: `positions` × half a head. */
export function ropeTables(
  { frequencies }: Rope,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      // the product is rounded to binary32, as where the model was trained
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
