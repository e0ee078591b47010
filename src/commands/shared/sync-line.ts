import type { ChainSync, SyncProgress } from '../../network/index.js';
import { span } from './node-view.js';
import type { Settings } from './settings.js';
import type { Terminal } from './terminal.js';

const REDRAW_MS = 500;
/** Milliseconds between two lines where nobody can redraw them. */
const LINE_MS = 60_000;

/** Blocks behind from which on it is told. */
const NEWS = 10;

/** How far a node is with the chain that others have, such as `block 1070 of 20000 (5 %), 310 blocks/s, 1 min 2 s left`. */
export function syncText(progress: SyncProgress): string {
  const { height, headers, isSyncing, blocksPerSecond, secondsLeft } = progress;
  if (height >= headers)
    return isSyncing ? `asking others, block ${height}` : 'in step with others';
  const share = Math.floor((100 * height) / headers);
  const rate = blocksPerSecond === undefined ? '' : `, ${blocksPerSecond} blocks/s`;
  const left = secondsLeft === undefined ? '' : `, ${span(secondsLeft)} left`;
  return `block ${height} of ${headers} (${share} %)${rate}${left}`;
}

/**
 * Shows on stderr how a node catches up with others: on a terminal in one line that is redrawn, elsewhere in a line now
 * and then. Nothing while it is in step.
 * @returns takes the line away
 */
export function syncLine(sync: ChainSync, settings: Settings, terminal: Terminal): () => void {
  if (settings.quiet || settings.json) return () => {};
  const { isTTY } = process.stderr;
  let isShown = false;
  let next = 0;
  const clear = (): void => {
    if (isShown && isTTY) process.stderr.write('\r\x1b[K');
  };
  const draw = (): void => {
    const { progress } = sync;
    const behind = progress.headers - progress.height;
    // a new block or two are no news
    const isBehind = isShown ? behind > 0 : behind > NEWS;
    if (isBehind && isTTY) process.stderr.write(`\r\x1b[Ksyncing: ${syncText(progress)}`);
    else if (isBehind && Date.now() >= next) terminal.note(`syncing: ${syncText(progress)}`);
    else if (isShown && !isBehind) {
      clear();
      terminal.note(`In step with other nodes at block ${progress.height}.`);
    }
    if (isBehind && Date.now() >= next) next = Date.now() + LINE_MS;
    isShown = isBehind;
  };
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    clearInterval(timer);
    clear();
  };
}
