import { divergenceDetection, jobsFor, paperDetection, samplesFor } from './detection.js';
import { DEFAULT_MARKET } from './market/parameters.js';
import { sellerIncomes, thousandths, verifierIncomes } from './market/report.js';
import { simulateMarket } from './market/simulate.js';

/** Length of the answer in the tables of docs/rastic.md. */
const TOKENS = 256;
const SAMPLES = [1, 4, 16, 64, 128] as const;
const WRONG = [1, 2, 4, 16] as const;
const DIVERGENCES = [0.3, 0.1, 0.03, 0.01, 0.003] as const;

/** What is always found. */
const ALWAYS = '100 %';

function percent(chance: number): string {
  // nothing is rounded up to certainty
  if (chance > 0.9999) return '> 99.99 %';
  return `${(100 * chance).toPrecision(chance > 0.99 ? 4 : 3)} %`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** How often the paper's three checks, with k positions between, and the full one find wrong tokens between first and last. */
export function tamperingTable(): string {
  const rows = SAMPLES.map((samples) => [
    `\`sample:${samples}\``,
    ...WRONG.map((wrong) => percent(paperDetection(TOKENS, wrong, samples))),
    String(jobsFor(paperDetection(TOKENS, 1, samples), 0.99)),
    ALWAYS,
  ]);
  return table(
    [
      'check',
      ...WRONG.map((wrong) => `${wrong} wrong`),
      'jobs until 99 %, 1 wrong in each',
      "the paper's argument",
    ],
    [...rows, ['`full`', ...WRONG.map(() => ALWAYS), '1', ALWAYS]],
  );
}

/** How many positions show a model that differs at a given share of them. */
export function divergenceTable(): string {
  const positions = [16, 64, 256, 1024];
  return table(
    ['differs at', ...positions.map((count) => `${count} positions`), 'positions until 99.9 %'],
    DIVERGENCES.map((share) => [
      `${100 * share} %`,
      ...positions.map((count) => percent(divergenceDetection(share, count))),
      String(jobsFor(share, 0.999)),
    ]),
  );
}

/** How many positions between first and last have to be looked at to find a few wrong tokens with 99 %. */
export function samplesTable(): string {
  return table(
    ['wrong tokens of 256', 'samples until 99 %', 'share of the answer'],
    [1, 2, 4, 16, 64].map((wrong) => {
      const samples = samplesFor(TOKENS - 2, wrong, 0.99);
      return [String(wrong), String(samples), `${Math.round((100 * samples) / TOKENS)} %`];
    }),
  );
}

/** What a seller of each kind and a verifier earn in the market of the default parameters, by audit rate; coins. */
export function marketTable(auditRates: readonly number[]): string {
  const results = auditRates.map((auditRate) => simulateMarket({ ...DEFAULT_MARKET, auditRate }));
  const incomes = results.map((result) => [...sellerIncomes(result), ...verifierIncomes(result)]);
  const names = incomes[0]!.map(({ name }) => name);
  return table(
    ['mean income', ...auditRates.map((rate) => `audit rate ${rate}`)],
    names.map((name, at) => [name, ...incomes.map((of) => thousandths(of[at]!.mean.at(-1)!))]),
  );
}
