/** Graphs of the payout bench, in compressed sparse rows, the same each time. */

export function stream(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Sources that stand on `degree` others each, at random among those behind them, which get some 45 % together. */
export function ordered(count, degree) {
  const random = stream(123456789);
  const rows = new Uint32Array(count + 1);
  const parents = new Uint32Array(count * degree);
  const weights = new Uint32Array(count * degree);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const drawn = new Set();
    for (let k = 0; k < degree && i + 1 < count; k++) {
      drawn.add(i + 1 + Math.floor(random() * (count - 1 - i)));
    }
    for (const parent of [...drawn].sort((a, b) => a - b)) {
      parents[end] = parent;
      weights[end++] = 1 + Math.floor((random() * 900_000) / degree);
    }
    rows[i + 1] = end;
  }
  return complete(rows, parents.subarray(0, end), weights.subarray(0, end));
}

function complete(rows, parents, weights) {
  const own = new Uint32Array(rows.length - 1);
  for (let i = 0; i < own.length; i++) {
    let sum = 0;
    for (let e = rows[i]; e < rows[i + 1]; e++) sum += weights[e];
    own[i] = 1_000_000 - sum;
  }
  return { rows, parents, weights, own };
}

/** Rows as lists, changed by a function, as rows again. */
function rebuilt(graph, rowOf) {
  const count = graph.own.length;
  const rows = new Uint32Array(count + 1);
  const parents = [];
  const weights = [];
  for (let i = 0; i < count; i++) {
    for (const [parent, weight] of rowOf(i)) {
      parents.push(parent);
      weights.push(weight);
    }
    rows[i + 1] = parents.length;
  }
  return complete(rows, Uint32Array.from(parents), Uint32Array.from(weights));
}

function rowOf({ rows, parents, weights }, i) {
  const row = [];
  for (let e = rows[i]; e < rows[i + 1]; e++) row.push([parents[e], weights[e]]);
  return row;
}

/** The same graph with its sources numbered at random. Returns the new number of each, too. */
export function shuffled(graph) {
  const random = stream(77);
  const count = graph.own.length;
  const number = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [number[i], number[j]] = [number[j], number[i]];
  }
  const old = new Uint32Array(count);
  number.forEach((to, from) => {
    old[to] = from;
  });
  const changed = rebuilt(graph, (i) =>
    rowOf(graph, old[i])
      .map(([parent, weight]) => [number[parent], weight])
      .sort((a, b) => a[0] - b[0]),
  );
  return { ...changed, number };
}

/** The same graph with circles of three sources here and there. */
export function withCircles(graph, circles) {
  const count = graph.own.length;
  const step = Math.floor(count / (circles + 1));
  const extra = new Map();
  for (let c = 1; c <= circles; c++) {
    const i = c * step;
    for (const [from, to] of [
      [i, i + 1],
      [i + 1, i + 2],
      [i + 2, i],
    ]) {
      extra.set(from, [to, 50_000]);
    }
  }
  return rebuilt(graph, (i) => {
    const row = rowOf(graph, i);
    const added = extra.get(i);
    if (added && !row.some(([parent]) => parent === added[0])) row.push(added);
    return row.sort((a, b) => a[0] - b[0]);
  });
}
