import type { Difference, Played } from './difference.js';

const number = (value: number): string => value.toLocaleString('en-US');

/** One table of docs/conformance.md: how many cases go as the file says, and how many not for which reason. */
export function table(played: readonly Played[], differences: readonly Difference[]): string {
  const rows = differences.map(({ name, reason, ours }) => {
    const results = Object.entries(ours).map(
      ([result, numbers]) => `${number(numbers.length)} × \`${result}\``,
    );
    const count = Object.values(ours).flat().length;
    return `| ${name} | ${number(count)} | ${reason} | ${results.join(', ')} |`;
  });
  const same = played.filter((case_) => case_.same).length;
  return [
    `| what | cases | why | result here |`,
    '|---|---|---|---|',
    `| as the file says | ${number(same)} | | |`,
    ...rows,
    `| **all** | **${number(played.length)}** | | |`,
    '',
  ].join('\n');
}
