import { BitmodelError, EXIT } from '../../base/index.js';

/** One, in the billionths that chances are counted in: so that what is said about money stays exact. */
export const CERTAIN = 1_000_000_000n;

/** A probability in billionths, 0 to {@link CERTAIN}. */
export type Chance = bigint;

/**
 * The chance that a decimal from 0 to 1 with at most nine places says.
 * @param name what it is, for the error
 * @throws BitmodelError `BAD_CHANCE`
 */
export function parseChance(text: string, name: string): Chance {
  const match = /^([01])(?:\.(\d{1,9}))?$/.exec(text);
  const chance = match
    ? BigInt(match[1]!) * CERTAIN + BigInt((match[2] ?? '').padEnd(9, '0'))
    : -1n;
  if (chance >= 0n && chance <= CERTAIN) return chance;
  throw new BitmodelError('BAD_CHANCE', `${name} can't be "${text.slice(0, 40)}".`, {
    next: 'Pass a decimal from 0 to 1 with at most nine places, such as 0.25',
    exitCode: EXIT.usage,
  });
}

/** As a decimal without zeros at its end. */
export function formatChance(chance: Chance): string {
  const digits = (chance % CERTAIN).toString().padStart(9, '0').replace(/0+$/, '');
  return `${chance / CERTAIN}${digits ? `.${digits}` : ''}`;
}

/** The same as a double, for what is no money. */
export function chanceNumber(chance: Chance): number {
  return Number(chance) / Number(CERTAIN);
}

/** A quotient of whole numbers rounded up; the divisor is above zero. */
export function divideUp(a: bigint, b: bigint): bigint {
  return a > 0n ? (a + b - 1n) / b : a / b;
}

/** A quotient rounded to the nearest, halves away from zero; the divisor is above zero. */
export function divideRound(a: bigint, b: bigint): bigint {
  return a < 0n ? -((-a + b / 2n) / b) : (a + b / 2n) / b;
}
