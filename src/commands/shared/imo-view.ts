import { formatAmount, sha256, toHex } from '../../base/index.js';
import { hashToId, networkParameters, scriptAddress } from '../../chain/index.js';
import {
  type AssessedOffering,
  type AuditedPayment,
  formatWeight,
  type ImoCriteria,
  type ImoFigures,
  type IncomeBooks,
  owedTotal,
  paidTotal,
  type Snapshot,
} from '../../reward/index.js';
import type { Settings } from './settings.js';

/** Criteria or figures as JSON. */
export function criteriaJson({ burnt, burners, dependents, income }: ImoCriteria) {
  return { burnt: formatAmount(burnt), burners, dependents, income: formatAmount(income) };
}

/** Figures as JSON, with what they leave out. */
export function figuresJson(figures: ImoFigures): object {
  const { height, payments, ownPayments, isPartial } = figures;
  const rest = { payments, ownPayments: formatAmount(ownPayments), isPartial };
  return { height, ...criteriaJson(figures), ...rest };
}

/** Figures beside what is wanted, a line each. */
export function figureLines(figures: ImoFigures, wanted: ImoCriteria): string[] {
  const line = (name: string, is: string, least: string, isMet: boolean): string =>
    `  ${name.padEnd(16)} ${is.padStart(17)} of ${least.padStart(17)}  ${isMet ? 'met' : 'not met'}`;
  const amount = (name: string, is: bigint, least: bigint): string =>
    line(name, formatAmount(is), formatAmount(least), is >= least);
  const count = (name: string, is: number, least: number): string =>
    line(name, String(is), String(least), is >= least);
  return [
    amount('coins burnt', figures.burnt, wanted.burnt),
    count('distinct burners', figures.burners, wanted.burners),
    count('dependents', figures.dependents, wanted.dependents),
    amount('income', figures.income, wanted.income),
    ...(figures.ownPayments > 0n
      ? [`  (${formatAmount(figures.ownPayments)} paid by its own owner is left out)`]
      : []),
    ...(figures.isPartial ? ['  (more payments than are looked at: the income is more)'] : []),
  ];
}

/** What an offering is, as JSON, by itself. */
export function offeringJson(assessed: AssessedOffering, settings: Settings) {
  const { offering, minedAt, figures, faults } = assessed;
  const { txid, model, category, supply, terms, incomePpm, criteria, height, issuer } = offering;
  return {
    id: txid,
    model,
    category: hashToId(category),
    supply: supply.toString(),
    lot: terms.lot.toString(),
    price: formatAmount(terms.price),
    incomePpm,
    issuer: addressOf(issuer, settings),
    height,
    minedAt,
    criteria: criteriaJson(criteria),
    ...(figures ? { figures: figuresJson(figures) } : {}),
    isValid: faults.length === 0,
    faults,
  };
}

function addressOf(script: Uint8Array, { network }: Settings): string {
  return scriptAddress(script, networkParameters(network)) ?? toHex(script);
}

/** Holders with most units, largest first. */
export function topHolders({ holders }: Snapshot, most: number): (readonly [string, bigint])[] {
  const all = [...holders].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x > y ? -1 : 1));
  return all.slice(0, most);
}

/** The address behind the hex of a script, or the hex. */
export function holderName(script: string, settings: Settings): string {
  return addressOf(Buffer.from(script, 'hex'), settings);
}

/** One payment as JSON. */
export function paymentJson({ txid, height, fault, plan }: AuditedPayment): object {
  return {
    txid,
    height,
    isRight: fault === undefined,
    ...(fault === undefined ? {} : { fault }),
    ...(plan
      ? {
          snapshot: plan.snapshot.height,
          root: toHex(plan.snapshot.root),
          shared: formatAmount(plan.shared),
          paid: formatAmount(paidTotal(plan)),
          holders: plan.paid.size,
          carried: formatAmount(owedTotal(plan.carried)),
        }
      : {}),
  };
}

/** Income as JSON. @param bound what the model pays the holders' contract now, in parts per million */
export function incomeJson(books: IncomeBooks, bound: number): object {
  return {
    contract: toHex(sha256(books.script)),
    bound,
    received: formatAmount(books.received),
    paid: formatAmount(books.paid),
    payments: books.payments.map(paymentJson),
  };
}

/** One payment, its id on a line of its own. */
export function paymentLine({ txid, height, fault, plan }: AuditedPayment): string {
  const where = height === 0 ? 'waiting' : `block ${height}`;
  if (fault !== undefined) return `  ${where}: WRONG: ${fault}\n    ${txid}`;
  const paid = plan ? formatAmount(paidTotal(plan)) : '';
  return `  ${where}: ${paid} to ${plan?.paid.size} holders of block ${plan?.snapshot.height}\n    ${txid}`;
}

/** The first lines about an offering, for people. */
export function offeringLines(assessed: AssessedOffering, settings: Settings): string[] {
  const { offering, minedAt, faults } = assessed;
  const { txid, model, category, supply, terms, incomePpm, issuer } = offering;
  return [
    `offering ${txid}`,
    `model    ${model}`,
    `category ${hashToId(category)}`,
    `issuer   ${addressOf(issuer, settings)}, in block ${minedAt}`,
    `${supply} units, ${formatAmount(terms.price)} for each ${terms.lot}`,
    `${formatWeight(incomePpm)} of the model's income for holders`,
    ...(faults.length === 0 ? ['valid'] : faults.map((fault) => `does not count: ${fault}`)),
  ];
}
