import { toHex } from '../../base/index.js';
import { type NetworkParameters, type OutputToken, scriptAddress } from '../../chain/index.js';

/** Bytes of a model's id. */
const MODEL_ID = 32;

/** The model that an NFT commits to: a commitment as long as a model's id is one. */
export function committedModel({ nft }: OutputToken): string | undefined {
  return nft?.commitment.length === MODEL_ID ? toHex(nft.commitment) : undefined;
}

/** Who holds what a locking script locks: an address, or the script itself. */
export function holderOf(lockingScript: Uint8Array, parameters: NetworkParameters): string {
  return scriptAddress(lockingScript, parameters) ?? `script ${toHex(lockingScript)}`;
}

/** A token in one line: amount, capability, commitment. */
export function tokenText({ amount, nft }: OutputToken): string {
  const commitment = nft && nft.commitment.length > 0 ? ` of ${toHex(nft.commitment)}` : '';
  const kind = nft?.capability === 'none' ? 'NFT' : `${nft?.capability} NFT`;
  const parts = [...(nft ? [`${kind}${commitment}`] : []), ...(amount > 0n ? [`${amount}`] : [])];
  return parts.join(' and ');
}
