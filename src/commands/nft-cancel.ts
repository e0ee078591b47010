import type { Command } from 'commander';
import { formatAmount } from '../base/index.js';
import { formatOutpoint, hashToId, mintedAt, networkParameters } from '../chain/index.js';
import { cancelOffer, sellerScript } from '../reward/index.js';
import { action } from './shared/action.js';
import { nftCoin } from './shared/nft-name.js';
import {
  nftVerb,
  openSigningWallet,
  type SpendOptions,
  sellingKey,
  spending,
} from './shared/nft-spend.js';
import { holderOf } from './shared/token-view.js';
import { nodeClient } from './shared/wallet.js';

const cancel = action<SpendOptions>(async ([name], { options, settings, terminal, signal }) => {
  const client = nodeClient(settings);
  const coin = await nftCoin(client, name!);
  const to = sellerScript(coin);
  const signing = await openSigningWallet(client, settings, options, signal);
  const key = sellingKey(signing, to);
  const category = hashToId(coin.output.token!.category);
  const holder = holderOf(to, networkParameters(settings.network));
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result({ category, holder }, `NFT ${category} back to ${holder}`, category);
    return;
  }
  const sent = await cancelOffer(client, signing.wallet, coin, key.privateKey, to);
  const outpoint = formatOutpoint(mintedAt(sent, 0));
  const json = { category, holder, outpoint, txid: sent.txid, fee: formatAmount(sent.fee) };
  terminal.result(json, `NFT ${category} back to ${holder}\noutput ${outpoint}`, outpoint);
});

/** Adds `nft cancel`. */
export function registerCancel(nft: Command): void {
  const says = 'take an NFT back out of its offer';
  spending(nftVerb(nft, 'cancel', says, 'cancel 5f0c…e1 --key ann'), 'the key that offered it')
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .action(cancel);
}
