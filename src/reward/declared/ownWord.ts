import { mapConcurrently } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { nftBehind } from '../contracts/holder.js';
import type { Claim } from './claims.js';
import { spendsNft } from './nftWord.js';
import { pinEvents } from './pinEvents.js';
import type { Registry } from './registry.js';

/** The claim that counts for a source. */
function claimInForce({ byId, claims }: Registry, id: string): Claim | undefined {
  const pin = byId.get(id)?.pin.id;
  return claims.get(id)?.find((claim) => claim.pin.id === pin);
}

/** Who held a claim's pin when it was made to say what it says; who made the pin, where it has said so since. */
async function authorOf(
  client: ChainClient,
  { pin, versions }: Claim,
  atHeight: number,
): Promise<string | undefined> {
  const { txid } = versions.at(-1)!;
  if (txid === pin.txid) return pin.creator;
  let holder: string | undefined;
  for await (const event of pinEvents(client, pin, atHeight)) {
    if (event.txid === txid) return holder;
    holder = event.owner;
  }
  return undefined;
}

/**
 * Whether what a claim says now is the word of whoever holds its pin. Anybody can make a pin that lies with somebody else, so
 * the version in force must be made from the holder's coin; where an NFT holds the pin, in a transaction that spends the NFT.
 */
async function isHoldersWord(client: ChainClient, claim: Claim, atHeight: number) {
  const nft = nftBehind(claim.pin.owner);
  if (nft !== undefined) return spendsNft(client, claim.versions.at(-1)!.txid, nft);
  return (await authorOf(client, claim, atHeight)) === claim.pin.owner;
}

/** Whether any version of any claim to a source names a parent whose pin has the same holder. */
function namesOwn({ byId, claims }: Registry, id: string): boolean {
  const holder = byId.get(id)?.pin.owner;
  if (holder === undefined) return false;
  const isOwn = (parent: { id: string }) => byId.get(parent.id)?.pin.owner === holder;
  return claims.get(id)!.some(({ versions }) =>
    versions.some(({ declaration }) => {
      const { parents, uses = [] } = declaration;
      return parents.some(isOwn) || uses.some(isOwn);
    }),
  );
}

/**
 * The sources that name a parent of their own holder's, and that their holder itself made say what they say. Nothing is read
 * for a pin that says what its creator made it with; of one that was changed its history, and two transactions where an NFT holds it.
 * @param about only of these; of all unless stated
 * @returns their ids
 */
export async function readOwnWords(
  client: ChainClient,
  registry: Registry,
  about: ReadonlySet<string> | undefined,
): Promise<Set<string>> {
  const ids = [...(about ?? registry.byId.keys())].filter((id) => namesOwn(registry, id));
  const words = await mapConcurrently(ids, async (id) => {
    const claim = claimInForce(registry, id);
    return claim !== undefined && (await isHoldersWord(client, claim, registry.height));
  });
  return new Set(ids.filter((_id, i) => words[i]));
}
