import { cutTo } from './columns.js';
import { span } from './node-view.js';
import type { Settings } from './settings.js';
import { formatSize } from './sizes.js';

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
/** In a pipe or a log a line is written, not redrawn, so it is seldom. */
const PLAIN_MS = 30_000;
/** The rate is that of the last so many milliseconds: disks, caches and networks change their mind. */
const RATE_MS = 5000;
/** Columns of a terminal that does not say how many it has. */
const COLUMNS = 80;

/** How far work is, at a moment. */
interface Mark {
  readonly at: number;
  readonly done: number;
}

/** How far work is, in words. */
interface Progress {
  readonly done: number;
  readonly total: number;
  /** Units a second. */
  readonly rate: number;
}

/** `900.0 MB of 2.0 GB  45 %  1234 MB/s  3 s left`; of what is not bytes only share, rate and time. */
export function progressText(
  { done, total, rate }: Progress,
  rateText?: (rate: number) => string,
): string {
  const percent = Math.floor((100 * done) / Math.max(total, 1));
  const left = rate > 0 ? `${span(Math.ceil((total - done) / rate))} left` : 'waiting';
  if (rateText) return `${percent} %  ${rateText(rate)}  ${left}`;
  const amount = `${formatSize(done)} of ${formatSize(total)}`;
  return `${amount}  ${percent} %  ${formatSize(Math.round(rate))}/s  ${left}`;
}

/**
 * Progress of work, with rate and time left: on a terminal when it takes longer than a second, elsewhere a line every 30 seconds.
 * @param label what is being done, such as "reading"
 * @param rateText the rate in words; without it the work is counted in bytes
 */
export function progressLine(
  label: string,
  settings: Settings,
  rateText?: (rate: number) => string,
): ProgressLine {
  if (settings.quiet || settings.json) return SILENT;
  const { isTTY } = process.stderr;
  const patience = isTTY ? PATIENCE_MS : PLAIN_MS;
  const pause = isTTY ? REDRAW_MS : PLAIN_MS;
  const started = performance.now();
  const marks: Mark[] = [{ at: started, done: 0 }];
  let drawn = 0;
  return {
    update(done, total) {
      const now = performance.now();
      if (now - Math.max(started + patience - pause, drawn) < pause) return;
      drawn = now;
      // the next part of the work begins to count anew
      if (done < marks.at(-1)!.done)
        marks.splice(0, marks.length, { at: now - REDRAW_MS, done: 0 });
      while (marks.length > 1 && now - marks[1]!.at > RATE_MS) marks.shift();
      const { at, done: before } = marks[0]!;
      marks.push({ at: now, done });
      const rate = ((done - before) * 1000) / (now - at);
      const text = `${label} ${progressText({ done, total, rate }, rateText)}`;
      if (!isTTY) {
        process.stderr.write(`${text}\n`);
        return;
      }
      // a line that wraps is not redrawn in place
      const line = cutTo(text, (process.stderr.columns || COLUMNS) - 1);
      process.stderr.write(`\r\x1b[K${line}`);
    },
    end() {
      if (isTTY && drawn > 0) process.stderr.write('\r\x1b[K');
    },
  };
}
