import type { Command } from 'commander';
import { formatAmount, toHex } from '../base/index.js';
import { hashToId, heldNft } from '../chain/index.js';
import {
  findModel,
  formatWeight,
  modelTerms,
  parseWeight,
  updateHeldModel,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { nftName } from './shared/nft-name.js';
import { badOption, nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import { nodeClient, openWallet } from './shared/wallet.js';

const fee = action<SpendOptions>(async ([name, share], { options, settings, terminal, signal }) => {
  const feePpm = parseWeight(share!);
  const client = nodeClient(settings);
  const named = await nftName(client, name!);
  const wallet = await openWallet(client, settings, options, signal);
  const nft = await heldNft(wallet, named);
  const { modelId, category } = modelTerms(nft.output);
  const model = await findModel(client, toHex(modelId));
  if (!model) {
    throw badOption(
      'The model that this NFT commits to is not published.',
      'Publish it with: bitmodel model publish MODEL --key NAME',
    );
  }
  const facts = { category: hashToId(category), modelId: model.id, feePpm };
  const text = `${formatWeight(feePpm)} of the price of each job of ${model.name}, until now ${formatWeight(model.feePpm)}`;
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result({ ...facts, feePpmBefore: model.feePpm }, text);
    return;
  }
  const sent = await updateHeldModel(client, wallet, nft, model, { feePpm });
  terminal.note('It counts for jobs that are made once it is in a block.');
  const json = {
    ...facts,
    feePpmBefore: model.feePpm,
    txid: sent.txid,
    fee: formatAmount(sent.fee),
  };
  terminal.result(json, text, sent.txid);
});

/** Adds `nft fee`. */
export function registerFee(nft: Command): void {
  const says = "change a model's fee, which only the holder of its NFT can";
  spending(nftVerb(nft, 'fee', says, 'fee 5f0c…e1 6% --key ann'))
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .argument('<share>', 'share of the price of each job, such as 6%')
    .action(fee);
}
