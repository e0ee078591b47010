/** An axis: where values lie between its ends, and which of them are written beside it. */
export interface Scale {
  /** From 0 at the axis's begin to 1 at its end. */
  place(value: number): number;
  readonly ticks: readonly (readonly [value: number, label: string])[];
}

/** What is drawn in a panel. Bars stand side by side where several series have some. */
export interface Series {
  readonly label: string;
  readonly form: 'points' | 'line' | 'dashes' | 'bars';
  readonly at: readonly (readonly [x: number, y: number])[];
}

/** One diagram of a chart. */
export interface Panel {
  readonly title: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

/** Colours that people who see some alike can tell apart (Okabe and Ito 2008), without yellow on white. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#333333'];
const PANEL = { width: 520, height: 380, left: 70, right: 20, top: 44, bottom: 56 };
const PLOT = {
  width: PANEL.width - PANEL.left - PANEL.right,
  height: PANEL.height - PANEL.top - PANEL.bottom,
};
const HEAD = 56;
const FOOT = 24;
const LONGEST_LABEL = 26;
const LINE_HEIGHT = 16;
const INK_STEPS = 20;

/** Text as it may stand in XML, cut where it is too long to be read. */
export function svgText(text: string, longest = 120): string {
  const shown = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return shown
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** 1 and 2 and 5 times powers of ten, so that an axis has four to eight ticks. */
function niceStep(span: number): number {
  const rough = span / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/** A linear axis from 0 to `most`, its ticks in these units. */
export function linearScale(most: number, unit = ''): Scale {
  const end = most > 0 ? most : 1;
  const step = niceStep(end);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: [number, string][] = [];
  for (let i = 0; i * step <= end * (1 + 1e-9); i++) {
    ticks.push([i * step, `${(i * step).toFixed(digits)}${unit}`]);
  }
  return { place: (value) => value / end, ticks };
}

/** A logarithmic axis from a power of ten to a power of ten, around these values above 0. */
export function logScale(least: number, most: number): Scale {
  const low = Math.floor(Math.log10(least) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(most) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i): [number, string] => {
    const exponent = low + i;
    const plain = Math.abs(exponent) <= 3;
    return [10 ** exponent, plain ? String(Number(`1e${exponent}`)) : `1e${exponent}`];
  });
  return { place: (value) => (Math.log10(value) - low) / (high - low), ticks };
}

/** An axis of names, each in the middle of its part. */
export function nameScale(names: readonly string[]): Scale {
  const count = Math.max(1, names.length);
  return {
    place: (value) => (value + 0.5) / count,
    ticks: names.map((name, i) => [i, name]),
  };
}

const fixed = (value: number): string => String(Math.round(value * 100) / 100);

function pointAt(panel: Panel, x: number, y: number): [number, number] {
  return [
    PANEL.left + panel.x.place(x) * PLOT.width,
    PANEL.top + (1 - panel.y.place(y)) * PLOT.height,
  ];
}

function drawBars(panel: Panel, series: Series, colour: string): string {
  const groups = panel.series.filter(({ form }) => form === 'bars');
  const slot = PLOT.width / Math.max(1, panel.x.ticks.length);
  const width = (slot * 0.8) / groups.length;
  const bottom = PANEL.top + PLOT.height;
  return series.at
    .map(([x, y]) => {
      const [middle, top] = pointAt(panel, x, y);
      const left = middle - slot * 0.4 + groups.indexOf(series) * width;
      return `<rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(width)}" height="${fixed(bottom - top)}" fill="${colour}"/>`;
    })
    .join('');
}

function drawSeries(panel: Panel, series: Series, colour: string): string {
  if (series.form === 'bars') return drawBars(panel, series, colour);
  const points = series.at.map(([x, y]) => pointAt(panel, x, y).map(fixed));
  if (series.form === 'points') {
    return points
      .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}" fill-opacity="0.6"/>`)
      .join('');
  }
  const dashes = series.form === 'dashes' ? ' stroke-dasharray="6 4"' : '';
  const path = points.map((point) => point.join(',')).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`;
}

function drawAxes(panel: Panel): string {
  const bottom = PANEL.top + PLOT.height;
  const right = PANEL.left + PLOT.width;
  const xTicks = panel.x.ticks.map(([value, label]) => {
    const x = fixed(PANEL.left + panel.x.place(value) * PLOT.width);
    return `<path d="M${x} ${bottom}v5" stroke="#555"/><text x="${x}" y="${bottom + 18}" text-anchor="middle">${svgText(label, 16)}</text>`;
  });
  const yTicks = panel.y.ticks.map(([value, label]) => {
    const y = fixed(PANEL.top + (1 - panel.y.place(value)) * PLOT.height);
    return `<path d="M${PANEL.left} ${y}H${right}" stroke="#ddd"/><text x="${PANEL.left - 8}" y="${y}" dy="4" text-anchor="end">${svgText(label, 9)}</text>`;
  });
  const middle = PANEL.top + PLOT.height / 2;
  return [
    ...yTicks,
    ...xTicks,
    `<path d="M${PANEL.left} ${PANEL.top}V${bottom}H${right}" fill="none" stroke="#555"/>`,
    `<text x="${PANEL.left + PLOT.width / 2}" y="${bottom + 40}" text-anchor="middle">${svgText(panel.xLabel)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${svgText(panel.yLabel)}</text>`,
  ].join('');
}

/** Points that lie where a series is drawn, close enough together that no legend fits between them. */
function inkOf(panel: Panel, { form, at }: Series): [number, number][] {
  const points = at.map(([x, y]) => pointAt(panel, x, y));
  if (form === 'points') return points;
  const bottom = PANEL.top + PLOT.height;
  const slot = PLOT.width / Math.max(1, panel.x.ticks.length);
  return points.flatMap(([x, y], i) => {
    const [toX, toY] = form === 'bars' ? [x, bottom] : (points[i + 1] ?? [x, y]);
    return Array.from({ length: INK_STEPS }, (_, step): [number, number][] => {
      const part = step / INK_STEPS;
      const here: [number, number] = [x + (toX - x) * part, y + (toY - y) * part];
      if (form !== 'bars') return [here];
      return [-0.4, -0.2, 0, 0.2, 0.4].map((side) => [here[0] + side * slot, here[1]]);
    }).flat();
  });
}

/** The names of the series, in the corner where the fewest points lie. */
function drawLegend(panel: Panel): string {
  const width = 24 + 7 * Math.max(...panel.series.map(({ label }) => Math.min(label.length, 26)));
  const height = panel.series.length * LINE_HEIGHT + 6;
  const corners = [
    [PANEL.left + PLOT.width - width - 4, PANEL.top + 4],
    [PANEL.left + 8, PANEL.top + 4],
    [PANEL.left + 8, PANEL.top + PLOT.height - height - 4],
    [PANEL.left + PLOT.width - width - 4, PANEL.top + PLOT.height - height - 4],
  ] as const;
  const points = panel.series.flatMap((series) => inkOf(panel, series));
  const covered = ([left, top]: readonly [number, number]): number =>
    points.filter(([x, y]) => x >= left && x <= left + width && y >= top && y <= top + height)
      .length;
  const [left, top] = corners.reduce((best, corner) =>
    covered(corner) < covered(best) ? corner : best,
  );
  const lines = panel.series.map(({ label }, i) => {
    const y = top + 15 + i * LINE_HEIGHT;
    const colour = COLOURS[i % COLOURS.length]!;
    return `<rect x="${left + 4}" y="${y - 9}" width="10" height="10" fill="${colour}"/><text x="${left + 19}" y="${y}">${svgText(label, LONGEST_LABEL)}</text>`;
  });
  return `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="#fff" fill-opacity="0.85"/>${lines.join('')}`;
}

function drawPanel(panel: Panel): string {
  const series = panel.series.map((one, i) => drawSeries(panel, one, COLOURS[i % COLOURS.length]!));
  return [
    `<text x="${PANEL.left}" y="26" font-size="15" font-weight="bold">${svgText(panel.title, 60)}</text>`,
    drawAxes(panel),
    ...series,
    panel.series.length > 0 ? drawLegend(panel) : '',
  ].join('');
}

/**
 * An SVG of diagrams, two in a row, under a title and a line of text. It holds no script and refers to nothing outside.
 */
export function drawChart(title: string, line: string, panels: readonly Panel[]): string {
  const width = 2 * PANEL.width;
  const height = HEAD + Math.ceil(panels.length / 2) * PANEL.height + FOOT;
  const placed = panels.map((panel, i) => {
    const x = (i % 2) * PANEL.width;
    const y = HEAD + Math.floor(i / 2) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<title>${svgText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="28" font-size="19" font-weight="bold">${svgText(title, 100)}</text>`,
    `<text x="20" y="48">${svgText(line, 170)}</text>`,
    ...placed,
    '</svg>',
    '',
  ].join('\n');
}
