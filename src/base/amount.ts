import { BitmodelError, EXIT } from './errors.js';

/** Base units in one coin. */
export const COIN = 100_000_000n;

const DECIMAL = /^(\d{1,12})(?:\.(\d{1,8}))?$/;

/**
 * Base units of a decimal amount of coins ("1.5" → 150000000n).
 * @throws BitmodelError `BAD_AMOUNT` for anything but up to 12 digits with up to 8 decimals
 */
export function parseAmount(text: string): bigint {
  const match = DECIMAL.exec(text.trim());
  if (!match) {
    throw new BitmodelError('BAD_AMOUNT', `"${text.slice(0, 40)}" is not an amount of coins.`, {
      next: 'Write it as a decimal with at most 8 places, such as 1.5',
      exitCode: EXIT.usage,
    });
  }
  return BigInt(match[1]!) * COIN + BigInt((match[2] ?? '').padEnd(8, '0'));
}

/** Decimal coins with eight places ("1.50000000"); negative amounts keep their sign. */
export function formatAmount(units: bigint): string {
  const sign = units < 0n ? '-' : '';
  const magnitude = units < 0n ? -units : units;
  return `${sign}${magnitude / COIN}.${(magnitude % COIN).toString().padStart(8, '0')}`;
}
