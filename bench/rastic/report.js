import { clopperPearsonUpper } from 'bitmodel/rastic';

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : sorted[Math.floor((sorted.length - 1) / 2)];
};
const greatest = (numbers) => numbers.reduce((most, n) => (n > most ? n : most), 0);

/** What the runs of one back end on one model come to. Runs in which no logit differs from the verifier's don't count. */
export function summarise(runs) {
  const counted = runs.filter(({ differing }) => differing > 0);
  const shifts = counted.flatMap((run) => run.shifts);
  const margins = counted.flatMap((run) => run.margins);
  return {
    runs: runs.length,
    counted: counted.length,
    positions: shifts.length,
    differing: counted.reduce((sum, run) => sum + run.differing, 0),
    shiftMedian: median(shifts),
    shiftGreatest: greatest(shifts),
    flips: counted.reduce((sum, run) => sum + run.flips, 0),
    flippedRuns: counted.filter((run) => run.flips > 0).length,
    marginsAboveZero: margins.length,
    marginGreatest: greatest(margins),
    // −log₁₀ of the p-values of pooled evidence
    scores: counted.map(({ score }) => score).filter((score) => score > 0),
    accused: counted.filter(({ verdict }) => verdict !== 'valid').length,
    accusedAtDefault: counted.filter((run) => run.verdictAtDefault !== 'valid').length,
  };
}

/** Upper bounds on the rate of false accusations, at most one per verification. */
export function bounds(accused, verifications) {
  return {
    accused,
    verifications,
    upper95: clopperPearsonUpper(accused, verifications, 0.95),
    upper999: clopperPearsonUpper(accused, verifications, 0.999),
  };
}

/** How the p-values of pooled evidence lie: an honest seller shows p ≤ α in at most a share α of its answers. */
export function describeScores(scores, verifications) {
  const atMost = (p) => scores.filter((score) => score >= -Math.log10(p)).length;
  return (
    `pooled evidence: p = 1 in ${verifications - scores.length}, p ≤ 0.1 in ${atMost(0.1)}, ` +
    `p ≤ 0.01 in ${atMost(0.01)}; smallest p: ${(10 ** -greatest(scores)).toExponential(1)}`
  );
}

const short = (value) => (value === undefined ? '-' : value.toExponential(1));

const COLUMNS = [
  ['back end', (row) => row.backEnd],
  ['runs', (row) => row.counted],
  ['same', (row) => row.runs - row.counted],
  ['tokens', (row) => row.positions],
  ['shift', (row) => short(row.shiftMedian)],
  ['max', (row) => short(row.shiftGreatest)],
  ['margin', (row) => (row.marginGreatest > 0 ? short(row.marginGreatest) : '0')],
  ['> 0', (row) => row.marginsAboveZero],
  ['flips', (row) => row.flips],
  ['accused', (row) => row.accused],
];

/** The table of one model's back ends, 80 columns at most. */
export function table(rows) {
  const cells = [
    COLUMNS.map(([name]) => name),
    ...rows.map((row) => COLUMNS.map(([, of]) => String(of(row)))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  const pad = (text, column) =>
    column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]);
  return cells.map((line) => line.map(pad).join('  ')).join('\n');
}
