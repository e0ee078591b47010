import {
  divergenceDetection,
  jobsFor,
  paperDetection,
  sampledDetection,
  samplesFor,
} from './detection.js';

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

/** Wrong tokens that a cheat that goes on honestly leaves behind, and how often each kind of check finds one of them. */
export function tamperingTable(): string {
  const rows = SAMPLES.map((samples) => [
    `\`sample:${samples}\``,
    ...WRONG.map((wrong) => percent(sampledDetection(TOKENS, wrong, samples))),
    String(jobsFor(sampledDetection(TOKENS, 1, samples), 0.99)),
  ]);
  return table(
    ['check', ...WRONG.map((wrong) => `${wrong} wrong`), 'jobs until 99 %, 1 wrong in each'],
    [...rows, ['`full`', ...WRONG.map(() => ALWAYS), '1']],
  );
}

/** The paper's promise beside what its three checks find, for one wrong token between the first and the last. */
export function paperTable(): string {
  return table(
    ['first, k between, last', "the paper's argument", 'what they find'],
    SAMPLES.map((samples) => [
      `k = ${samples}`,
      ALWAYS,
      percent(paperDetection(TOKENS, 1, samples)),
    ]),
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

/** How many of 256 positions have to be looked at to find a few wrong tokens with 99 %. */
export function samplesTable(): string {
  return table(
    ['wrong tokens of 256', 'samples until 99 %', 'share of the answer'],
    [1, 2, 4, 16, 64].map((wrong) => {
      const samples = samplesFor(TOKENS, wrong, 0.99);
      return [String(wrong), String(samples), percent(samples / TOKENS)];
    }),
  );
}
