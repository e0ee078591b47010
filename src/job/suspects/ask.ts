import { BitmodelError, fromHex } from '../../base/index.js';
import type { ChainClient, NetworkParameters } from '../../chain/index.js';
import { MOST_ASKED } from './methods.js';
import { identityOf, type Suspicion } from './suspicion.js';

/** The node that is asked. */
type Node = { readonly rpc: Pick<ChainClient['rpc'], 'call'> };

/** What of a suspicion is shown beside a name. */
export type Suspect = Pick<Suspicion, 'txid' | 'height' | 'jobId' | 'as'>;

/** Errors of nodes that can't know who is suspect: light ones, and such as are older than this method. */
const UNKNOWING = ['LIGHT_NODE', 'UNKNOWN_METHOD'];

/**
 * The first thing that is held against each of some identities, by the text that they were asked by; those without
 * anything are absent.
 * @param who addresses or MetaIDs
 * @returns undefined where the node can't know
 * @throws RpcError
 */
export async function suspectsAmong(
  { rpc }: Node,
  who: readonly string[],
): Promise<ReadonlyMap<string, Suspect> | undefined> {
  const found = new Map<string, Suspect>();
  const different = [...new Set(who)];
  try {
    for (let start = 0; start < different.length; start += MOST_ASKED) {
      const of = different.slice(start, start + MOST_ASKED);
      const { suspects } = await rpc.call<{ suspects: Suspicion[] }>('listsuspects', { of });
      for (const { address, metaId, as, txid, height, jobId } of suspects) {
        for (const name of [address, metaId]) {
          if (!found.has(name)) found.set(name, { as, txid, height, jobId });
        }
      }
    }
  } catch (thrown) {
    if (thrown instanceof BitmodelError && UNKNOWING.includes(thrown.code)) return undefined;
    throw thrown;
  }
  return found;
}

/** As {@link suspectsAmong}, of public keys in hex, and by them. */
export async function suspectKeys(
  node: Node,
  publicKeys: readonly string[],
  params: NetworkParameters,
): Promise<ReadonlyMap<string, Suspect> | undefined> {
  const keys = [...new Set(publicKeys)];
  const addresses = keys.map((key) => identityOf(fromHex(key), params).address);
  const found = keys.length === 0 ? new Map() : await suspectsAmong(node, addresses);
  if (!found) return undefined;
  return new Map(
    keys.flatMap((key, index) => {
      const suspect = found.get(addresses[index]!);
      return suspect ? [[key, suspect] as const] : [];
    }),
  );
}
