import type { RunningNode } from '../../chain/index.js';
import type { Settings } from './settings.js';

const REDRAW_MS = 1000;
const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s'];

/** A hash rate for people, such as `5.43 MH/s`. */
export function hashRateText(perSecond: number): string {
  const steps = Math.min(Math.floor(Math.log10(Math.max(perSecond, 1)) / 3), UNITS.length - 1);
  return `${(perSecond / 1000 ** steps).toFixed(steps === 0 ? 0 : 2)} ${UNITS[steps]}`;
}

/**
 * Shows on stderr, in one line that is redrawn, how fast a node mines; only on a terminal.
 * @returns takes the line away
 */
export function miningLine(running: RunningNode, settings: Settings): () => void {
  if (!process.stderr.isTTY || settings.quiet || settings.json) return () => {};
  const draw = (): void => {
    const rate = hashRateText(running.hashRate());
    process.stderr.write(`\r\x1b[Kmining ${rate}, height ${running.node.tip.height}`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    process.stderr.write('\r\x1b[K');
  };
}
