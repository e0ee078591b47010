/** B₂ₖ / (2k)!, the coefficients of Euler and Maclaurin's sum. */
const BERNOULLI = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000];

/** From here on the tail is summed by Euler and Maclaurin's formula. */
const FIRST_SUMMED = 12;

/**
 * Hurwitz's zeta function ζ(s, q) = Σₖ (k + q)⁻ˢ from k = 0 on, to about 14 digits (Euler and Maclaurin's formula).
 * @param s above 1
 * @param q at least 1
 */
export function hurwitzZeta(s: number, q: number): number {
  let sum = 0;
  let from = q;
  for (; from < FIRST_SUMMED; from++) sum += from ** -s;
  const power = from ** -s;
  sum += (power * from) / (s - 1) + power / 2;
  let term = (power * s) / from;
  BERNOULLI.forEach((coefficient, k) => {
    sum += coefficient * term;
    const at = s + 2 * k;
    term *= ((at + 1) * (at + 2)) / (from * from);
  });
  return sum;
}
