import type { Command } from 'commander';

/**
 * What every file in `commands/` offers: adds its command, with all its verbs, to the program.
 * @param args of the command line, so that a command of many verbs need not load those that are not named in it
 */
export type Register = (program: Command, args: readonly string[]) => void | Promise<void>;
