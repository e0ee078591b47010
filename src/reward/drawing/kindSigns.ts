import { type Markup, markup } from '../../base/index.js';

/** Colours that people who see red and green alike tell apart (Okabe and Ito 2008), with a shape each. */
const SIGNS: Readonly<Record<string, readonly [colour: string, path: string]>> = {
  model: ['#0072b2', 'M-7-7H7V7H-7Z'],
  dataset: ['#e69f00', 'M-7-5A7 3 0 0 1 7-5V5A7 3 0 0 1-7 5Z'],
  algorithm: ['#009e73', 'M0-8L8 0L0 8L-8 0Z'],
  theory: ['#56b4e9', 'M0-8L7.6-2.5L4.7 6.5H-4.7L-7.6-2.5Z'],
  paper: ['#cdb700', 'M-6-8H2L6-4V8H-6Z'],
  code: ['#d55e00', 'M-4-7H4L8 0L4 7H-4L-8 0Z'],
  compute: ['#7f7f7f', 'M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z'],
  developer: [
    '#cc79a7',
    'M0-8A4 4 0 0 1 2.5-1C6 0 7.5 4 7.5 8H-7.5C-7.5 4-6 0-2.5-1A4 4 0 0 1 0-8Z',
  ],
  service: ['#8a6fc0', 'M0-8L7.5 6.5H-7.5Z'],
};
/** Of a source that says no kind, or one that is not known here. */
const OTHER = ['#5a5a5a', 'M-7 0A7 7 0 1 1 7 0A7 7 0 1 1-7 0Z'] as const;

/** The colour and the shape by which a kind of source is known in a drawing. */
export function kindSign(kind: string | undefined, x: number, y: number): Markup {
  const [colour, path] = (kind !== undefined && Object.hasOwn(SIGNS, kind) && SIGNS[kind]) || OTHER;
  return markup`<path d="${path}" fill="${colour}" transform="translate(${x} ${y})"/>`;
}

/** The colour of a kind of source. */
export function kindColour(kind: string | undefined): string {
  return ((kind !== undefined && Object.hasOwn(SIGNS, kind) && SIGNS[kind]) || OTHER)[0];
}
