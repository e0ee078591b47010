import { formatGini } from '../network/concentration.js';
import { percentOf } from '../network/figures.js';
import type { Group, Outcome } from './outcome.js';

/** Outcomes side by side: a row for each name, with a cell for each rule. */
export interface OutcomeTable {
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly cells: readonly string[] }[];
}

/** A rule's letter, by which tables name it: A, B, C … */
export const letterOf = (rule: number): string => String.fromCharCode('A'.charCodeAt(0) + rule);

/** An amount in parts per million of all, cut. */
export function shareOf(amount: bigint, total: bigint): number {
  return total === 0n ? 0 : Number((amount * 1_000_000n) / total);
}

function groupTable(
  title: string,
  outcomes: readonly Outcome[],
  groupsOf: (outcome: Outcome) => readonly Group[],
): OutcomeTable {
  const rows = groupsOf(outcomes[0]!).map(({ name, sources }) => ({
    name: `${name} (${sources})`,
    cells: outcomes.map((outcome) => {
      const group = groupsOf(outcome).find((one) => one.name === name);
      return percentOf(shareOf(group?.amount ?? 0n, outcome.total));
    }),
  }));
  return { title, rows };
}

/** What each kind of source earns. */
export const kindTable = (outcomes: readonly Outcome[]): OutcomeTable =>
  groupTable('by kind', outcomes, ({ byKind }) => byKind);

/** What each tenth of the sources earns, the oldest first. */
export const ageTable = (outcomes: readonly Outcome[]): OutcomeTable =>
  groupTable('oldest first', outcomes, ({ byAge }) => byAge);

/** What is kept by the source that was paid for, and by each further ancestor. */
export function reachTable(outcomes: readonly Outcome[]): OutcomeTable {
  const last = outcomes[0]!.reachPpm.length - 1;
  const rows = outcomes[0]!.reachPpm.map((_, step) => {
    const ancestor = step === last ? `ancestor ${step} on` : `ancestor ${step}`;
    return {
      name: step === 0 ? 'paid for itself' : ancestor,
      cells: outcomes.map(({ reachPpm }) => percentOf(reachPpm[step]!)),
    };
  });
  return { title: 'kept by', rows };
}

/** How unevenly income is spread. */
export function unevennessTable(outcomes: readonly Outcome[]): OutcomeTable {
  const row = (
    name: string,
    value: (outcome: Outcome) => string,
  ): OutcomeTable['rows'][number] => ({
    name,
    cells: outcomes.map(value),
  });
  return {
    title: 'unevenness',
    rows: [
      row('Gini, owners', ({ byOwner }) => formatGini(byOwner)),
      row('Gini, sources', ({ bySource }) => formatGini(bySource)),
      row('owners who earn', ({ byOwner }) => String(byOwner.earners)),
      ...outcomes[0]!.byOwner.top.map(({ earners }, i) =>
        row(earners === 1 ? 'best owner' : `top ${earners} owners`, ({ byOwner }) =>
          percentOf(byOwner.top[i]!.ppm),
        ),
      ),
      row('best hundredth', ({ byOwner }) => percentOf(byOwner.topHundredthPpm)),
    ],
  };
}
