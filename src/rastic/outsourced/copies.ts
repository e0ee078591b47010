import { randomInt } from 'node:crypto';

/** What one neighbour is shown of an output. */
export interface Copy {
  /** The whole output, or a beginning of it. */
  readonly outputIds: readonly number[];
  /** Positions asked about, ascending. */
  readonly positions: readonly number[];
  /** Whether it goes to the end, so that the end can be asked about, too. */
  readonly isWhole: boolean;
  /** The wrong token that stands in it, which only who asks knows. */
  readonly plant?: { readonly position: number; readonly token: number } | undefined;
}

/** How copies of an output are spread over neighbours. */
export interface CopyPlan {
  readonly outputIds: readonly number[];
  /** Positions to be checked, ascending. */
  readonly positions: readonly number[];
  /** How many neighbours are asked. */
  readonly neighbours: number;
  readonly vocabularySize: number;
  /** A whole number from 0 on, below the bound; the machine's own randomness unless stated. */
  readonly random?: (bound: number) => number;
}

/**
 * Tokens that a cut copy always leaves away. The chain shows the hash of each sold output, so whoever sees all of its
 * tokens but a few can find the rest by trying, and with them which token was planted; four are beyond trying.
 */
export const HIDDEN_TOKENS = 4;
/** Shorter outputs are sent whole, with nothing planted: too little would be left to ask about. */
export const LEAST_FOR_PLANTS = 8;

/** As many whole numbers below `bound`, each once, in random order. */
function shuffled(bound: number, random: (bound: number) => number): number[] {
  const order = Array.from({ length: bound }, (_, i) => i);
  for (let i = bound - 1; i > 0; i--) {
    const j = random(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function cutCopy(plan: CopyPlan, random: (bound: number) => number, taken: Set<number>): Copy {
  const { outputIds, positions, vocabularySize } = plan;
  const least = Math.ceil(outputIds.length / 2);
  const length = least + random(outputIds.length - HIDDEN_TOKENS - least + 1);
  const within = positions.filter((position) => position < length);
  // a copy without a position to ask about would say that it is of no use
  const asked = within.length > 0 ? within : [random(length)];
  const shown = outputIds.slice(0, length);
  const free = asked.filter((position) => !taken.has(position));
  const isPlanted = random(2) === 1 && free.length > 0;
  if (!isPlanted) return { outputIds: shown, positions: asked, isWhole: false };
  const position = free[random(free.length)]!;
  taken.add(position);
  // any token but the one that stands there
  const drawn = random(vocabularySize - 1);
  const token = drawn >= shown[position]! ? drawn + 1 : drawn;
  const plant = { position, token };
  return { outputIds: shown.with(position, token), positions: asked, isWhole: false, plant };
}

/**
 * What each of the neighbours is shown: half of them the whole output, the others a beginning of random length, in which
 * one asked token is a wrong one with probability ½. None can tell a planted copy from an honest beginning without
 * computing, and no two are planted at the same position.
 */
export function drawCopies(plan: CopyPlan): Copy[] {
  const random = plan.random ?? randomInt;
  const { outputIds, positions, neighbours } = plan;
  const cuts = outputIds.length < LEAST_FOR_PLANTS ? 0 : Math.floor(neighbours / 2);
  const taken = new Set<number>();
  const order = shuffled(neighbours, random);
  return order.map((place) =>
    place < cuts ? cutCopy(plan, random, taken) : { outputIds, positions, isWhole: true },
  );
}

/**
 * Positions to check: all, or `sample` of them as the paper has it: the first, the last, and random ones between.
 * @returns ascending
 */
export function drawPositions(
  length: number,
  sample?: number,
  random: (bound: number) => number = randomInt,
): number[] {
  const all = Array.from({ length }, (_, i) => i);
  if (sample === undefined || sample >= length) return all;
  const inner = shuffled(Math.max(length - 2, 0), random).map((i) => i + 1);
  const ends = sample === 1 ? [length - 1] : [0, length - 1];
  return [...ends, ...inner.slice(0, sample - ends.length)].sort((a, b) => a - b);
}

/**
 * Bound of the probability that an honest neighbour finds a planted token within the tolerance, and so seems not to have
 * computed: e^(τ/T)/(V − 1), since the expected number of tokens within τ of the best is at most e^(τ/T) under Gumbel
 * noise. At T = 0 there is no noise; it is the number of tokens within τ of the best, of V − 1, taken as one.
 */
export function falsePlantBound(
  vocabularySize: number,
  tau: number,
  temperatureMilli: number,
): number {
  const spread = temperatureMilli === 0 ? 0 : (1000 * tau) / temperatureMilli;
  return Math.min(1, Math.exp(spread) / (vocabularySize - 1));
}
