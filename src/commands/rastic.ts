import type { Command } from 'commander';
import { registerEconomics } from './rastic-economics.js';
import { registerSimulate } from './rastic-simulate.js';
import type { Register } from './shared/register.js';

/** `bitmodel rastic`: what checking finds, what it costs, and who gains by what. */
export const register: Register = (program) => {
  const rastic: Command = program
    .command('rastic')
    .description('whether cheating pays, shown and simulated');
  registerEconomics(rastic);
  registerSimulate(rastic);
};
