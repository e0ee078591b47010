import { markup } from '../../base/index.js';
import type { Panel, Series } from './chart.js';

/** Where a panel is drawn: its size, and the room around the plot. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Colours that people who see some alike can tell apart (Okabe and Ito 2008), without yellow on white. Beside its colour
 * whatever is drawn has a class, by which a page gives it another one: `s0` to `s6`, `axis`, `grid`, `legend`.
 */
export const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b8860b',
  '#56b4e9',
  '#333333',
];
const LONGEST_LABEL = 26;
const LONGEST_TICK = 16;
const LINE_HEIGHT = 16;
const INK_STEPS = 20;
/** About how wide a letter is, and what a leaning label of so many letters takes below the axis. */
const LETTER = 6.5;
const LEAN = 40;

/** Text as it may stand in SVG, cut where it is too long to be read. */
export function svgText(text: string, longest = 120): string {
  const signs = [...text];
  const shown = signs.length > longest ? `${signs.slice(0, longest - 1).join('')}…` : text;
  return markup`${shown}`.toString();
}

const fixed = (value: number): string => String(Math.round(value * 100) / 100);

/** Draws one panel in its frame. */
class PanelPen {
  readonly #panel: Panel;
  readonly #frame: Frame;
  readonly #plot: { readonly width: number; readonly height: number };
  /** Whether the names under the axis lean, since they would run into each other. */
  readonly #leans: boolean;

  constructor(panel: Panel, frame: Frame) {
    this.#panel = panel;
    const width = frame.width - frame.left - frame.right;
    const { ticks, isNames = false } = panel.x;
    const longest = ticks.reduce((most, [, label]) => Math.max(most, [...label].length), 0);
    const letters = Math.min(longest, LONGEST_TICK);
    this.#leans = isNames && letters * LETTER > width / Math.max(1, ticks.length);
    const deeper = this.#leans ? letters * LETTER * Math.sin((LEAN * Math.PI) / 180) : 0;
    this.#frame = { ...frame, bottom: frame.bottom + Math.ceil(deeper) };
    this.#plot = { width, height: Math.floor(frame.height - frame.top - this.#frame.bottom) };
  }

  #at(x: number, y: number): [number, number] {
    const { left, top } = this.#frame;
    return [
      left + this.#panel.x.place(x) * this.#plot.width,
      top + (1 - this.#panel.y.place(y)) * this.#plot.height,
    ];
  }

  get #bottom(): number {
    return this.#frame.top + this.#plot.height;
  }

  get #slot(): number {
    return this.#plot.width / Math.max(1, this.#panel.x.ticks.length);
  }

  #bars(series: Series, paint: string): string {
    const groups = this.#panel.series.filter(({ form }) => form === 'bars');
    const width = (this.#slot * 0.8) / groups.length;
    return series.at
      .map(([x, y]) => {
        const [middle, top] = this.#at(x, y);
        const left = middle - this.#slot * 0.4 + groups.indexOf(series) * width;
        return `<rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(width)}" height="${fixed(this.#bottom - top)}" ${paint}/>`;
      })
      .join('');
  }

  #series(series: Series, index: number): string {
    const at = index % COLOURS.length;
    const filled = `class="s${at}" fill="${COLOURS[at]}"`;
    if (series.form === 'bars') return this.#bars(series, filled);
    const points = series.at.map(([x, y]) => this.#at(x, y).map(fixed));
    if (series.form === 'points') {
      return points
        .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" ${filled} fill-opacity="0.6"/>`)
        .join('');
    }
    const dashes = series.form === 'dashes' ? ' stroke-dasharray="6 4"' : '';
    const path = points.map((point) => point.join(',')).join(' ');
    return `<polyline points="${path}" fill="none" class="l${at}" stroke="${COLOURS[at]}" stroke-width="2"${dashes}/>`;
  }

  #axes(): string {
    const { left, top, width, height, right: margin } = this.#frame;
    const bottom = this.#bottom;
    const right = width - margin;
    const { x, y, xLabel, yLabel } = this.#panel;
    const xTicks = x.ticks.map(([value, label]) => {
      const place = fixed(left + x.place(value) * this.#plot.width);
      const text = svgText(label, LONGEST_TICK);
      const words = this.#leans
        ? `<text transform="translate(${place} ${bottom + 14}) rotate(-${LEAN})" text-anchor="end">${text}</text>`
        : `<text x="${place}" y="${bottom + 18}" text-anchor="middle">${text}</text>`;
      return `<path d="M${place} ${bottom}v5" class="axis" stroke="#555"/>${words}`;
    });
    const yTicks = y.ticks.map(([value, label]) => {
      const place = fixed(top + (1 - y.place(value)) * this.#plot.height);
      return `<path d="M${left} ${place}H${right}" class="grid" stroke="#ddd"/><text x="${left - 8}" y="${place}" dy="4" text-anchor="end">${svgText(label, 9)}</text>`;
    });
    const middle = top + this.#plot.height / 2;
    return [
      ...yTicks,
      ...xTicks,
      `<path d="M${left} ${top}V${bottom}H${right}" fill="none" class="axis" stroke="#555"/>`,
      `<text x="${left + this.#plot.width / 2}" y="${height - 16}" text-anchor="middle">${svgText(xLabel)}</text>`,
      `<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${svgText(yLabel)}</text>`,
    ].join('');
  }

  /** Points that lie where a series is drawn, close enough together that no legend fits between them. */
  #ink({ form, at }: Series): [number, number][] {
    const points = at.map(([x, y]) => this.#at(x, y));
    if (form === 'points') return points;
    return points.flatMap(([x, y], i) => {
      const [toX, toY] = form === 'bars' ? [x, this.#bottom] : (points[i + 1] ?? [x, y]);
      return Array.from({ length: INK_STEPS }, (_, step): [number, number][] => {
        const part = step / INK_STEPS;
        const here: [number, number] = [x + (toX - x) * part, y + (toY - y) * part];
        if (form !== 'bars') return [here];
        return [-0.4, -0.2, 0, 0.2, 0.4].map((side) => [here[0] + side * this.#slot, here[1]]);
      }).flat();
    });
  }

  /** The names of the series, in the corner where the fewest points lie. */
  legend(): string {
    const { series } = this.#panel;
    const { left, top } = this.#frame;
    const width =
      24 + 7 * Math.max(...series.map(({ label }) => Math.min(label.length, LONGEST_LABEL)));
    const height = series.length * LINE_HEIGHT + 6;
    const farLeft = left + this.#plot.width - width - 4;
    const farDown = this.#bottom - height - 4;
    const corners = [
      [farLeft, top + 4],
      [left + 8, top + 4],
      [left + 8, farDown],
      [farLeft, farDown],
    ] as const;
    const points = series.flatMap((one) => this.#ink(one));
    const covered = ([x, y]: readonly [number, number]): number =>
      points.filter((at) => at[0] >= x && at[0] <= x + width && at[1] >= y && at[1] <= y + height)
        .length;
    const [x, y] = corners.reduce((best, corner) =>
      covered(corner) < covered(best) ? corner : best,
    );
    const lines = series.map(({ label }, i) => {
      const line = y + 15 + i * LINE_HEIGHT;
      const colour = COLOURS[i % COLOURS.length]!;
      return `<rect x="${x + 4}" y="${line - 9}" width="10" height="10" fill="${colour}"/><text x="${x + 19}" y="${line}">${svgText(label, LONGEST_LABEL)}</text>`;
    });
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="#fff" fill-opacity="0.85"/>${lines.join('')}`;
  }

  plot(): string {
    return [this.#axes(), ...this.#panel.series.map((one, i) => this.#series(one, i))].join('');
  }
}

/** A panel's axes and series as SVG, without what they are called. */
export function plotSvg(panel: Panel, frame: Frame): string {
  return new PanelPen(panel, frame).plot();
}

/** The same with the names of its series in a corner. */
export function plotWithLegendSvg(panel: Panel, frame: Frame): string {
  const pen = new PanelPen(panel, frame);
  return pen.plot() + (panel.series.length > 0 ? pen.legend() : '');
}
