/**
 * Classes of margins, in units of the tolerance τ: 0 for no margin above zero; 1 for up to τ/64; each next one reaches twice
 * as far, 7 up to τ itself; 8 for what lies above τ or what the sampling excludes, which no honest seller shows.
 */
export const MARGIN_CLASSES = 9;
/** The class that no honest seller shows. */
export const BEYOND = MARGIN_CLASSES - 1;
/** The largest class within τ. */
const WITHIN = BEYOND - 1;

/**
 * The class of a margin.
 * @param margin in units of the logits; undefined where the sampling excludes the token
 * @param tau tolerance, above 0, in units of the logits
 */
export function marginClass(margin: number | undefined, tau: number): number {
  if (margin === undefined || margin > tau) return BEYOND;
  if (!(margin > 0)) return 0;
  let reach = tau;
  for (let each = WITHIN; each > 1; each--) {
    reach /= 2;
    if (margin > reach) return each;
  }
  return 1;
}

/** How many of some margins fall into each class. */
export function countClasses(margins: Iterable<number | undefined>, tau: number): number[] {
  const counts = new Array<number>(MARGIN_CLASSES).fill(0);
  for (const margin of margins) {
    const each = marginClass(margin, tau);
    counts[each] = counts[each]! + 1;
  }
  return counts;
}
