import { COIN, Markup, markup } from '../../../base/index.js';
import { axisOf, spread } from './axis.js';
import { type IncomeSeries, reportedSteps, sellerIncomes, verifierIncomes } from './report.js';
import type { MarketResult } from './simulate.js';

const WIDTH = 800;
/** Where the lines lie: what is left of the width holds the marks and the names. */
const LEFT = 64;
const RIGHT = 584;
const LABEL_GAP = 17;

/** Words for the legend. */
const SAYS: Readonly<Record<IncomeSeries['name'], string>> = {
  honest: 'honest',
  int4: 'always int4',
  sometimes: 'sometimes int4',
  truncate: 'half answers',
  'new-name': 'int4, new names',
  'honest verifier': 'honest',
  'lazy verifier': 'lazy',
};

/** Colours that colour-blind eyes tell apart (Okabe and Ito, 2008) with a dash of their own each. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1c1f23; }
.title { font-size: 15px; font-weight: 600; }
.quiet, .quiet text { fill: #5a626c; }
.grid { stroke: #d5dae0; }
.zero { stroke: #5a626c; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.ground { fill: #ffffff; }
.c0 { stroke: #0072b2; }
.c1 { stroke: #d55e00; stroke-dasharray: 9 4; }
.c2 { stroke: #009e73; stroke-dasharray: 2 3; }
.c3 { stroke: #8a5a00; stroke-dasharray: 12 3 2 3; }
.c4 { stroke: #b0427f; stroke-dasharray: 5 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e9ec; } .quiet, .quiet text { fill: #a3adb8; } .ground { fill: #14171a; }
  .grid { stroke: #3a424b; } .zero { stroke: #a3adb8; }
  .c0 { stroke: #56b4e9; } .c1 { stroke: #ff8c42; } .c2 { stroke: #2fd6a4; } .c3 { stroke: #f0c350; } .c4 { stroke: #ee8fc0; }
}
`;

/** Coins as a number: for pictures only. */
function coins(units: bigint): number {
  return Number(units) / Number(COIN);
}

const short = (value: number): string => String(Number(value.toFixed(2)));

interface Panel {
  readonly title: string;
  readonly top: number;
  readonly height: number;
}

function panel(
  { title, top, height }: Panel,
  series: readonly IncomeSeries[],
  steps: readonly number[],
): Markup {
  const values = series.map(({ mean }) => mean.map(coins));
  const axis = axisOf([0, ...values.flat()], 5);
  const last = Math.max(1, steps.at(-1)!);
  const x = (step: number): number => LEFT + ((RIGHT - LEFT) * step) / last;
  const y = (value: number): number =>
    top + height - (height * (value - axis.least)) / (axis.most - axis.least);
  const grid = axis.marks.map(
    (mark) =>
      markup`<line class="${mark === 0 ? 'zero' : 'grid'}" x1="${LEFT}" x2="${RIGHT}" y1="${short(y(mark))}" y2="${short(y(mark))}"/><text class="quiet" x="${LEFT - 8}" y="${short(y(mark) + 4)}" text-anchor="end">${mark}</text>\n`,
  );
  const marks = axisOf([0, last], 5)
    .marks.filter((mark) => mark <= last)
    .map(
      (mark) =>
        markup`<text class="quiet" x="${short(x(mark))}" y="${top + height + 20}" text-anchor="middle">${mark}</text>\n`,
    );
  const ends = spread(
    values.map((line) => y(line.at(-1)!)),
    LABEL_GAP,
    top + 6,
    top + height,
  );
  const lines = series.map(({ name }, at) => {
    const points = values[at]!.map(
      (value, point) => `${short(x(steps[point]!))},${short(y(value))}`,
    );
    const from = y(values[at]!.at(-1)!);
    const label = ends[at]!;
    return markup`<polyline class="line c${at}" points="${points.join(' ')}"/><path class="line c${at}" d="M${RIGHT + 4} ${short(from)}L${RIGHT + 16} ${short(label)}H${RIGHT + 40}"/><text x="${RIGHT + 46}" y="${short(label + 4)}">${SAYS[name]} ${values[at]!.at(-1)!.toFixed(3)}</text>\n`;
  });
  return markup`<text class="title" x="${LEFT}" y="${top - 14}">${title}</text>
${grid}${marks}${lines}`;
}

function describe(groups: readonly IncomeSeries[]): string {
  return groups
    .map(({ name, members, mean }) => `${name} (${members}): ${coins(mean.at(-1)!).toFixed(4)}`)
    .join('; ');
}

/** A picture of the incomes over time, of sellers and of verifiers: SVG without script, the same for the same result. */
export function marketChart(result: MarketResult): string {
  const steps = reportedSteps(result);
  const sellers = sellerIncomes(result);
  const verifiers = verifierIncomes(result);
  const { seed, auditRate, detection } = result.market;
  const facts = `${result.market.sellers} sellers, audit rate ${auditRate}, detection ${detection}, seed ${seed.slice(0, 40)}`;
  const chart = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} 640" width="${WIDTH}" height="640" role="img" aria-labelledby="title facts">
<title id="title">Mean income of sellers and verifiers over time, in coins</title>
<desc id="facts">${facts}. At the end: ${describe([...sellers, ...verifiers])}</desc>
<style>${new Markup(STYLE)}</style>
<rect class="ground" width="${WIDTH}" height="640"/>
${panel({ title: 'Mean income of a seller, coins', top: 44, height: 320 }, sellers, steps)}
${panel({ title: 'Mean income of a verifier, coins', top: 430, height: 130 }, verifiers, steps)}
<text class="quiet" x="${(LEFT + RIGHT) / 2}" y="600" text-anchor="middle">step (each seller is asked for one job)</text>
<text class="quiet" x="${LEFT}" y="626">${facts}</text>
</svg>
`;
  return chart.toString();
}
