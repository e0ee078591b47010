import { type Markup, markup, oneLine } from '../../base/index.js';
import { type ContributionGraph, standingOf } from '../graph/graph.js';
import type { Route } from './layers.js';

/** A point of the drawing, in its pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A share on the drawing: its middle, and half of what it takes. */
interface Label extends Point {
  readonly text: string;
}

const LABEL_HEIGHT = 15;
/** Where on its first part a share may stand, the best place first. */
const LABEL_STEPS = [0.5, 0.62, 0.38, 0.74, 0.26, 0.86, 0.14];

/** A weight for people, short: `15 %`, `0.3 %`, `<0.1 %`; nothing is all or none that is not. */
export function shortShare(ppm: number): string {
  if (ppm < 1000) return ppm === 0 ? '0 %' : '<0.1 %';
  if (ppm > 999_000 && ppm < 1_000_000) return '>99.9 %';
  const percent = ppm / 10_000;
  return `${percent >= 10 && percent < 99 ? Math.round(percent) : Math.round(percent * 10) / 10} %`;
}

/** A point on the curve between two others that leaves and arrives level. */
function onCurve(from: Point, to: Point, t: number): Point {
  const middle = (from.x + to.x) / 2;
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * from.x + (b + c) * middle + d * to.x, y: (a + b) * from.y + (c + d) * to.y };
}

/** Free places of shares, so that none covers another. */
export class LabelPlaces {
  readonly #taken = new Map<string, Label[]>();

  /** The first free place on a curve, or undefined where all are taken. */
  find(from: Point, to: Point, text: string): Label | undefined {
    for (const t of LABEL_STEPS) {
      const label = { ...onCurve(from, to, t), text };
      if (!this.#isFree(label)) continue;
      const key = this.#key(label.x, label.y);
      this.#taken.set(key, [...(this.#taken.get(key) ?? []), label]);
      return label;
    }
    return undefined;
  }

  #key(x: number, y: number): string {
    return `${Math.floor(x / 64)} ${Math.floor(y / 64)}`;
  }

  #isFree({ x, y, text }: Label): boolean {
    for (const dx of [-64, 0, 64]) {
      for (const dy of [-64, 0, 64]) {
        for (const other of this.#taken.get(this.#key(x + dx, y + dy)) ?? []) {
          const reach = (labelWidth(text) + labelWidth(other.text)) / 2;
          if (Math.abs(other.x - x) < reach && Math.abs(other.y - y) < LABEL_HEIGHT) return false;
        }
      }
    }
    return true;
  }
}

function labelWidth(text: string): number {
  return text.length * 6.2 + 6;
}

/** A share as it stands on its edge. */
export function labelMarkup({ x, y, text }: Label): Markup {
  const width = labelWidth(text);
  return markup`<rect class="paper" x="${round(x - width / 2)}" y="${round(y - 7.5)}" width="${round(width)}" height="${LABEL_HEIGHT}" rx="3"/><text class="share" x="${round(x)}" y="${round(y + 3.5)}">${text}</text>`;
}

/** Tenths of a pixel are enough. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** One edge: its curve through the places kept free for it, thicker the more it passes on. */
export function edgeMarkup(
  graph: ContributionGraph,
  { edge, isBack }: Route,
  points: readonly Point[],
  names: readonly [child: string, parent: string],
): Markup {
  const [first, ...others] = points;
  let d = `M${round(first!.x)} ${round(first!.y)}`;
  let before = first!;
  for (const point of others) {
    const middle = round((before.x + point.x) / 2);
    d += `C${middle} ${round(before.y)} ${middle} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    before = point;
  }
  const ppm = graph.weights[edge]!;
  const standing = standingOf(graph, edge);
  const look = `edge ${standing ?? 'stated'}${isBack ? ' back' : ''}`;
  const width = round(1 + 4 * Math.sqrt(ppm / 1_000_000));
  const arrow = isBack ? markup` marker-start="url(#a)"` : markup` marker-end="url(#a)"`;
  const title = `${oneLine(names[0])} passes ${ppm / 10_000} % to ${oneLine(names[1])}${standing ? `, ${standing}` : ''}`;
  return markup`<path class="${look}" d="${d}" stroke-width="${width}"${arrow}><title>${title}</title></path>\n`;
}
