/** From here on the continued fraction is used. */
const FAR = 2;
const ROOT_PI = Math.sqrt(Math.PI);

/** erf(z) = 2/√π · e^(−z²) Σ 2ⁿ z^(2n+1) / (2n + 1)!!, whose terms are all positive. @param z from 0 to about 3 */
function erfNear(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / ROOT_PI) * Math.exp(-z * z) * sum;
}

/** e^(z²) erfc(z) by its continued fraction, from the inside out. @param z at least 2 */
function erfcScaled(z: number): number {
  let rest = z;
  for (let n = Math.ceil(20 + 320 / (z * z)); n >= 1; n--) rest = z + n / 2 / rest;
  return 1 / (ROOT_PI * rest);
}

/**
 * ln erfc(z), the logarithm of the complementary error function 2/√π ∫ e^(−t²) dt from z on, to about 13 digits. It does
 * not underflow: erfc itself is 0 in doubles from z = 27 on.
 * @param z any number
 */
export function logErfc(z: number): number {
  if (z >= FAR) return Math.log(erfcScaled(z)) - z * z;
  if (z >= 0) return Math.log1p(-erfNear(z));
  if (z > -FAR) return Math.log1p(erfNear(-z));
  return Math.log1p(1 - Math.exp(-z * z) * erfcScaled(-z));
}
