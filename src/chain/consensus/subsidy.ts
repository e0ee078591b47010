import type { NetworkParameters } from './parameters.js';

/** Base units that the coinbase of this height may make beside the fees; the genesis block makes none. */
export function subsidyAt(
  height: number,
  parameters: Pick<NetworkParameters, 'subsidy' | 'halvingInterval'>,
): bigint {
  if (height === 0) return 0n;
  const halvings = Math.floor(height / parameters.halvingInterval);
  return halvings >= 64 ? 0n : parameters.subsidy >> BigInt(halvings);
}
