import { resolve } from 'node:path';
import type { Settings } from './settings.js';

/** What of the settings a command that is proposed depends on. */
export type ProposalSettings = Pick<Settings, 'datadir' | 'namesDatadir' | 'flags'>;

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A command to go on with, as it can be typed in any folder: with the options before it that this one was given, so that
 * it finds the same data and the same node.
 * @param words of the command, after `bitmodel`
 */
export function proposal(
  { datadir, namesDatadir, flags }: ProposalSettings,
  ...words: string[]
): string {
  const { network, rpc } = flags;
  const options = [
    ...(network === undefined ? [] : ['--network', network]),
    ...(rpc === undefined ? [] : ['--rpc', rpc]),
    ...(namesDatadir ? ['--datadir', resolve(datadir)] : []),
  ];
  return ['bitmodel', ...words, ...options].map(shellWord).join(' ');
}
