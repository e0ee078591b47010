import { toHex } from '../../base/index.js';
import {
  formatOutpoint,
  hash160,
  hashToId,
  type NetworkParameters,
  type OutputToken,
  p2pkhScript,
  type TokenEvent,
  type TokenPlace,
  tokenView,
} from '../../chain/index.js';
import { parseHolderScript, parseOffer } from '../../reward/index.js';
import { factLines, wrapped } from './fact-lines.js';
import { committedModel, holderOf, tokenText } from './token-view.js';

/** Most NFTs that are shown to people. */
const SHOWN = 20;

/** Who holds what a locking script locks: as {@link holderOf}, and offers and holder scripts by their names. */
function nameOf(lockingScript: Uint8Array, parameters: NetworkParameters): string {
  const offer = parseOffer(lockingScript);
  if (offer) return `offer by ${holderOf(p2pkhScript(hash160(offer.seller)), parameters)}`;
  const holder = parseHolderScript(lockingScript);
  if (holder) return `holder of NFT ${hashToId(holder.category)}`;
  return holderOf(lockingScript, parameters);
}

function commitmentText({ nft }: OutputToken): string {
  return nft && nft.commitment.length > 0 ? toHex(nft.commitment) : '(none)';
}

/** A token where it lies, as JSON. */
export function placeJson(place: TokenPlace, parameters: NetworkParameters): object {
  const { outpoint, lockingScript, token } = place;
  const modelId = committedModel(token);
  return {
    outpoint: formatOutpoint(outpoint),
    holder: nameOf(lockingScript, parameters),
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
    ({ lockingScript, token }) => `${tokenText(token)} to ${nameOf(lockingScript, parameters)}`,
  );
  const what = to.length === 0 ? ['nothing is left of it'] : to.slice(0, SHOWN);
  return [`${where}  ${event.kind}`, ...what.flatMap((each) => wrapped(each))].join('\n');
}

/** The same for people. @param more rows about the NFT that stand among the others */
export function categoryText(
  view: CategoryView,
  parameters: NetworkParameters,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const { category, nft, spentBy, nfts, amount, history } = view;
  const facts = factLines({
    category: hashToId(category),
    model: nft && committedModel(nft.token),
    commitment: nft && !committedModel(nft.token) ? commitmentText(nft.token) : undefined,
    capability: nft?.token.nft?.capability,
    holder: nft && spentBy === undefined ? nameOf(nft.lockingScript, parameters) : undefined,
    'spent by': spentBy,
    output: nft && formatOutpoint(nft.outpoint),
    ...more,
    NFTs: nfts.length,
    fungible: amount === '0' ? undefined : amount,
  });
  const list =
    nft === undefined
      ? nfts
          .slice(0, SHOWN)
          .flatMap((place) => [
            ...wrapped(tokenText(place.token), ''),
            ...wrapped(`held by ${nameOf(place.lockingScript, parameters)}`),
            ...wrapped(`output ${formatOutpoint(place.outpoint)}`),
          ])
      : [];
  const events = history.map((event) => eventText(event, parameters));
  return [...facts, ...list, ...events].join('\n');
}
