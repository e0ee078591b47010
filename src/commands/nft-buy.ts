import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import {
  addressScript,
  formatOutpoint,
  hashToId,
  mintedAt,
  networkParameters,
} from '../chain/index.js';
import {
  type NftFacts,
  type NftOffer,
  nftFacts,
  nftMoney,
  planBuy,
  readRegistry,
  sendBuy,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { nftCoin } from './shared/nft-name.js';
import { nftVerb, type SpendOptions, spending } from './shared/nft-spend.js';
import { factsJson, factsText } from './shared/nft-view.js';
import { nodeClient, openWallet } from './shared/wallet.js';

interface BuyOptions extends SpendOptions {
  readonly maxPrice?: string;
  readonly to?: string;
  readonly anyway?: boolean;
}

/** Output of a purchase that is the NFT. */
const BOUGHT_AT = 2;

function refuse(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notAllowed });
}

/** The offer, unless something speaks against it. */
function soundOffer({ offer, flaws }: NftFacts, { maxPrice, anyway }: BuyOptions): NftOffer {
  if (!offer) {
    throw new BitmodelError('NOT_OFFERED', 'This NFT is not on offer now.', {
      next: 'See what is: bitmodel nft offers',
      exitCode: EXIT.notFound,
    });
  }
  if (maxPrice !== undefined && offer.price > parseAmount(maxPrice)) {
    throw refuse(
      'PRICE_ABOVE_LIMIT',
      `It costs ${formatAmount(offer.price)}, more than the limit of ${formatAmount(parseAmount(maxPrice))}.`,
      'Raise --max-price, or leave it',
    );
  }
  const [first] = flaws;
  if (!first || anyway) return offer;
  throw refuse(
    'UNSOUND_OFFER',
    first.text,
    'See all of it with bitmodel nft show; pass --anyway if you mean it',
  );
}

const buy = action<BuyOptions>(async ([name], { options, settings, terminal, signal }) => {
  const parameters = networkParameters(settings.network);
  const client = nodeClient(settings);
  const coin = await nftCoin(client, name!);
  const registry = await readRegistry(client);
  const facts = await nftFacts(client, registry, coin);
  const offer = soundOffer(facts, options);
  const money = await nftMoney(client, registry, facts);
  const wallet = await openWallet(client, settings, options, signal);
  const holder = options.to ?? wallet.addresses[0]!;
  const plan = await planBuy(client, wallet, facts, addressScript(holder, parameters));
  const fee = formatAmount(plan.fee);
  const text = factsText(facts, money, parameters);
  const json = { ...factsJson(facts, money, parameters), holder, fee };
  const category = hashToId(coin.output.token!.category);
  if (options.dryRun) {
    wallet.release(plan.transaction);
    terminal.note(`Nothing was sent. The fee would be ${fee}.`);
    terminal.result(json, text, category);
    return;
  }
  for (const line of text.split('\n')) terminal.note(line);
  try {
    await terminal.confirm(`Buy it for ${formatAmount(offer.price)} coins and a fee of ${fee}?`);
  } catch (thrown) {
    wallet.release(plan.transaction);
    throw thrown;
  }
  const sent = await sendBuy(client, wallet, plan);
  const outpoint = formatOutpoint(mintedAt(sent, BOUGHT_AT));
  const said = `bought for ${formatAmount(offer.price)} and a fee of ${fee}\noutput ${outpoint}`;
  terminal.result({ ...json, outpoint, txid: sent.txid }, said, outpoint);
});

/** Adds `nft buy`. */
export function registerBuy(nft: Command): void {
  const says =
    'buy an NFT that is on offer; shows what it brings, and asks before it pays. What waits for its holder goes along';
  spending(nftVerb(nft, 'buy', says, 'buy 5f0c…e1 --max-price 10 --key ben'), 'the key that pays')
    .argument('<nft>', 'its category, the output it lies in (TXID:VOUT), or its model')
    .option('--max-price <coins>', 'pay no more than this')
    .option('--to <address>', 'who gets it (default: the key)')
    .option('--anyway', 'buy it although something speaks against it')
    .action(buy);
}
