import type { Command } from 'commander';
import {
  type ChainClient,
  formatOutpoint,
  hashToId,
  networkParameters,
  type Outpoint,
  type TokenPlace,
  tokenEvents,
} from '../chain/index.js';
import { type NftFacts, type NftMoney, nftFacts, nftMoney, readRegistry } from '../reward/index.js';
import { action } from './shared/action.js';
import { type CategoryView, categoryJson, categoryText } from './shared/category-view.js';
import { nftName, noToken } from './shared/nft-name.js';
import { nftVerb } from './shared/nft-spend.js';
import { factRows, factsJson, flawLines } from './shared/nft-view.js';
import { nodeClient } from './shared/wallet.js';

/** Most outputs of a category that are asked for. */
const LIST_LIMIT = 1_000;
/** Latest events of a category that are shown. */
const HISTORY_LIMIT = 100;

/** The NFT in an output, spent or not, with what spent it. */
async function placeAt(
  client: ChainClient,
  outpoint: Outpoint,
): Promise<{ place: TokenPlace; spentBy: string | undefined }> {
  const known = await client.transaction(hashToId(outpoint.hash));
  const output = known?.transaction.outputs[outpoint.index];
  if (!output?.token?.nft) throw noToken(formatOutpoint(outpoint));
  const { lockingScript, token } = output;
  const spentBy = (await client.spender(outpoint))?.txid;
  return { place: { outpoint, lockingScript, token }, spentBy };
}

async function viewOf(client: ChainClient, text: string): Promise<CategoryView> {
  const name = await nftName(client, text);
  const at = 'outpoint' in name ? await placeAt(client, name.outpoint) : undefined;
  const category = 'category' in name ? name.category : at!.place.token.category;
  const info = await client.tokenCategory(category, HISTORY_LIMIT);
  if (!info) throw noToken(text);
  const nfts = (await client.tokens(category, LIST_LIMIT)).flatMap(({ outpoint, output }) =>
    output.token?.nft
      ? [{ outpoint, lockingScript: output.lockingScript, token: output.token }]
      : [],
  );
  const only = nfts.length === 1 ? nfts[0] : undefined;
  return {
    category,
    nft: at?.place ?? only,
    spentBy: at?.spentBy,
    nfts,
    amount: info.amount,
    history: await tokenEvents(client, category, info, HISTORY_LIMIT),
  };
}

/** What an unspent NFT is and brings; nothing is asked of one that commits to no model and is not on offer. */
async function earningsOf(
  client: ChainClient,
  { nft, spentBy }: CategoryView,
): Promise<{ facts: NftFacts; money: NftMoney | undefined } | undefined> {
  if (!nft || spentBy !== undefined) return undefined;
  const { outpoint, lockingScript, token } = nft;
  const output = { value: 0n, lockingScript, token };
  const registry = await readRegistry(client);
  const coin = { outpoint, output, height: 0, coinbase: false };
  const facts = await nftFacts(client, registry, coin);
  if (!facts.model && !facts.offer) return undefined;
  return { facts, money: await nftMoney(client, registry, facts) };
}

const show = action(async ([text], { settings, terminal }) => {
  const parameters = networkParameters(settings.network);
  const client = nodeClient(settings);
  const view = await viewOf(client, text!);
  const earnings = await earningsOf(client, view);
  const brief = view.nfts.map(({ outpoint }) => formatOutpoint(outpoint)).join('\n');
  const json = earnings && { earns: factsJson(earnings.facts, earnings.money, parameters) };
  const rows = earnings && factRows(earnings.facts, earnings.money, parameters);
  const lines = [
    categoryText(view, parameters, rows),
    ...(earnings ? flawLines(earnings.facts) : []),
  ];
  terminal.result({ ...categoryJson(view, parameters), ...json }, lines.join('\n'), brief);
});

/** Adds `nft show`. */
export function registerShow(nft: Command): void {
  const says =
    'who holds an NFT, what it commits to and brings, whether it is on offer, and all that happened';
  nftVerb(nft, 'show', says, 'show 5f0c…e1')
    .argument('<nft>', 'a category, an output (TXID:VOUT), or a model')
    .action(show);
}
