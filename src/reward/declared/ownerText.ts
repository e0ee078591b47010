import { type AddressParameters, hashToId, holderText } from '../../chain/index.js';
import { parseHolderScript } from '../contracts/holder.js';

/** How whoever holds an NFT is named, before its category. */
export const NFT_HOLDER = 'holder of NFT ';

/** Whom a script pays, as graphs name owners: an address, whoever holds an NFT, or a script in hex. */
export function ownerText(script: Uint8Array, params: AddressParameters): string {
  const holder = parseHolderScript(script);
  return holder ? `${NFT_HOLDER}${hashToId(holder.category)}` : holderText(script, params);
}
