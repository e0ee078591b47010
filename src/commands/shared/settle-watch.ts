import { formatAmount } from '../../base/index.js';
import type { WatchEvent } from '../../reward/index.js';
import type { Settings } from './settings.js';
import { leftJson, leftLine, settlementJson } from './settle-view.js';
import type { Terminal } from './terminal.js';

function eventJson(event: WatchEvent, settings: Settings): object {
  switch (event.event) {
    case 'settled':
      return { event: 'settled', ...settlementJson(event.settlement, settings) };
    case 'left':
      return { event: 'left', ...leftJson(event.left) };
    default:
      return event;
  }
}

function eventText(event: WatchEvent): string | undefined {
  switch (event.event) {
    case 'settled': {
      const { name, amount, fee, txid } = event.settlement;
      return `${name}: ${formatAmount(amount)} settled in ${txid}, for ${formatAmount(fee)}`;
    }
    case 'left':
      return leftLine(event.left);
    case 'away':
      return `the node is away: ${event.detail}`;
    case 'back':
      return 'the node answers again';
    case 'problem':
      return `problem: ${event.detail}`;
    default:
      return undefined;
  }
}

/** Tells what happens while contracts are watched: a line of JSON each with `--json`; blocks are told there only. */
export function tellWatch(event: WatchEvent, terminal: Terminal, settings: Settings): void {
  if (terminal.json) {
    terminal.line(JSON.stringify(eventJson(event, settings)));
    return;
  }
  const text = eventText(event);
  if (text === undefined) return;
  if (event.event === 'settled') terminal.line(terminal.quiet ? event.settlement.txid : text);
  else terminal.note(text);
}
