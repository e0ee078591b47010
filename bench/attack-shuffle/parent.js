/**
 * Undoes the shuffle with the public model that the secret one was tuned from: walks both rows side by side, and where they
 * part asks whether one element was put in or taken out, by which of the two makes the next ones agree.
 * @returns of each element of the shuffled row where it was, -1 where it was put in
 */
export function alignWithParent(out, parent, spread) {
  const origin = new Int32Array(out.length).fill(-1);
  const WINDOW = 12;
  const DEEPEST = 8;
  const limit = 4 * spread;
  /** How many of the next elements agree when the rows are at these places. */
  const agreeing = (i, a) => {
    let count = 0;
    for (let k = 0; k < WINDOW; k++) {
      if (i + k < out.length && a + k < parent.length && close(out[i + k], parent[a + k], limit))
        count++;
    }
    return count;
  };
  let a = 0;
  for (let i = 0; i < out.length && a < parent.length; ) {
    if (close(out[i], parent[a], limit)) {
      origin[i++] = a++;
      continue;
    }
    // how many were put in and taken out here
    let best = [1, 1];
    let most = -1;
    for (let sum = 1; sum <= DEEPEST && most < WINDOW - 2; sum++) {
      for (let put = 0; put <= sum; put++) {
        const count = agreeing(i + put, a + sum - put) - sum / 8;
        if (count > most) {
          most = count;
          best = [put, sum - put];
        }
      }
    }
    i += best[0];
    a += best[1];
  }
  return origin;
}

const close = (x, y, limit) => Math.abs(x - y) <= limit;

/** Puts back the elements that were put in elsewhere: each to the gap whose parent's value is nearest. */
export function fillFromParent(origin, out, parent) {
  const filled = new Uint8Array(parent.length);
  for (const a of origin) if (a >= 0) filled[a] = 1;
  const byValue = (of) => (x, y) => of[x] - of[y];
  const put = [...origin.keys()].filter((i) => origin[i] < 0).sort(byValue(out));
  const gaps = [...filled.keys()].filter((a) => filled[a] === 0).sort(byValue(parent));
  // both lists hold the same elements, up to what tuning changed
  put.forEach((i, k) => {
    if (k < gaps.length) origin[i] = gaps[k];
  });
}
