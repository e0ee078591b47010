import type { SourceDeclaration } from '#src/reward/index.js';

/** A rational number, never reduced: slow, and exact. */
class Rational {
  readonly n: bigint;
  readonly d: bigint;
  constructor(n: bigint, d = 1n) {
    this.n = d < 0n ? -n : n;
    this.d = d < 0n ? -d : d;
  }
  plus(o: Rational): Rational {
    return new Rational(this.n * o.d + o.n * this.d, this.d * o.d).reduced();
  }
  minus(o: Rational): Rational {
    return this.plus(new Rational(-o.n, o.d));
  }
  times(o: Rational): Rational {
    return new Rational(this.n * o.n, this.d * o.d).reduced();
  }
  over(o: Rational): Rational {
    return new Rational(this.n * o.d, this.d * o.n).reduced();
  }
  floor(): bigint {
    return this.n / this.d;
  }
  private reduced(): Rational {
    let [a, b] = [this.n < 0n ? -this.n : this.n, this.d];
    while (b > 0n) [a, b] = [b, a % b];
    return new Rational(this.n / a, this.d / a);
  }
}

const ZERO = new Rational(0n);
const ONE = new Rational(1n);

/** Gauss-Jordan elimination with any nonzero pivot; undefined when the matrix is singular. */
function gauss(a: Rational[][], b: Rational[]): Rational[] | undefined {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    const p = a.findIndex((row, i) => i >= k && row[k]!.n !== 0n);
    if (p < 0) return undefined;
    [a[k], a[p]] = [a[p]!, a[k]!];
    [b[k], b[p]] = [b[p]!, b[k]!];
    for (let i = 0; i < n; i++) {
      if (i === k || a[i]![k]!.n === 0n) continue;
      const factor = a[i]![k]!.over(a[k]![k]!);
      for (let j = k; j < n; j++) a[i]![j] = a[i]![j]!.minus(factor.times(a[k]![j]!));
      b[i] = b[i]!.minus(factor.times(b[k]!));
    }
  }
  return b.map((v, i) => v.over(a[i]![i]!));
}

type Weights = Map<string, Map<string, bigint>>;

function weightsOf(sources: readonly SourceDeclaration[]): Weights {
  return new Map(
    sources.map((s) => [
      s.id,
      new Map(s.parents.filter((p) => p.ppm > 0).map((p) => [p.id, BigInt(p.ppm)])),
    ]),
  );
}

function reachable(weights: Weights, from: string): Set<string> {
  const seen = new Set<string>();
  const visit = (id: string): void => {
    for (const parent of weights.get(id)!.keys()) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      visit(parent);
    }
  };
  visit(from);
  return seen;
}

/** Own share of a source: the whole less all it gives away. */
const own = (weights: Weights, id: string): bigint =>
  1_000_000n - [...weights.get(id)!.values()].reduce((a, b) => a + b, 0n);

/**
 * The flows without any rounding, by solving the whole graph at once; undefined when money is trapped somewhere.
 * Only for graphs in which no component is closed.
 */
export function exactShares(
  sources: readonly SourceDeclaration[],
  demand: ReadonlyMap<string, bigint>,
): Map<string, number> | undefined {
  const weights = weightsOf(sources);
  const ids = [...weights.keys()];
  const million = new Rational(1_000_000n);
  const matrix = ids.map((to) =>
    ids.map((from) =>
      (to === from ? ONE : ZERO).minus(
        new Rational(weights.get(from)!.get(to) ?? 0n).over(million),
      ),
    ),
  );
  const flow = gauss(
    matrix,
    ids.map((id) => new Rational(demand.get(id) ?? 0n)),
  );
  if (!flow) return undefined;
  return new Map(
    ids.map((id, i) => {
      const share = flow[i]!.times(new Rational(own(weights, id), 1_000_000n));
      return [id, Number((share.n * 1_000_000n) / share.d) / 1e6];
    }),
  );
}

/**
 * The payout by its definition, slowly: components by mutual reachability, each taken once all that pay into it are
 * done, solved by rationals, rounded by largest remainder with ties by id.
 * @returns base units by id, or the ids of the component that can't be paid
 */
export function slowPayout(
  sources: readonly SourceDeclaration[],
  demand: ReadonlyMap<string, bigint>,
): Map<string, bigint> | { readonly closed: string[] } {
  const weights = weightsOf(sources);
  const reach = new Map([...weights.keys()].map((id) => [id, reachable(weights, id)]));
  const together = (a: string, b: string): boolean =>
    a === b || (reach.get(a)!.has(b) && reach.get(b)!.has(a));
  const inflow = new Map([...weights.keys()].map((id) => [id, demand.get(id) ?? 0n]));
  const paid = new Map<string, bigint>();
  const left = new Set(weights.keys());
  while (left.size > 0) {
    const first = [...left].find((id) =>
      [...left].every((other) => together(id, other) || !reach.get(other)!.has(id)),
    )!;
    const members = [...left].filter((id) => together(first, id)).sort();
    for (const id of members) left.delete(id);
    const claims = divide(weights, members, inflow, reach.get(first)!.has(first));
    if (!claims) return { closed: members };
    for (const [id, units] of claims) {
      if (members.includes(id)) paid.set(id, units);
      else inflow.set(id, inflow.get(id)! + units);
    }
  }
  return paid;
}

function divide(
  weights: Weights,
  members: readonly string[],
  inflow: ReadonlyMap<string, bigint>,
  cyclic: boolean,
): Map<string, bigint> | undefined {
  const total = members.reduce((sum, id) => sum + inflow.get(id)!, 0n);
  if (total === 0n) return new Map();
  return cyclic
    ? divideCircle(weights, members, inflow, total)
    : divideAlone(weights, members[0]!, total);
}

function divideAlone(weights: Weights, id: string, total: bigint): Map<string, bigint> {
  const parents = [...weights.get(id)!].sort(([a], [b]) => (a < b ? -1 : 1));
  const claims = new Map(parents.map(([to, w]) => [to, (total * w) / 1_000_000n]));
  const given = [...claims.values()].reduce((a, b) => a + b, 0n);
  const taker = own(weights, id) > 0n ? id : parents.at(-1)![0];
  claims.set(taker, (claims.get(taker) ?? 0n) + total - given);
  return claims;
}

function divideCircle(
  weights: Weights,
  members: readonly string[],
  inflow: ReadonlyMap<string, bigint>,
  total: bigint,
): Map<string, bigint> | undefined {
  const million = new Rational(1_000_000n);
  const matrix = members.map((to) =>
    members.map((from) =>
      (to === from ? ONE : ZERO).minus(
        new Rational(weights.get(from)!.get(to) ?? 0n).over(million),
      ),
    ),
  );
  const flow = gauss(
    matrix,
    members.map((id) => new Rational(inflow.get(id)!)),
  );
  if (!flow) return undefined;
  const claims = new Map<string, Rational>();
  members.forEach((id, i) => {
    claims.set(id, flow[i]!.times(new Rational(own(weights, id), 1_000_000n)));
    for (const [to, w] of weights.get(id)!) {
      if (members.includes(to)) continue;
      const passed = flow[i]!.times(new Rational(w, 1_000_000n));
      claims.set(to, (claims.get(to) ?? ZERO).plus(passed));
    }
  });
  const rounded = new Map([...claims].map(([id, share]) => [id, share.floor()]));
  const over = total - [...rounded.values()].reduce((a, b) => a + b, 0n);
  const remainder = (id: string): Rational => claims.get(id)!.minus(new Rational(rounded.get(id)!));
  const order = [...claims.keys()].sort((a, b) => {
    const difference = remainder(b).minus(remainder(a)).n;
    return difference === 0n ? (a < b ? -1 : 1) : difference > 0n ? 1 : -1;
  });
  const winners = order.slice(0, Number(over));
  for (const id of winners) rounded.set(id, rounded.get(id)! + 1n);
  return rounded;
}
