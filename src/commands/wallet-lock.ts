import type { Command } from 'commander';
import { parseOutpoint } from '../chain/index.js';
import { action } from './shared/action.js';
import { walletBook } from './shared/wallet.js';

const lockAction = action(async ([text], { settings, terminal }) => {
  const fresh = walletBook(settings).lock(parseOutpoint(text!));
  terminal.result({ outpoint: text, locked: true }, `${text} is locked.`, text);
  if (!fresh) terminal.note('It was already.');
});

const unlockAction = action(async ([text], { settings, terminal }) => {
  const held = walletBook(settings).unlock(parseOutpoint(text!));
  terminal.result({ outpoint: text, locked: false }, `${text} can be spent.`, text);
  if (!held) terminal.note('It was not locked.');
});

const lockedAction = action(async (_args, { settings, terminal }) => {
  const locked = walletBook(settings).locked();
  if (locked.length === 0) terminal.note('No coin is locked.');
  if (locked.length > 0 || terminal.json) terminal.result({ locked }, locked.join('\n'));
});

/** Adds the verbs that keep coins from being spent. */
export function registerLocks(wallet: Command): void {
  const example = (text: string): string => `\nExample:\n  $ bitmodel wallet ${text}`;
  wallet
    .command('lock')
    .description('never choose this coin, until it is unlocked')
    .argument('<outpoint>', 'TXID:INDEX')
    .addHelpText('after', example('lock TXID:0'))
    .action(lockAction);
  wallet
    .command('unlock')
    .description('let this coin be spent again')
    .argument('<outpoint>', 'TXID:INDEX')
    .addHelpText('after', example('unlock TXID:0'))
    .action(unlockAction);
  wallet
    .command('locked')
    .description('coins that are locked')
    .addHelpText('after', example('locked --json'))
    .action(lockedAction);
}
