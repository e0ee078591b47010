import { formatAmount } from '../../base/index.js';
import {
  type CheatingAnswer,
  type CheatingTerms,
  type ContestAnswer,
  type ContestTerms,
  formatChance,
  type InspectionAnswer,
  type JudgingAnswer,
  type JudgingTerms,
} from '../../rastic/index.js';

/** What `bitmodel rastic economics` was asked and found. */
export interface Economics {
  readonly seller: { readonly terms: CheatingTerms; readonly answer: CheatingAnswer };
  readonly buyer?: {
    readonly terms: ContestTerms;
    readonly answer: ContestAnswer;
    /** What one check costs, base units. */
    readonly auditCost: bigint;
    readonly game: InspectionAnswer;
  };
  readonly verifier?: { readonly terms: JudgingTerms; readonly answer: JudgingAnswer };
}

/** Coins without the zeros at their end. */
function coins(units: bigint): string {
  return formatAmount(units).replace(/\.?0+$/, '');
}

function percent(chance: number): string {
  // nothing is rounded up to certainty
  if (chance > 0.9999 && chance < 1) return 'more than 99.99 %';
  return `${Number((100 * chance).toPrecision(4))} %`;
}

function count(jobs: number): string {
  if (!Number.isFinite(jobs)) return 'never';
  return `after ${jobs < 10 ? jobs.toFixed(1) : Math.round(jobs)} jobs on average`;
}

function* sellerLines({ terms, answer }: Economics['seller']): Generator<string> {
  const { auditRate, detection, conviction, stake, name, gain, jobs } = terms;
  const [a, d, w] = [auditRate, detection, conviction].map(formatChance);
  yield `Cheating ${answer.pays ? 'PAYS' : 'does not pay'}: it pays exactly if G > a · d · w · (S + V).`;
  yield `  ${coins(gain)} ${answer.pays ? '>' : '≤'} ${a} · ${d} · ${w} · (${coins(stake)} + ${coins(name)}) = ${coins(answer.loss)}; a job brings ${coins(answer.perJob)}`;
  yield `  G gain of a job, a audit rate, d detection, w conviction, S stake, V name`;
  if (gain <= 0n) return yield '  whoever gains nothing by it needs no check';
  yield answer.breakEvenStake === undefined
    ? '  no stake is enough: nothing is ever convicted'
    : `  from a stake of ${coins(answer.breakEvenStake)} on it does not pay`;
  yield answer.breakEvenAudit === undefined
    ? '  checking every job would not be enough at this stake'
    : `  from an audit rate of ${formatChance(answer.breakEvenAudit)} on it does not pay`;
  yield `  convicted ${count(answer.jobsUntilCaught)}; in ${jobs} jobs with ${percent(answer.caughtInJobs)}, bringing ${coins(answer.total)} if that ends it`;
}

function* buyerLines({ terms, answer, auditCost, game }: NonNullable<Economics['buyer']>) {
  const { paid, conviction, clearing, transactionFees } = terms;
  yield `Contesting ${answer.pays ? 'pays' : 'DOES NOT PAY'}: it pays exactly if w · R > l · b + f.`;
  yield `  ${formatChance(conviction)} · ${coins(paid)} ${answer.pays ? '>' : '≤'} ${formatChance(clearing)} · ${coins(answer.bond)} + ${coins(transactionFees)}; it brings ${coins(answer.expected)}`;
  yield '  R price of the answer, l clearing, b bond (all verifiers’ fees), f transaction fees';
  if (answer.breakEvenPaid !== undefined) {
    yield `  from a price of ${coins(answer.breakEvenPaid)} on it pays`;
  }
  if (game.auditRate !== undefined && game.cheatingRate !== undefined) {
    yield `  a check at ${coins(auditCost)}: neither side gains by changing where ${percent(Number(game.auditRate) / 1e9)} of the jobs are checked and ${percent(Number(game.cheatingRate) / 1e9)} are cheated in`;
  } else if (game.cheatingRate === undefined) {
    yield `  a check at ${coins(auditCost)} is worth less than it costs, whoever cheats`;
  }
}

function* verifierLines({ terms, answer }: NonNullable<Economics['verifier']>): Generator<string> {
  const { fee, cost, bond, planted, guessWrong, rejudged } = terms;
  yield `Judging without looking ${answer.guessingPays ? 'PAYS' : 'does not pay'}: it pays exactly if (1 − e′) · v − e′ · r · D > v − c.`;
  yield `  ${coins(answer.lazy)} ${answer.guessingPays ? '>' : '≤'} ${coins(answer.honest)}, with e′ = m/2 + (1 − m) · e = ${formatChance(answer.error)}`;
  yield `  v fee ${coins(fee)}, c cost ${coins(cost)}, D bond ${coins(bond)}, m planted ${formatChance(planted)}, e wrong guesses ${formatChance(guessWrong)}, r judged again ${formatChance(rejudged)}`;
  yield answer.breakEvenBond === undefined
    ? '  no bond is enough: a wrong guess costs nothing'
    : `  from a bond of ${coins(answer.breakEvenBond)} on it does not pay`;
}

/** The answer for people: each with its formula and the numbers put in. */
export function economicsLines({ seller, buyer, verifier }: Economics): string[] {
  return [
    ...sellerLines(seller),
    ...(buyer ? buyerLines(buyer) : []),
    ...(verifier ? verifierLines(verifier) : []),
  ];
}

/** In a word, for `--quiet`. */
export function shortAnswer({ seller }: Economics): string {
  return seller.answer.pays ? 'pays' : 'does not pay';
}

/** Amounts as decimal coins, chances as decimals; what is no number is null. */
export function economicsJson({ seller, buyer, verifier }: Economics): object {
  const amount = (units: bigint | undefined) => (units === undefined ? null : formatAmount(units));
  const chance = (of: bigint | undefined) => (of === undefined ? null : formatChance(of));
  const { answer } = seller;
  return {
    seller: {
      cheatingPays: answer.pays,
      perJob: amount(answer.perJob),
      loss: amount(answer.loss),
      breakEvenStake: amount(answer.breakEvenStake),
      breakEvenAuditRate: chance(answer.breakEvenAudit),
      caught: answer.caught,
      caughtInJobs: answer.caughtInJobs,
      jobsUntilCaught: Number.isFinite(answer.jobsUntilCaught) ? answer.jobsUntilCaught : null,
      jobs: seller.terms.jobs,
      total: amount(answer.total),
    },
    ...(buyer
      ? {
          buyer: {
            contestingPays: buyer.answer.pays,
            bond: amount(buyer.answer.bond),
            expected: amount(buyer.answer.expected),
            breakEvenPrice: amount(buyer.answer.breakEvenPaid),
            auditRate: chance(buyer.game.auditRate),
            cheatingRate: chance(buyer.game.cheatingRate),
          },
        }
      : {}),
    ...(verifier
      ? {
          verifier: {
            guessingPays: verifier.answer.guessingPays,
            honest: amount(verifier.answer.honest),
            lazy: amount(verifier.answer.lazy),
            guessWrong: chance(verifier.answer.error),
            breakEvenBond: amount(verifier.answer.breakEvenBond),
          },
        }
      : {}),
  };
}
