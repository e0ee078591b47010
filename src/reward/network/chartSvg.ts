import type { Panel } from './chart.js';
import { plotWithLegendSvg, svgText } from './panelSvg.js';

const FRAME = { width: 520, height: 380, left: 70, right: 20, top: 44, bottom: 56 };
const HEAD = 56;
const FOOT = 24;

function drawPanel(panel: Panel): string {
  const title = `<text x="${FRAME.left}" y="26" font-size="15" font-weight="bold">${svgText(panel.title, 60)}</text>`;
  return title + plotWithLegendSvg(panel, FRAME);
}

/**
 * An SVG of diagrams, two in a row, under a title and a line of text. It holds no script and refers to nothing outside.
 */
export function drawChart(title: string, line: string, panels: readonly Panel[]): string {
  const width = 2 * FRAME.width;
  const height = HEAD + Math.ceil(panels.length / 2) * FRAME.height + FOOT;
  const placed = panels.map((panel, i) => {
    const x = (i % 2) * FRAME.width;
    const y = HEAD + Math.floor(i / 2) * FRAME.height;
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
