import type { Command } from 'commander';

/** What every file in `commands/` offers: adds its command, with all its verbs, to the program. */
export type Register = (program: Command) => void;
