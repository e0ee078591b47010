import { toHex } from '../../base/index.js';
import {
  formatOutpoint,
  hashToId,
  type NetworkParameters,
  type OutputToken,
  scriptAddress,
  type TokenEvent,
  type TokenPlace,
  tokenView,
} from '../../chain/index.js';
import { factTable, listTable } from './tables.js';

/** Bytes of a model's id. */
const MODEL_ID = 32;
/** Most NFTs that are shown to people. */
const SHOWN = 20;

/** The model that an NFT commits to: a commitment as long as a model's id is one. */
export function committedModel({ nft }: OutputToken): string | undefined {
  return nft?.commitment.length === MODEL_ID ? toHex(nft.commitment) : undefined;
}

/** Who holds what a locking script locks: an address, or the script itself. */
export function holderOf(lockingScript: Uint8Array, parameters: NetworkParameters): string {
  return scriptAddress(lockingScript, parameters) ?? `script ${toHex(lockingScript)}`;
}

function commitmentText({ nft }: OutputToken): string {
  return nft && nft.commitment.length > 0 ? toHex(nft.commitment) : '(none)';
}

/** A token in one line: amount, capability, commitment. */
export function tokenText({ amount, nft }: OutputToken): string {
  const commitment = nft && nft.commitment.length > 0 ? ` of ${toHex(nft.commitment)}` : '';
  const kind = nft?.capability === 'none' ? 'NFT' : `${nft?.capability} NFT`;
  const parts = [...(nft ? [`${kind}${commitment}`] : []), ...(amount > 0n ? [`${amount}`] : [])];
  return parts.join(' and ');
}

/** A token where it lies, as JSON. */
export function placeJson(place: TokenPlace, parameters: NetworkParameters): object {
  const { outpoint, lockingScript, token } = place;
  const modelId = committedModel(token);
  return {
    outpoint: formatOutpoint(outpoint),
    holder: holderOf(lockingScript, parameters),
    ...tokenView(token),
    ...(modelId === undefined ? {} : { modelId }),
  };
}

/** What is shown of a category. */
export interface CategoryView {
  readonly category: Uint8Array;
  /** The NFT asked for, or the only one there is. */
  readonly nft: TokenPlace | undefined;
  /** Printed id of the transaction that spent it. */
  readonly spentBy: string | undefined;
  readonly nfts: readonly TokenPlace[];
  /** Fungible amount on the chain. */
  readonly amount: string;
  readonly history: readonly TokenEvent[];
}

/** A category and its NFTs as JSON. */
export function categoryJson(view: CategoryView, parameters: NetworkParameters): object {
  const { category, nft, spentBy, nfts, amount, history } = view;
  return {
    category: hashToId(category),
    ...(nft ? { nft: placeJson(nft, parameters) } : {}),
    ...(spentBy === undefined ? {} : { spentBy }),
    amount,
    nfts: nfts.map((place) => placeJson(place, parameters)),
    history: history.map(({ kind, txid, height, places }) => ({
      kind,
      txid,
      height,
      tokens: places.map((place) => placeJson(place, parameters)),
    })),
  };
}

function eventText(event: TokenEvent, parameters: NetworkParameters): string {
  const where = event.height === 0 ? 'mempool' : `block ${event.height}`;
  const to = event.places.map(
    ({ lockingScript, token }) => `${tokenText(token)} to ${holderOf(lockingScript, parameters)}`,
  );
  const what = to.length === 0 ? 'nothing is left of it' : to.slice(0, SHOWN).join('; ');
  return `${where}  ${event.kind}  ${what}`;
}

/** The same for people. */
export async function categoryText(
  view: CategoryView,
  parameters: NetworkParameters,
): Promise<string> {
  const { category, nft, spentBy, nfts, amount, history } = view;
  const facts = await factTable({
    category: hashToId(category),
    model: nft && committedModel(nft.token),
    commitment: nft && !committedModel(nft.token) ? commitmentText(nft.token) : undefined,
    capability: nft?.token.nft?.capability,
    holder: nft && spentBy === undefined ? holderOf(nft.lockingScript, parameters) : undefined,
    'spent by': spentBy,
    output: nft && formatOutpoint(nft.outpoint),
    NFTs: nfts.length,
    fungible: amount === '0' ? undefined : amount,
  });
  const list =
    nft === undefined && nfts.length > 0
      ? await listTable(
          ['NFT', 'holder', 'output'],
          nfts
            .slice(0, SHOWN)
            .map(({ outpoint, lockingScript, token }) => [
              tokenText(token),
              holderOf(lockingScript, parameters),
              formatOutpoint(outpoint),
            ]),
        )
      : undefined;
  const events = history.map((event) => eventText(event, parameters));
  return [facts, ...(list === undefined ? [] : [list]), ...events].join('\n');
}
