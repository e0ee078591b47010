import type { Command } from 'commander';
import { shellWord } from './proposal.js';

/**
 * A command as it was typed, for a page that says how it came about: with its own arguments and options, without those of the
 * whole program (a node's address may hold a password) and those left out.
 * @param leftOut options by name, such as `output`
 */
export function typedCommand(command: Command, leftOut: readonly string[] = []): string {
  const names: string[] = [];
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
  const options = command.options.flatMap((option) => {
    const name = option.attributeName();
    if (leftOut.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const values = [command.getOptionValue(name) as string | readonly string[]].flat();
    return values.flatMap((value) => [option.long ?? option.short!, value]);
  });
  return [...names, ...command.args, ...options].map(shellWord).join(' ');
}

/** `bitmodel 0.1.0`: the program that a command belongs to, and its version. */
export function programOf(command: Command): string {
  let root = command;
  while (root.parent) root = root.parent;
  return `${root.name()} ${root.version()}`;
}
