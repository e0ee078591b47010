import { collect } from './collect.js';

/** The option that names the shares of protected models: `command.option(...SHARE_OPTION)`; it may be repeated. */
export const SHARE_OPTION = [
  '--share <file>',
  'share of a protected model, - for stdin; both are needed (see bitmodel model share)',
  collect,
] as const;
