import { BitmodelError, parseAmount } from '../../base/index.js';
import { JsonNumber } from './parseJson.js';
import { RPC_CODE, RpcError } from './RpcError.js';

/** Largest shift of the decimal point that is taken; no amount needs more. */
const MAX_EXPONENT = 20;

/** The digits of a decimal number, with what stands behind an `e` worked in; undefined for what is no number. */
function withoutExponent(text: string): string | undefined {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const shift = Number(power);
  if (Math.abs(shift) > MAX_EXPONENT) return undefined;
  const digits = `${'0'.repeat(MAX_EXPONENT)}${whole}${fraction}${'0'.repeat(MAX_EXPONENT)}`;
  const point = MAX_EXPONENT + whole.length + shift;
  const decimals = digits.slice(point).replace(/0+$/, '');
  const units = digits.slice(0, point).replace(/^0+(?=\d)/, '');
  return `${sign}${units}${decimals === '' ? '' : `.${decimals}`}`;
}

/**
 * Base units of an amount of coins as RPC takes it: a decimal number or text, never by way of a double.
 * @throws RpcError -3 as Bitcoin Core
 */
export function amountOf(value: unknown): bigint {
  const text =
    value instanceof JsonNumber ? value.text : typeof value === 'number' ? `${value}` : value;
  if (typeof text !== 'string') {
    throw new RpcError(RPC_CODE.type, 'Amount is not a number or string');
  }
  const decimal = withoutExponent(text);
  try {
    if (decimal === undefined) throw new BitmodelError('BAD_AMOUNT', 'Not a decimal number.');
    if (decimal.startsWith('-')) throw new RpcError(RPC_CODE.type, 'Amount out of range');
    return parseAmount(decimal);
  } catch (thrown) {
    if (thrown instanceof RpcError) throw thrown;
    throw new RpcError(RPC_CODE.type, 'Invalid amount', { cause: thrown });
  }
}
