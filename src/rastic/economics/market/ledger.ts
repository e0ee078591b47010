import { threshold } from './jury.js';
import { type MarketParameters, SELLER_KINDS, type SellerKind } from './parameters.js';
import type { KindTally, StepTally } from './tally.js';

/** Where money is or went, base units; all accounts together are zero at any time. */
export interface Accounts {
  readonly sellers: Readonly<Record<SellerKind, bigint>>;
  readonly buyers: bigint;
  readonly honestVerifiers: bigint;
  readonly lazyVerifiers: bigint;
  /** Spent on computing: answers, checks, verdicts. */
  readonly computing: bigint;
  /** Paid to miners. */
  readonly fees: bigint;
  readonly burnt: bigint;
}

/** Price and cost of one answer of a kind of seller. */
interface Answer {
  readonly paid: bigint;
  readonly cost: bigint;
  readonly cheatCost: bigint;
}

function answerOf(kind: SellerKind, { price, cost, int4Cost }: MarketParameters): Answer {
  // it is paid by the token: half an answer, half the price, and half the cost
  if (kind === 'truncate') return { paid: price / 2n, cost, cheatCost: cost / 2n };
  return { paid: price, cost, cheatCost: int4Cost };
}

const big = (count: number): bigint => BigInt(count);

/** What one kind of seller earned and caused in a step. */
function kindFlow(kind: SellerKind, tally: KindTally, market: MarketParameters) {
  const { stake, verifierFee, jury, newNameCost } = market;
  const { paid, cost, cheatCost } = answerOf(kind, market);
  const signers = verifierFee * big(threshold(market));
  const bond = verifierFee * big(jury);
  const [sold, cheated, slashed, cleared, newNames] = [
    tally.sold,
    tally.cheated,
    tally.slashed,
    tally.cleared,
    tally.newNames,
  ].map(big) as [bigint, bigint, bigint, bigint, bigint];
  const spent = (sold - cheated) * cost + cheated * cheatCost;
  const names = newNames * newNameCost;
  const lost = slashed * stake;
  const won = cleared * (bond - signers);
  return {
    seller: sold * paid - spent - lost + won - names,
    // a contest that convicts gives the price back, one that clears takes the bond
    buyers: slashed * paid - sold * paid - cleared * bond,
    computing: spent,
    fees: names,
    burnt: slashed * (stake - paid - signers),
  };
}

/** The accounts after one more step: contracts pay as docs/contracts.md has it. */
export function settle(before: Accounts, tally: StepTally, market: MarketParameters): Accounts {
  const { auditCost, verifierFee, judgingCost, verifierBond, contestFee } = market;
  const flows = SELLER_KINDS.map((kind, at) => kindFlow(kind, tally.kinds[at]!, market));
  const sum = (of: 'buyers' | 'computing' | 'fees' | 'burnt'): bigint =>
    flows.reduce((total, flow) => total + flow[of], 0n);
  const checks = big(tally.checked) * auditCost;
  const verdicts = big(tally.honestJudged) * judgingCost;
  const contests = big(tally.contested) * contestFee;
  const plants = big(tally.plantsPaid) * verifierFee * big(threshold(market));
  const bonds = big(tally.bondsLost) * verifierBond;
  const sellers = Object.fromEntries(
    SELLER_KINDS.map((kind, at) => [kind, before.sellers[kind] + flows[at]!.seller]),
  ) as Record<SellerKind, bigint>;
  return {
    sellers,
    buyers: before.buyers + sum('buyers') - checks - contests - plants,
    honestVerifiers: before.honestVerifiers + big(tally.honestPaid) * verifierFee - verdicts,
    lazyVerifiers: before.lazyVerifiers + big(tally.lazyPaid) * verifierFee - bonds,
    computing: before.computing + sum('computing') + checks + verdicts,
    fees: before.fees + sum('fees') + contests,
    burnt: before.burnt + sum('burnt') + bonds,
  };
}

/** Before anybody has paid anything. */
export const NO_MONEY: Accounts = {
  sellers: { honest: 0n, int4: 0n, sometimes: 0n, truncate: 0n, 'new-name': 0n },
  buyers: 0n,
  honestVerifiers: 0n,
  lazyVerifiers: 0n,
  computing: 0n,
  fees: 0n,
  burnt: 0n,
};

/** What all accounts hold together: zero, or money was made or lost. */
export function sumOf(accounts: Accounts): bigint {
  const { sellers, ...others } = accounts;
  return [...Object.values(sellers), ...Object.values(others)].reduce((a, b) => a + b, 0n);
}
