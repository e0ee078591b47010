import type { Command } from 'commander';
import { formatAmount, toHex } from '../base/index.js';
import { hashToId, heldNft } from '../chain/index.js';
import {
  feeJson,
  findModel,
  formatFee,
  modelTerms,
  parseFee,
  updateHeldModel,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { noteFee } from './shared/fee-note.js';
import { nftName } from './shared/nft-name.js';
import { badOption, nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import { nodeClient, openWallet } from './shared/wallet.js';

const fee = action<SpendOptions>(async ([name, asked], { options, settings, terminal, signal }) => {
  const fee = parseFee(asked!);
  noteFee(terminal, fee);
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
  const facts = { category: hashToId(category), modelId: model.id, ...feeJson(fee) };
  const before = feeJson(model);
  const text = `${model.name} asks ${formatFee(fee)}, until now ${formatFee(model)}`;
  if (options.dryRun) {
    terminal.note('Nothing was sent.');
    terminal.result({ ...facts, feePpmBefore: before.feePpm, before }, text);
    return;
  }
  const sent = await updateHeldModel(client, wallet, nft, model, { fee });
  terminal.note('It counts for jobs that are made once it is in a block.');
  const json = {
    ...facts,
    feePpmBefore: before.feePpm,
    before,
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
    .argument(
      '<fee>',
      'share of the price of each job (6%), coins for each job (0.01), or both (6%+0.01)',
    )
    .action(fee);
}
