import type { Command } from 'commander';
import { BitmodelError, formatAmount } from '../base/index.js';
import { formatOutpoint, networkParameters } from '../chain/index.js';
import {
  formatFee,
  formatWeight,
  modelNfts,
  type NftFacts,
  type NftMoney,
  nftMoney,
  orItsError,
  readRegistry,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { wrapped } from './shared/fact-lines.js';
import { nftVerb } from './shared/nft-spend.js';
import { factsJson } from './shared/nft-view.js';
import { nodeClient } from './shared/wallet.js';

const offers = action(async (_args, { settings, terminal }) => {
  const parameters = networkParameters(settings.network);
  const client = nodeClient(settings);
  const registry = await readRegistry(client);
  const listed = await modelNfts(client, registry, true);
  const unread = [...listed.unread];
  const found: { facts: NftFacts; money: NftMoney | undefined }[] = [];
  for (const facts of listed.found) {
    const money = await orItsError(client, () => nftMoney(client, registry, facts));
    if (money instanceof BitmodelError) unread.push({ model: facts.model!, error: money });
    else found.push({ facts, money });
  }
  for (const { model, error } of unread) {
    terminal.warn(`${model.name} is left out, as its NFT can't be looked at: ${error.message}`);
  }
  const lines = found.flatMap(({ facts: { model, offer, coin, flaws }, money }) => [
    formatOutpoint(coin.outpoint),
    ...wrapped(`${model!.name}: ${formatAmount(offer!.price)}`),
    ...wrapped(`royalty ${formatWeight(offer!.royaltyPpm)}, fee ${formatFee(model!)}`),
    ...wrapped(`earned ${formatAmount(money!.income)}, waiting ${formatAmount(money!.waiting)}`),
    ...flaws.flatMap(({ text }) => wrapped(`! ${text}`)),
  ]);
  terminal.result(
    {
      offers: found.map(({ facts, money }) => factsJson(facts, money, parameters)),
      unread: unread.map(({ model: { id }, error: { code, message } }) => ({
        model: id,
        code,
        reason: message,
      })),
    },
    lines.length === 0 ? 'No NFT of a published model is on offer.' : lines.join('\n'),
    found.map(({ facts }) => formatOutpoint(facts.coin.outpoint)).join('\n'),
  );
});

/** Adds `nft offers`. */
export function registerOffers(nft: Command): void {
  nftVerb(nft, 'offers', 'NFTs of published models that are on offer', 'offers').action(offers);
}
