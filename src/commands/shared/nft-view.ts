import { formatAmount, toHex } from '../../base/index.js';
import {
  formatOutpoint,
  hash160,
  hashToId,
  type NetworkParameters,
  p2pkhScript,
  tokenView,
} from '../../chain/index.js';
import {
  feeJson,
  formatFee,
  formatWeight,
  type NftFacts,
  type NftMoney,
  type NftOffer,
  ownPpm,
  PPM,
  royaltyOf,
} from '../../reward/index.js';
import { factLines, wrapped } from './fact-lines.js';
import { holderOf, tokenText } from './token-view.js';

/** An offer as JSON, with what each gets of the price. */
export function offerJson(offer: NftOffer, parameters: NetworkParameters): object {
  const royalty = royaltyOf(offer, offer.price);
  return {
    price: formatAmount(offer.price),
    royaltyPpm: offer.royaltyPpm,
    royalty: formatAmount(royalty),
    seller: sellerOf(offer, parameters),
    ...(offer.authorScript ? { author: holderOf(offer.authorScript, parameters) } : {}),
  };
}

/** Address of whoever made an offer. */
export function sellerOf({ seller }: NftOffer, parameters: NetworkParameters): string {
  return holderOf(p2pkhScript(hash160(seller)), parameters);
}

function moneyJson(money: NftMoney): object {
  return {
    waiting: formatAmount(money.waiting),
    waitingCoins: money.coins,
    unsettled: formatAmount(money.unsettled),
    collected: formatAmount(money.collected),
    income: formatAmount(money.income),
    payments: money.payments,
    isPartial: money.isPartial,
  };
}

/** What an NFT is, brings and costs, as JSON. */
export function factsJson(
  { coin, terms, model, birth, isBound, offer, strays, flaws }: NftFacts,
  money: NftMoney | undefined,
  parameters: NetworkParameters,
): object {
  const author = birth?.royalty;
  return {
    ...tokenView(coin.output.token!),
    outpoint: formatOutpoint(coin.outpoint),
    ...(terms ? { modelId: toHex(terms.modelId) } : {}),
    ...(model ? { model: model.name, ...feeJson(model), ownPpm: ownPpm(model) } : {}),
    isBound,
    ...(author
      ? { author: holderOf(author.author, parameters), royaltyPpm: author.royaltyPpm }
      : {}),
    ...(money ? moneyJson(money) : {}),
    ...(offer ? { offer: offerJson(offer, parameters) } : {}),
    strays,
    flaws,
  };
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
const percent = (ppm: number): string => formatWeight(ppm);

function feeText({ model, isBound }: NftFacts): string | undefined {
  if (!model) return undefined;
  const share = formatFee(model);
  if (!isBound) return `${share}, not to its holder`;
  const own = ownPpm(model);
  const kept = own === PPM ? 'all of it' : `${percent(own)} of that`;
  return `${share}; ${kept} to whoever holds this NFT`;
}

function offerText(offer: NftOffer, parameters: NetworkParameters): string {
  const royalty = formatAmount(royaltyOf(offer, offer.price));
  const to = offer.authorScript ? holderOf(offer.authorScript, parameters) : 'somebody unknown';
  const part = offer.royaltyPpm === 0 ? 'no royalty' : `${royalty} of it to ${to}`;
  return `${formatAmount(offer.price)} by ${sellerOf(offer, parameters)}, ${part}`;
}

/** Facts for people, one row each; what does not apply is left out. */
export function factRows(
  facts: NftFacts,
  money: NftMoney | undefined,
  parameters: NetworkParameters,
): Record<string, string | undefined> {
  const { coin, terms, model, birth, offer, strays } = facts;
  const royalty = birth?.royalty;
  const latest = money?.isPartial ? ' (of the latest payments)' : '';
  return {
    model: terms && `${model ? `${model.name} ` : ''}${toHex(terms.modelId)}`,
    token: terms ? undefined : tokenText(coin.output.token!),
    fee: feeText(facts),
    author: royalty && holderOf(royalty.author, parameters),
    royalty: royalty && `${percent(royalty.royaltyPpm)} of every sale by an offer`,
    'earned by the model':
      money && `${formatAmount(money.income)} by ${counted(money.payments, 'job')}${latest}`,
    collected: money && `${formatAmount(money.collected)}${latest}`,
    waiting: money && `${formatAmount(money.waiting)} in ${counted(money.coins, 'coin')}`,
    'to be settled':
      money && money.unsettled > 0n
        ? `${formatAmount(money.unsettled)}, for all shares`
        : undefined,
    'not through it':
      strays > 0
        ? `${counted(strays, 'source')} that used the model before pay an earlier owner of it`
        : undefined,
    offer: offer && offerText(offer, parameters),
  };
}

/** {@link factRows} in lines, flaws below them. */
export function factsText(
  facts: NftFacts,
  money: NftMoney | undefined,
  parameters: NetworkParameters,
): string {
  const lines = factLines({
    category: hashToId(facts.coin.output.token!.category),
    ...factRows(facts, money, parameters),
  });
  return [...lines, ...flawLines(facts)].join('\n');
}

/** What speaks against an NFT or its offer, for people. */
export function flawLines({ flaws }: NftFacts): string[] {
  return flaws.flatMap(({ text }) => wrapped(`! ${text}`, ''));
}
