import { fromHex, sha256, toHex } from '../../base/index.js';
import { networkParameters } from '../../chain/index.js';
import { ModelRegistry, readBundle } from '../../model/index.js';
import { nftBehind, ownerText, parseSplitScript } from '../../reward/index.js';
import type { Settings } from './settings.js';

/** Where a script pays, for people: an address, or that it is a split contract, or for whoever holds an NFT. */
export function destination(script: Uint8Array | undefined, { network }: Settings): string {
  if (!script) return 'not published';
  if (parseSplitScript(script)) return `split contract ${toHex(sha256(script)).slice(0, 16)}…`;
  return ownerText(script, networkParameters(network));
}

/** Who holds a pin, as the node names it: an address, or whoever holds the NFT that a model's fee is bound to. */
export function pinHolder(owner: string | undefined, settings: Settings): string | undefined {
  return nftBehind(owner) ? destination(fromHex(owner!), settings) : owner;
}

/** The id of a source: 64 hexadecimal digits as they are, anything else a model on this machine. */
export function idOf(text: string, { datadir }: Settings): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  return readBundle(new ModelRegistry(datadir).resolve(text)).id;
}
