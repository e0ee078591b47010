import { formatAmount, type Markup, markup } from '../../base/index.js';
import { grouped, percentOf } from '../network/figures.js';
import {
  foreign,
  type PageFacts,
  pageFacts,
  pageFigure,
  pageOf,
  pageSection,
  pageTable,
} from '../network/page.js';
import type { Outcome } from './outcome.js';
import { outcomePanels } from './outcomePanels.js';
import {
  ageTable,
  kindTable,
  letterOf,
  type OutcomeTable,
  reachTable,
  shareOf,
  unevennessTable,
} from './outcomeTables.js';
import type { Change, Comparison, Simulation } from './simulate.js';

/** How many owners of each list are shown. */
const SHOWN = 10;

/** A table with a column for each rule. */
function sideBySide(caption: string, { title, rows }: OutcomeTable): Markup {
  const letters = rows[0]?.cells.map((_, i) => letterOf(i)) ?? [];
  return pageTable(
    caption,
    [title, ...letters],
    rows.map(({ name, cells }) => ({ name: foreign(name), cells })),
  );
}

/** What a diagram shows, in words: the first row of its table. */
function inWords({ title, rows }: OutcomeTable): string {
  const [first] = rows;
  const cells = first?.cells.map((cell, i) => `${letterOf(i)} ${cell}`).join(', ') ?? '';
  return `Of the table “${title}”: ${first?.name ?? ''} has ${cells}. The table below has all numbers.`;
}

function rules(outcomes: readonly Outcome[]): Markup {
  const items = outcomes.map(
    ({ scheme }, i) => markup`<dt>${letterOf(i)}</dt><dd><code>${foreign(scheme)}</code></dd>\n`,
  );
  return pageSection(
    'What is compared',
    markup`<p>The same jobs are paid for under each of these rules for weights; all else stays as it is.</p>
<dl>${items}</dl>
`,
  );
}

function bestOwners({ scheme, topOwners, total }: Outcome, at: number): Markup {
  const rows = topOwners.slice(0, SHOWN).map(({ name, sources, amount }) => ({
    name: foreign(name),
    cells: [grouped(sources), formatAmount(amount), percentOf(shareOf(amount, total))],
  }));
  const caption = `Best owners under ${letterOf(at)} (${scheme})`;
  return pageTable(caption, ['owner', 'sources', 'coins', 'of all'], rows);
}

function changesTable(caption: string, changes: readonly Change[]): Markup | undefined {
  if (changes.length === 0) return undefined;
  const rows = changes.slice(0, SHOWN).map(({ owner, before, after }) => ({
    name: foreign(owner),
    cells: [
      formatAmount(before),
      formatAmount(after),
      `${after > before ? '+' : ''}${formatAmount(after - before)}`,
    ],
  }));
  return pageTable(caption, ['owner', 'before', 'after', 'change'], rows);
}

function comparison({ scheme, against, ...change }: Comparison, at: number): Markup {
  const { movedPpm, gaining, losing, gains, losses } = change;
  const letter = letterOf(at + 1);
  return markup`<h3>${letter} (${foreign(scheme)}) against A (${foreign(against)})</h3>
<p>${percentOf(movedPpm)} of the money moves; ${grouped(gaining)} owners gain, ${grouped(losing)} lose.</p>
${changesTable(`Who gains most under ${letter}`, gains)}${changesTable(`Who loses most under ${letter}`, losses)}`;
}

/**
 * The outcomes as a page of its own: one file without a script that fetches nothing.
 * @param facts how it was computed: the network, the seed, the version, the command
 * @returns HTML; the same for the same arguments
 */
export function simulationPage(simulation: Simulation, title: string, facts: PageFacts): string {
  const { sources, edges, owners, jobs, paidFor, total, outcomes, comparisons } = simulation;
  const panels = outcomePanels(
    outcomes.map((outcome, i) => ({ ...outcome, scheme: `${letterOf(i)}  ${outcome.scheme}` })),
  );
  const tables = {
    kinds: kindTable(outcomes),
    ages: ageTable(outcomes),
    reach: reachTable(outcomes),
    uneven: unevennessTable(outcomes),
  };
  const section = (name: string, figure: Markup, table: Markup, says: string): Markup =>
    pageSection(
      name,
      markup`<p>${says}</p>\n<div class="charts">${figure}<div>${table}</div></div>\n`,
    );
  return pageOf(
    title,
    markup`${grouped(jobs)} jobs for ${grouped(paidFor)} of ${grouped(sources)} sources with ${grouped(edges)} uses among them and ${grouped(owners)} owners: ${formatAmount(total)} coins.`,
    [
      rules(outcomes),
      section(
        'By kind',
        pageFigure('kinds', panels.kinds, inWords(tables.kinds)),
        sideBySide('Share of all income by kind (number of sources)', tables.kinds),
        'Who is rewarded: those who make models, data, papers, or what they all stand on.',
      ),
      section(
        'By age',
        pageFigure('ages', panels.ages, inWords(tables.ages)),
        sideBySide('Share of all income by tenths of the sources', tables.ages),
        'Whether it pays to be old: the tenths of the sources, the oldest first.',
      ),
      section(
        'How far money flows',
        pageFigure('reach', panels.reach, inWords(tables.reach)),
        sideBySide('Share of all money by steps from what was paid for', tables.reach),
        'What the source that was paid for keeps, and what reaches those it stands on, and those they stand on.',
      ),
      section(
        'How evenly',
        pageFigure('lorenz', panels.lorenz, inWords(tables.uneven)),
        sideBySide('Unevenness', tables.uneven),
        'A Gini coefficient of 0 says that all owners earn the same, one of 1 that one earns all.',
      ),
      pageSection('The best owners', outcomes.map(bestOwners)),
      ...(comparisons.length > 0
        ? [pageSection('Who gains and who loses', comparisons.map(comparison))]
        : []),
      pageSection(
        'How this was computed',
        pageFacts(facts),
        markup`<p>Every amount is that of the exact payout, in integers; the same version, arguments and seed give the same page on any machine. Nobody reacts: prices, jobs and what sources stand on do not follow the weights. docs/model-network.md defines the rules and figures.</p>
`,
      ),
    ],
  );
}
