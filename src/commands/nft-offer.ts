import type { Command } from 'commander';
import { formatAmount, parseAmount } from '../base/index.js';
import {
  formatOutpoint,
  hashToId,
  heldNft,
  mintedAt,
  networkParameters,
  sendNft,
} from '../chain/index.js';
import { nftFacts, nftMoney, parseWeight, planOffer, readRegistry } from '../reward/index.js';
import { action } from './shared/action.js';
import { nftName } from './shared/nft-name.js';
import {
  nftVerb,
  openSigningWallet,
  type SpendOptions,
  sellingKey,
  spending,
} from './shared/nft-spend.js';
import { factsJson, factsText } from './shared/nft-view.js';
import { nodeClient } from './shared/wallet.js';

interface OfferOptions extends SpendOptions {
  readonly price: string;
  readonly royalty?: string;
}

const offer = action<OfferOptions>(async ([name], { options, settings, terminal, signal }) => {
  const parameters = networkParameters(settings.network);
  const price = parseAmount(options.price);
  const royaltyPpm = options.royalty === undefined ? undefined : parseWeight(options.royalty);
  const client = nodeClient(settings);
  const named = await nftName(client, name!);
  const signing = await openSigningWallet(client, settings, options, signal);
  const { wallet } = signing;
  const nft = await heldNft(wallet, named);
  const seller = sellingKey(signing, nft.output.lockingScript).publicKey;
  const draft = { seller, price, ...(royaltyPpm === undefined ? {} : { royaltyPpm }) };
  const plan = await planOffer(client, wallet, nft, draft);
  const registry = await readRegistry(client);
  const output = plan.transaction.outputs[0]!;
  const facts = await nftFacts(client, registry, { ...nft, output });
  const money = await nftMoney(client, registry, facts);
  if (money && money.waiting > 0n) {
    terminal.note(
      `${formatAmount(money.waiting)} waits for its holder: collect it first, or whoever buys it gets that, too.`,
    );
  }
  for (const { text } of facts.flaws) terminal.warn(`buyers are warned: ${text}`);
  const category = hashToId(nft.output.token!.category);
  const fee = formatAmount(plan.fee);
  const text = factsText(facts, money, parameters);
  if (options.dryRun) {
    wallet.release(plan.transaction);
    terminal.note(`Nothing was sent. The fee would be ${fee}.`);
    terminal.result({ ...factsJson(facts, money, parameters), fee }, text, category);
    return;
  }
  const sent = await sendNft(wallet, plan);
  const outpoint = formatOutpoint(mintedAt(sent, 0));
  terminal.note(`Take it back with: bitmodel nft cancel ${outpoint}`);
  const json = { ...factsJson(facts, money, parameters), outpoint, txid: sent.txid, fee };
  terminal.result(json, `${text}\noutput\n  ${outpoint}`, outpoint);
});

/** Adds `nft offer`. */
export function registerOffer(nft: Command): void {
  const says = 'offer an NFT for a price: whoever pays it gets the NFT in the same transaction';
  spending(nftVerb(nft, 'offer', says, 'offer 5f0c…e1 --price 10 --key ann'))
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .requiredOption('--price <coins>', 'what the buyer pays, the royalty out of it')
    .option(
      '--royalty <share>',
      "the author's part (default: what was declared when it was minted)",
    )
    .action(offer);
}
