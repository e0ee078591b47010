import { ELEMENT, type OnnxModel, readOnnx, writeOnnx, writeTensor } from '../../../model/index.js';
import { randomFrom } from '../random.js';
import { floatsOf, weightNames } from './matrices.js';
import type { GraphVariant } from './variant.js';

/** Exchanges the numbers of some initialisers. */
function withFloats(
  model: OnnxModel,
  names: readonly string[],
  change: (values: Float32Array, name: string) => Float32Array,
): Uint8Array {
  const initializers = new Map(model.initializers);
  for (const name of names) {
    const { dims, values } = floatsOf(model, name);
    initializers.set(name, writeTensor(name, ELEMENT.float, dims, change(values, name)));
  }
  return writeOnnx({ ...model, initializers });
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / values.length);
}

/**
 * The same model trained on a little, or an earlier state of it: to each weight of its matrices a normal number is added.
 * @param scale standard deviation of what is added, as a share of the matrix's root mean square
 * @param seed text that fixes the noise
 */
export function noised(scale: number, seed: string): GraphVariant {
  return (bytes) => {
    const model = readOnnx(bytes);
    return withFloats(model, weightNames(model), (values, name) => {
      const random = randomFrom(`${seed} ${name}`);
      const deviation = scale * rootMeanSquare(values);
      return values.map((value) => value + deviation * random.normal());
    });
  };
}

const asHalf = new Float32Array(1);
const asBits = new Uint32Array(asHalf.buffer);

/** The nearest binary16 number, ties to the even one, as far as it is neither infinite nor subnormal there. */
function toHalf(value: number): number {
  const size = Math.abs(value);
  if (size < 2 ** -14) return Math.round(value * 2 ** 24) / 2 ** 24;
  if (size >= 65_504) return Math.sign(value) * 65_504;
  asHalf[0] = value;
  // binary32 keeps 13 more bits of the fraction than binary16
  const bits = asBits[0]!;
  asBits[0] = (bits + 0xfff + ((bits >>> 13) & 1)) & 0xffffe000;
  return asHalf[0]!;
}

/** The same model with each weight of its matrices rounded to binary16, computed in fp32. */
export const halfRounded: GraphVariant = (bytes) => {
  const model = readOnnx(bytes);
  return withFloats(model, weightNames(model), (values) => values.map(toHalf));
};

/** How many parameters protection displaces of N (DESIGN 7). */
const displacedOf = (parameters: number): number => Math.max(64, Math.ceil(parameters / 1e6));

/** As many different whole numbers below `bound`, ascending. */
function distinct(count: number, bound: number, seed: string): number[] {
  const random = randomFrom(seed);
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, bound)) drawn.add(random.below(bound));
  return [...drawn].sort((a, b) => a - b);
}

/**
 * Takes some numbers out and puts them in at other places, in their order; all others keep theirs.
 * @param from places to take from, ascending
 * @param to as many places to put in, ascending
 */
export function displace(
  values: Float32Array,
  from: readonly number[],
  to: readonly number[],
): Float32Array {
  const result = new Float32Array(values.length);
  let taken = 0;
  let put = 0;
  let source = 0;
  for (let target = 0; target < result.length; target++) {
    if (to[put] === target) {
      result[target] = values[from[put++]!]!;
      continue;
    }
    while (from[taken] === source) {
      taken++;
      source++;
    }
    result[target] = values[source++]!;
  }
  return result;
}

/**
 * A protected model (DESIGN 7) that runs without being unlocked, or unlocked with wrong shares: of all N weights in a row,
 * max(64, ⌈N/10⁶⌉) were taken out and put in at other random places, so that those between are shifted.
 */
export function shifted(seed: string): GraphVariant {
  return (bytes) => {
    const model = readOnnx(bytes);
    const names = weightNames(model);
    const sizes = names.map((name) => floatsOf(model, name).values.length);
    const all = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const name of names) {
      const { values } = floatsOf(model, name);
      all.set(values, at);
      at += values.length;
    }
    const count = displacedOf(all.length);
    const from = distinct(count, all.length, `${seed} from`);
    const moved = displace(all, from, distinct(count, all.length, `${seed} to`));
    at = 0;
    return withFloats(model, names, (values) => {
      at += values.length;
      return moved.subarray(at - values.length, at);
    });
  };
}
