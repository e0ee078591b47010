export type { BalanceRow, DemoEvent, DemoResult } from './events.js';
export { type DemoOptions, runDemo } from './run.js';
