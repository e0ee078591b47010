/** Shifts that are weighed at a time: up to so many elements either way of the last one that was settled. */
const REACH = 40;
const STATES = 2 * REACH + 1;
/** Elements that are settled together, and those behind them that have a say in it. */
const CHUNK = 1 << 14;
const LAG = 1 << 12;
/** Weight of a tensor's own mean and spread against those of one column. */
const PRIOR = 4;
/** No element counts for more than this many nats, so that outliers settle nothing. */
const MOST = 8;

/** Mean and spread of each column of each tensor, learnt as rows are aligned. */
class Profiles {
  constructor(tensors, out) {
    this.tensors = tensors;
    this.sums = tensors.map(({ columns }) => new Float64Array(columns));
    this.squares = tensors.map(({ columns }) => new Float64Array(columns));
    this.counts = tensors.map(({ columns }) => new Float64Array(columns));
    this.whole = tensors.map(({ start, length }) => {
      let sum = 0;
      let square = 0;
      for (let i = start; i < start + length; i++) {
        sum += out[i];
        square += out[i] * out[i];
      }
      const mean = sum / length;
      return { mean, variance: Math.max(square / length - mean * mean, 1e-12) };
    });
  }

  /** Mean, half the inverse variance, and log spread of the elements from `first` on. */
  fill(first, mean, precision, spread) {
    let t = this.indexAt(Math.max(0, first));
    for (let k = 0; k < mean.length; k++) {
      const a = first + k;
      while (t + 1 < this.tensors.length && a >= this.tensors[t + 1].start) t++;
      const { start, columns } = this.tensors[t];
      const c = ((((a - start) % columns) + columns) % columns) | 0;
      const { mean: m, variance } = this.whole[t];
      const n = this.counts[t][c];
      const centre = (this.sums[t][c] + PRIOR * m) / (n + PRIOR);
      const second = (this.squares[t][c] + PRIOR * (variance + m * m)) / (n + PRIOR);
      const v = Math.max(second - centre * centre, variance * 1e-4);
      mean[k] = centre;
      precision[k] = 0.5 / v;
      spread[k] = 0.5 * Math.log(v);
    }
  }

  indexAt(a) {
    let low = 0;
    let high = this.tensors.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tensors[middle].start <= a) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @param sign -1 takes back what was learnt of these elements */
  learn(origin, out, from, to, sign = 1) {
    let t = 0;
    for (let i = from; i < to; i++) {
      const a = origin[i];
      if (a < 0) continue;
      if (a < this.tensors[t].start || a >= this.tensors[t].start + this.tensors[t].length) {
        t = this.indexAt(a);
      }
      const { start, columns } = this.tensors[t];
      const c = (a - start) % columns;
      this.sums[t][c] += sign * out[i];
      this.squares[t][c] += sign * out[i] * out[i];
      this.counts[t][c] += sign;
    }
  }
}

/**
 * A shift that changes just where a matrix begins was not there: its columns were learnt with the wrong one first. What has
 * no columns, such as the weights of a norm between two matrices, is known by its values alone, so it tells the true shift.
 * Moves all elements of such a matrix along by as much.
 */
function turn(origin, tensors) {
  let turned = 0;
  let before = 0;
  for (const { start, length, columns } of tensors) {
    const end = start + length;
    const edge = Math.min(length, 2 * columns + 64);
    const entry = commonShift(origin, start, start + edge);
    const exit = commonShift(origin, end - edge, end);
    turned = columns === 1 ? 0 : turned + before - entry;
    before = exit;
    if (turned === 0) continue;
    for (let i = start; i < end; i++) {
      if (origin[i] < 0) continue;
      const a = origin[i] - turned;
      origin[i] = a >= start && a < end ? a : -1;
    }
  }
}

/** The shift that most of these elements have. */
function commonShift(origin, from, to) {
  const counts = new Map();
  let common = 0;
  for (let i = from; i < to; i++) {
    if (origin[i] < 0) continue;
    const shift = i - origin[i];
    counts.set(shift, (counts.get(shift) ?? 0) + 1);
    if (counts.get(shift) > (counts.get(common) ?? 0)) common = shift;
  }
  return common;
}

/**
 * Undoes the shuffle from the shuffled weights and the public architecture alone. What each column of a matrix looks like is
 * learnt while going through the row; the most likely sequence of shifts, in which each element put in adds one and each taken
 * out takes one away, is found by dynamic programming (Viterbi 1967) with that as the likelihood of an element.
 * @param share elements moved of all, which the protected model tells
 * @param passes times it goes through the row; from the second on with the columns learnt before
 * @returns of each element of the shuffled row where it was, -1 where it seems to have been put in
 */
export function alignByStatistics(out, tensors, share, passes = 5) {
  const origin = new Int32Array(out.length);
  let profiles = new Profiles(tensors, out);
  let square = 0;
  for (const x of out) square += x * x;
  const all = square / out.length;
  const penalty = -Math.log(Math.min(0.5, share));
  const length = CHUNK + LAG;
  const mean = new Float32Array(length + STATES);
  const precision = new Float32Array(length + STATES);
  const spread = new Float32Array(length + STATES);
  const came = new Uint8Array(length * STATES);
  for (let pass = 0; pass < passes; pass++) {
    const fresh = new Profiles(tensors, out);
    const before = origin.slice();
    let shift = 0;
    for (let first = 0; first < out.length; first += CHUNK) {
      const count = Math.min(length, out.length - first);
      const learnt = pass === 0 ? fresh : profiles;
      // what an element taught must not vouch for it
      if (pass > 0) profiles.learn(before, out, first, first + count, -1);
      // state k is the shift `shift - REACH + k`: element first + i was at first + i - that
      const base = first - shift - REACH;
      learnt.fill(base, mean, precision, spread);
      if (pass > 0) profiles.learn(before, out, first, first + count);
      let score = new Float64Array(STATES + 2).fill(Number.NEGATIVE_INFINITY);
      let next = new Float64Array(STATES + 2).fill(Number.NEGATIVE_INFINITY);
      score[REACH + 1] = 0;
      for (let i = 0; i < count; i++) {
        const x = out[first + i];
        const putIn = -0.5 * Math.log(all) - Math.min(MOST, (x * x) / (2 * all)) - penalty;
        for (let k = 0; k < STATES; k++) {
          const p = i + STATES - 1 - k;
          const d = x - mean[p];
          const fits = -spread[p] - Math.min(MOST, d * d * precision[p]);
          let best = score[k + 1] + fits;
          let from = 0;
          const takenOut = score[k + 2] - penalty + fits;
          if (takenOut > best) {
            best = takenOut;
            from = 1;
          }
          const put = score[k] + putIn;
          if (put > best) {
            best = put;
            from = 2;
          }
          next[k + 1] = best;
          came[i * STATES + k] = from;
        }
        [score, next] = [next, score];
      }
      let k = 0;
      for (let other = 1; other < STATES; other++) if (score[other + 1] > score[k + 1]) k = other;
      const settled = Math.min(CHUNK, count);
      let left = shift;
      for (let i = count - 1; i >= 0; i--) {
        if (i === settled - 1) left = shift - REACH + k;
        const from = came[i * STATES + k];
        if (i < settled) {
          const a = base + i + STATES - 1 - k;
          origin[first + i] = from === 2 || a < 0 || a >= out.length ? -1 : a;
        }
        k += from === 1 ? 1 : from === 2 ? -1 : 0;
      }
      shift = left;
      fresh.learn(origin, out, first, first + settled);
    }
    profiles = fresh;
    if (pass + 1 === passes) break;
    turn(origin, tensors);
    profiles = new Profiles(tensors, out);
    profiles.learn(origin, out, 0, out.length);
  }
  return origin;
}
