import type { ReceiptVerification } from '../job/index.js';
import type { LanguageModel } from '../model/index.js';
import type { Terminal } from './shared/terminal.js';

/** What `bitmodel verify --explain` prints: each position with its margin. */
export function explain(
  terminal: Terminal,
  verification: ReceiptVerification,
  model: LanguageModel,
): void {
  terminal.line('position  token                 margin  the model’s own');
  for (const { position, token, best, margin } of verification.rows) {
    const text = JSON.stringify(model.tokenizer.decode([token])).slice(0, 18);
    const own = best === token ? '' : JSON.stringify(model.tokenizer.decode([best])).slice(0, 18);
    const shown = margin === undefined ? 'excluded' : margin.toExponential(2);
    terminal.line(
      `${String(position).padStart(8)}  ${text.padEnd(18)}  ${shown.padStart(8)}  ${own}`.trimEnd(),
    );
  }
}
