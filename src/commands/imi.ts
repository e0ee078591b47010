import { registerAccept } from './imi-accept.js';
import { registerFunding } from './imi-fund.js';
import { registerViews } from './imi-show.js';
import { registerWork } from './imi-work.js';
import type { Register } from './shared/register.js';

/** `bitmodel imi`: backers pledge coins to a model that is yet to be made, and have them back if it is not. */
export const register: Register = (program) => {
  const imi = program
    .command('imi')
    .description(
      'Initial model investment: pledge coins to a model that is yet to be made; who delivers it is paid, or all have their coins back.',
    );
  registerFunding(imi);
  registerWork(imi);
  registerAccept(imi);
  registerViews(imi);
};
