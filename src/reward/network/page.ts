import { createHash } from 'node:crypto';
import { Markup, type MarkupValue, markup } from '../../base/index.js';
import type { Panel, Series } from './chart.js';
import { PAGE_STYLE } from './pageStyle.js';
import { COLOURS, plotSvg } from './panelSvg.js';

/** How something was computed: names and values, such as the graph, the program's version and the command. */
export type PageFacts = readonly (readonly [name: string, value: string])[];

/** Drawn at its size on a small screen, so that its letters stay as large as text. */
const FRAME = { width: 380, height: 300, left: 62, right: 26, top: 10, bottom: 50 };

/** Nothing may be fetched, no script may run, and no style but the page's own counts, whatever stands in the texts. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** A word that others wrote, which does not change the direction of what stands around it. */
export const foreign = (text: string): Markup => markup`<bdi>${text}</bdi>`;

function swatch({ form }: Series, index: number): Markup {
  const at = index % COLOURS.length;
  const dashes = form === 'dashes' ? markup` stroke-dasharray="6 4"` : undefined;
  const shape = {
    bars: markup`<rect class="s${at}" width="24" height="12"/>`,
    points: markup`<circle class="s${at}" cx="12" cy="6" r="4"/>`,
    line: markup`<path class="l${at}" d="M0 6h24" stroke-width="3"/>`,
    dashes: markup`<path class="l${at}" d="M0 6h24" stroke-width="3"${dashes}/>`,
  }[form];
  return markup`<svg viewBox="0 0 24 12" aria-hidden="true">${shape}</svg>`;
}

/**
 * A diagram with what it is called and what its colours mean.
 * @param id of the elements in it, unique on the page
 * @param says what is to be seen, for who can't see it
 */
export function pageFigure(id: string, panel: Panel, says: string): Markup {
  const { title, series } = panel;
  const legend = series.map((one, i) => markup`<li>${swatch(one, i)} ${foreign(one.label)}</li>`);
  const plot = new Markup(plotSvg(panel, FRAME));
  return markup`<figure>
<figcaption>${title}</figcaption>
<svg role="img" aria-labelledby="${id}-title ${id}-says" viewBox="0 0 ${FRAME.width} ${FRAME.height}"><title id="${id}-title">${title}</title><desc id="${id}-says">${says}</desc>${plot}</svg>
<ul class="legend">${legend}</ul>
</figure>
`;
}

/** A row of a table: what it is of, with a line on what that means, and a cell for each further column. */
export interface PageRow {
  readonly name: MarkupValue;
  readonly means?: string;
  readonly cells: readonly MarkupValue[];
}

/** A value that stays on the line of its unit. */
const unbroken = (value: MarkupValue): MarkupValue =>
  typeof value === 'string' ? value.replace(/ %$/, '\u00a0%') : value;

/** A table with numbers in all columns but the first. @param head a name for each column */
export function pageTable(
  caption: string,
  head: readonly MarkupValue[],
  rows: readonly PageRow[],
): Markup {
  const titles = head.map((title, i) =>
    i === 0
      ? markup`<th scope="col">${title}</th>`
      : markup`<th scope="col" class="number">${title}</th>`,
  );
  const lines = rows.map(({ name, means, cells }) => {
    const meant = means === undefined ? undefined : markup`<span class="means">${means}</span>`;
    const values = cells.map((value) => markup`<td class="number">${unbroken(value)}</td>`);
    return markup`<tr><th scope="row">${name}${meant}</th>${values}</tr>\n`;
  });
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${titles}</tr></thead>
<tbody>
${lines}</tbody></table></div>
`;
}

/** How it was computed, as a list of names and values. */
export function pageFacts(facts: PageFacts): Markup {
  const items = facts.map(
    ([name, value]) => markup`<dt>${name}</dt><dd><code>${foreign(value)}</code></dd>\n`,
  );
  return markup`<dl>${items}</dl>`;
}

/** A part of a page under its title. */
export const pageSection = (title: string, ...content: readonly MarkupValue[]): Markup =>
  markup`<section>
<h2>${title}</h2>
${content}</section>
`;

/**
 * A page of its own in one file, well-formed as XML, too: no script, nothing fetched, every text escaped; light or dark as its reader has it.
 * @param lead what it is about, in a sentence
 */
export function pageOf(title: string, lead: MarkupValue, sections: readonly Markup[]): string {
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<title>${title}</title>
<style>${new Markup(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1>${foreign(title)}</h1>
<p>${lead}</p>
</header>
<main>
${sections}</main>
</body>
</html>
`.toString();
}
