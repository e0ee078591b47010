import type { Settings } from './settings.js';

/** A line on stderr that is redrawn in place. */
export interface ProgressLine {
  readonly update: (done: number, total: number) => void;
  /** Takes the line away. */
  readonly end: () => void;
}

const SILENT: ProgressLine = { update: () => {}, end: () => {} };
/** Work shorter than this shows nothing (DESIGN 10). */
const PATIENCE_MS = 1000;
const REDRAW_MS = 100;

/**
 * Progress of work, with rate and time left: only on a terminal, only when it takes longer than a second.
 * @param label what is being done, such as "reading"
 * @param rateText the rate in words; of bytes unless stated
 */
export function progressLine(
  label: string,
  settings: Settings,
  rateText = (rate: number): string => `${(rate / 1e6).toFixed(0)} MB/s`,
): ProgressLine {
  if (!process.stderr.isTTY || settings.quiet || settings.json) return SILENT;
  const started = performance.now();
  let drawn = 0;
  return {
    update(done, total) {
      const now = performance.now();
      if (now - started < PATIENCE_MS || now - drawn < REDRAW_MS) return;
      drawn = now;
      const rate = done / ((now - started) / 1000);
      const left = Math.ceil((total - done) / rate);
      const percent = Math.floor((100 * done) / Math.max(total, 1));
      process.stderr.write(`\r\x1b[K${label} ${percent}%  ${rateText(rate)}  ${left} s left`);
    },
    end() {
      if (drawn > 0) process.stderr.write('\r\x1b[K');
    },
  };
}
