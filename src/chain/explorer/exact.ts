import { formatAmount } from '../../base/index.js';
import type { RpcClient } from '../client/RpcClient.js';
import { amountOf } from '../wire/amount.js';
import { JsonNumber, parseJson } from '../wire/parseJson.js';

/** How many questions are on their way to the node at once. */
const AT_ONCE = 16;

/** Calls a method whose answer holds amounts: fractions come as `JsonNumber`, never as doubles. */
export async function callExact<T>(
  rpc: RpcClient,
  method: string,
  ...params: unknown[]
): Promise<T> {
  return parseJson(await rpc.callText(method, params)) as T;
}

/** Decimal coins, as our JSON writes them, of an amount that the node gave. */
export function coinsOf(amount: unknown): string {
  return formatAmount(amountOf(amount));
}

/** Base units that the node gave as a whole JSON number, however great. */
export function unitsOf(amount: unknown): bigint {
  return BigInt(amount instanceof JsonNumber ? amount.text : (amount as number));
}

/** Decimal coins of base units with their sign, such as `+1.50000000`. */
export function signedCoins(units: bigint): string {
  return units > 0n ? `+${formatAmount(units)}` : formatAmount(units);
}

/** What each item leads to, in order; a few at a time. */
export async function mapFew<T, R>(
  items: readonly T[],
  ask: (item: T) => Promise<R>,
): Promise<R[]> {
  const found: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    found.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(ask))));
  }
  return found;
}
