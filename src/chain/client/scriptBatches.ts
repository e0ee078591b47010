import { toHex } from '../../base/index.js';
import type { Utxo } from './ChainClient.js';
import { type CoinsOf, coinPages } from './coinPages.js';
import type { RpcClient } from './RpcClient.js';

/** Scripts in one call, half of what the node takes, and hexadecimal digits of them, well below the longest call. */
const MOST_SCRIPTS = 500;
const MOST_DIGITS = 8_000_000;

/** Scripts as hexadecimal digits, each once, in as many lists as the node must be asked for. */
export function scriptBatches(scripts: readonly Uint8Array[]): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let digits = 0;
  for (const hex of new Set(scripts.map(toHex))) {
    const isLong = digits + hex.length > MOST_DIGITS;
    if (batch.length === MOST_SCRIPTS || (batch.length > 0 && isLong)) {
      batches.push(batch);
      [batch, digits] = [[], 0];
    }
    batch.push(hex);
    digits += hex.length;
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

/** Whose coins or history is asked for: of addresses, or of locking scripts that are none, any number of them. */
export type Holders =
  | { readonly addresses: readonly string[] }
  | { readonly scripts: readonly Uint8Array[] };

/** Addresses or scripts, each once, as they are named in as many calls as it takes. */
export function batchesOf(holders: Holders): CoinsOf[] {
  if ('scripts' in holders) return scriptBatches(holders.scripts).map((scripts) => ({ scripts }));
  const unique = [...new Set(holders.addresses)];
  return Array.from({ length: Math.ceil(unique.length / MOST_SCRIPTS) }, (_, index) => ({
    addresses: unique.slice(index * MOST_SCRIPTS, (index + 1) * MOST_SCRIPTS),
  }));
}

/** Of each script the coins worth most, at most so many, those worth most first within what is asked for at once. */
export async function largestOf(
  rpc: RpcClient,
  scripts: readonly Uint8Array[],
  most: number,
): Promise<Utxo[]> {
  const found: Utxo[] = [];
  for (const batch of scriptBatches(scripts)) {
    const left = new Map(batch.map((script) => [script, most]));
    // a script of which enough is known is asked for no longer, whatever dust lies there
    for await (const page of coinPages(rpc, () => ({ scripts: [...left.keys()] }))) {
      for (const coin of page) {
        const script = toHex(coin.output.lockingScript);
        const room = left.get(script);
        if (room === undefined) continue;
        found.push(coin);
        if (room > 1) left.set(script, room - 1);
        else left.delete(script);
      }
      if (left.size === 0) break;
    }
  }
  return found;
}
