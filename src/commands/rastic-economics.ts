import type { Command } from 'commander';
import { BitmodelError, EXIT, parseAmount } from '../base/index.js';
import {
  type CheatingTerms,
  type ContestTerms,
  cheating,
  contesting,
  inspection,
  type JudgingTerms,
  judging,
  parseChance,
} from '../rastic/index.js';
import { action } from './shared/action.js';
import {
  type Economics,
  economicsJson,
  economicsLines,
  shortAnswer,
} from './shared/economics-view.js';
import { wholeOption } from './shared/number-options.js';

interface EconomicsOptions {
  readonly auditRate: string;
  readonly detection: string;
  readonly conviction: string;
  readonly stake: string;
  readonly gain: string;
  readonly name: string;
  readonly jobs: string;
  readonly price?: string;
  readonly auditCost: string;
  readonly verifierFee: string;
  readonly verifiers: string;
  readonly clearing: string;
  readonly txFees: string;
  readonly judgingCost?: string;
  readonly bond: string;
  readonly planted: string;
  readonly guessWrong: string;
  readonly rejudged: string;
}

/** An amount of coins, named in its error. */
function coins(text: string, option: string): bigint {
  try {
    return parseAmount(text);
  } catch (thrown) {
    throw new BitmodelError('BAD_OPTION', `${option} can't be "${text.slice(0, 40)}".`, {
      next: 'Pass coins as a decimal with at most eight places, such as 1.5',
      exitCode: EXIT.usage,
      cause: thrown,
    });
  }
}

function cheatingTerms(options: EconomicsOptions): CheatingTerms {
  return {
    auditRate: parseChance(options.auditRate, '--audit-rate'),
    detection: parseChance(options.detection, '--detection'),
    conviction: parseChance(options.conviction, '--conviction'),
    stake: coins(options.stake, '--stake'),
    name: coins(options.name, '--name'),
    gain: coins(options.gain, '--gain'),
    jobs: wholeOption(options.jobs, '--jobs', 1),
  };
}

function contestTerms(options: EconomicsOptions, price: string): ContestTerms {
  return {
    paid: coins(price, '--price'),
    verifierFee: coins(options.verifierFee, '--verifier-fee'),
    verifiers: wholeOption(options.verifiers, '--verifiers', 1, 15),
    transactionFees: coins(options.txFees, '--tx-fees'),
    conviction: parseChance(options.conviction, '--conviction'),
    clearing: parseChance(options.clearing, '--clearing'),
  };
}

function judgingTerms(options: EconomicsOptions, cost: string): JudgingTerms {
  return {
    fee: coins(options.verifierFee, '--verifier-fee'),
    cost: coins(cost, '--judging-cost'),
    bond: coins(options.bond, '--bond'),
    planted: parseChance(options.planted, '--planted'),
    guessWrong: parseChance(options.guessWrong, '--guess-wrong'),
    rejudged: parseChance(options.rejudged, '--rejudged'),
  };
}

function economicsOf(options: EconomicsOptions): Economics {
  const terms = cheatingTerms(options);
  const answer = cheating(terms);
  const seller = { terms, answer };
  const { price, judgingCost } = options;
  if (price === undefined && judgingCost === undefined) return { seller };
  const contest = price === undefined ? undefined : contestTerms(options, price);
  const contested = contest && contesting(contest);
  const auditCost = coins(options.auditCost, '--audit-cost');
  const judge = judgingCost === undefined ? undefined : judgingTerms(options, judgingCost);
  return {
    seller,
    ...(contest && contested
      ? {
          buyer: {
            terms: contest,
            answer: contested,
            auditCost,
            game: inspection(auditCost, terms.detection, contested, answer.breakEvenAudit),
          },
        }
      : {}),
    ...(judge ? { verifier: { terms: judge, answer: judging(judge) } } : {}),
  };
}

/** `bitmodel rastic economics`: whether cheating, contesting and judging without looking pay. */
export function registerEconomics(rastic: Command): void {
  rastic
    .command('economics')
    .description('say whether cheating pays, with the formula and from which stake on it does not')
    .requiredOption('--audit-rate <a>', 'share of jobs that are checked, 0 to 1')
    .requiredOption('--stake <coins>', 'what a conviction takes')
    .requiredOption('--gain <coins>', 'what one cheated job saves')
    .option('--detection <d>', 'how often a check finds it', '1')
    .option('--conviction <w>', 'how often what was found is convicted', '1')
    .option('--name <coins>', 'what a conviction takes besides: a name’s worth', '0')
    .option('--jobs <n>', 'jobs that the seller cheats in', '100')
    .option('--price <coins>', 'what the answer cost: says when contesting pays, too')
    .option('--audit-cost <coins>', 'what a check costs the buyer', '0')
    .option('--verifier-fee <coins>', 'what each verifier gets', '0.0001')
    .option('--verifiers <n>', 'how many there are', '3')
    .option('--clearing <l>', 'how often the seller is cleared', '0')
    .option('--tx-fees <coins>', 'what the transactions of a contest cost', '0.00002')
    .option('--judging-cost <coins>', 'what a verdict costs to compute: says if guessing pays, too')
    .option('--bond <coins>', 'a verifier’s bond', '1')
    .option('--planted <m>', 'share of the judged jobs that are planted', '0.1')
    .option('--guess-wrong <e>', 'how often a guess is wrong in the others', '0')
    .option(
      '--rejudged <r>',
      'how often a wrong verdict costs the bond; 0 for undelivered, format',
      '0.5',
    )
    .addHelpText(
      'after',
      '\nThe formulas are derived in docs/rastic.md, "Economics".\n\nExamples:\n  $ bitmodel rastic economics --audit-rate 0.1 --stake 0.5 --gain 0.01\n  $ bitmodel rastic economics --audit-rate 0.1 --detection 0.99 --stake 0.5 \\\n      --gain 0.01 --price 0.2 --audit-cost 0.001 --judging-cost 0.00002 --json',
    )
    .action(
      action<EconomicsOptions>(async (_, { options, terminal }) => {
        const economics = economicsOf(options);
        const text = (): string => economicsLines(economics).join('\n');
        terminal.result(economicsJson(economics), text, shortAnswer(economics));
      }),
    );
}
