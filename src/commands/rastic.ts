import type { Command } from 'commander';
import { registerAttack } from './rastic-attack.js';
import { registerAttacks } from './rastic-attacks.js';
import { registerEconomics } from './rastic-economics.js';
import { registerSellers } from './rastic-sellers.js';
import { registerSimulate } from './rastic-simulate.js';
import type { Register } from './shared/register.js';

/** `bitmodel rastic`: what checking finds, what it costs, and who gains by what. */
export const register: Register = (program) => {
  const rastic: Command = program
    .command('rastic')
    .description('cheats and what comes of them; whether cheating pays, shown and simulated');
  registerAttack(rastic);
  registerAttacks(rastic);
  registerEconomics(rastic);
  registerSimulate(rastic);
  registerSellers(rastic);
};
