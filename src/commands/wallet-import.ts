import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  Account,
  type AddressParameters,
  accountPath,
  assertKeyAbsent,
  decodeWif,
  discoverAccount,
  type KeyFile,
  keyAddress,
  keyKind,
  keyPair,
  keyPath,
  networkParameters,
  openAccountSecret,
  readKeyFile,
  sealAccount,
  sealKey,
  watchFile,
  writeKeyFile,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { wholeOption } from './shared/number-options.js';
import { PASSPHRASE_OPTION, readPassphrase, readSecret } from './shared/passphrase.js';
import { nodeClient, walletBook } from './shared/wallet.js';
import { watchedOf } from './shared/wallet-address.js';
import type { Verb } from './wallet.js';
import { registerExport } from './wallet-export.js';

interface ImportOptions {
  readonly wif?: boolean;
  readonly mnemonic?: boolean;
  readonly mnemonicPassphrase?: boolean;
  readonly accountOf?: string;
  readonly address?: string;
  readonly xpub?: string;
  readonly account?: string;
  readonly path?: string;
  readonly force?: boolean;
  readonly passphraseFile?: string;
}

type Context = ActionContext<ImportOptions>;

/** BIP44 counts accounts below 2³¹; nobody has a million of them. */
const MOST_ACCOUNTS = 999_999;

const SOURCES = ['wif', 'mnemonic', 'accountOf', 'address', 'xpub'] as const;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('USAGE', message, { next, exitCode: EXIT.usage });
}

function checkOptions(options: ImportOptions): void {
  const given = SOURCES.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    throw usage(
      'What is imported is one of words, an account, a private key, an address, an extended key.',
      'Pass one of --mnemonic, --account-of, --wif, --address, --xpub',
    );
  }
  const hasWords = given[0] === 'mnemonic' || given[0] === 'accountOf';
  const forWords = options.account !== undefined || options.path !== undefined;
  if ((forWords && !hasWords) || (options.mnemonicPassphrase && given[0] !== 'mnemonic')) {
    throw usage('--account, --path and --mnemonic-passphrase go with words.', 'Leave them out');
  }
  if (options.account !== undefined && options.path !== undefined) {
    throw usage('--account and --path say the same thing.', 'Pass one of them');
  }
}

function pathOf({ account, path }: ImportOptions, parameters: AddressParameters): string {
  if (path !== undefined) return path;
  const number = account === undefined ? 0 : wholeOption(account, '--account', 0, MOST_ACCOUNTS);
  return accountPath(parameters, number);
}

function newPassphrase({ options, settings, signal }: Context): Promise<string> {
  return readPassphrase({
    passphraseFile: options.passphraseFile,
    confirm: true,
    question: 'A passphrase to keep it under',
    settings,
    signal,
  });
}

async function fromWords(context: Context, parameters: AddressParameters): Promise<KeyFile> {
  const { options, settings, signal } = context;
  const path = pathOf(options, parameters);
  const ask = (what: string): Promise<string> =>
    readSecret(what, 'Give it on stdin, one line for each', settings, signal);
  const mnemonic = await ask('words');
  const passphrase = options.mnemonicPassphrase ? await ask('passphrase of the words') : '';
  const secret = { mnemonic, passphrase };
  return sealAccount(secret, path, await newPassphrase(context), parameters);
}

/** Another account of the words behind one that is kept already, under the same passphrase. */
async function fromAccount(context: Context, parameters: AddressParameters): Promise<KeyFile> {
  const { options, settings, signal } = context;
  const name = options.accountOf!;
  const file = readKeyFile(keyPath(settings.datadir, parameters, name), parameters);
  if (file.v !== 2 || file.kind !== 'account') {
    throw usage(`${name} is no account with words.`, 'See bitmodel wallet list');
  }
  const path = pathOf(options, parameters);
  const passphrase = await readPassphrase({
    passphraseFile: options.passphraseFile,
    question: `The passphrase of ${name}`,
    settings,
    signal,
  });
  return sealAccount(await openAccountSecret(file, passphrase), path, passphrase, parameters);
}

async function fromWif(context: Context, parameters: AddressParameters): Promise<KeyFile> {
  const { settings, signal } = context;
  const wif = await readSecret('private key', 'Give it on stdin', settings, signal);
  const key = keyPair(decodeWif(wif.trim(), parameters), parameters);
  return sealKey(key, await newPassphrase(context), parameters);
}

async function obtain(context: Context, parameters: AddressParameters): Promise<KeyFile> {
  const { wif, mnemonic, accountOf, address, xpub } = context.options;
  if (wif) return fromWif(context, parameters);
  if (mnemonic) return fromWords(context, parameters);
  if (accountOf !== undefined) return fromAccount(context, parameters);
  return watchFile(address === undefined ? { xpub: xpub! } : { address }, parameters);
}

/** Looks for the addresses of an account that were used before, and notes how many. */
async function scan(name: string, { settings }: ActionContext<object>) {
  const watched = watchedOf(name, settings);
  if (!(watched instanceof Account)) {
    throw usage(`${name} is no account.`, 'See bitmodel wallet list');
  }
  await discoverAccount(watched, nodeClient(settings), networkParameters(settings.network));
  walletBook(settings).advance(watched.xpub, watched.indexes);
  return watched.indexes;
}

async function importKey(name: string, context: Context): Promise<void> {
  const { options, settings, terminal } = context;
  checkOptions(options);
  const parameters = networkParameters(settings.network);
  const path = keyPath(settings.datadir, parameters, name);
  if (!options.force) assertKeyAbsent(path);
  const file = await obtain(context, parameters);
  const kept = writeKeyFile(path, file, { force: options.force === true });
  if (kept) terminal.note(`The key that was there is kept as ${kept}`);
  const kind = keyKind(file);
  let used: Awaited<ReturnType<typeof scan>> | undefined;
  if (kind === 'account' || kind === 'watched account') {
    try {
      used = await scan(name, context);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.exitCode !== EXIT.unreachable) throw thrown;
      terminal.warn(
        `no node was reached to look for its addresses; later: bitmodel wallet scan --key ${name}`,
      );
    }
  }
  const address = keyAddress(file, parameters);
  const where = file.v === 2 && file.kind === 'account' ? { derivationPath: file.path } : {};
  terminal.result(
    { name, kind, address, network: settings.network, path, ...where, ...(used && { used }) },
    [
      `${kind.padEnd(15)} ${name}`,
      `first address   ${address}`,
      ...(used ? [`used addresses  ${used.receive} to receive, ${used.change} for change`] : []),
      `kept in         ${path}`,
    ].join('\n'),
    address,
  );
}

const importAction = action<ImportOptions>(async ([name], context) => importKey(name!, context));

const scanAction = action<{ readonly key: string }>(async (_args, context) => {
  const { receive, change } = await scan(context.options.key, context);
  context.terminal.result(
    { receive, change },
    `${receive} receiving and ${change} change addresses are in use.`,
    `${receive} ${change}`,
  );
});

const HELP = `
Words and private keys are asked for, or are lines of stdin in a pipe (words, then their passphrase, then the
passphrase to keep them under unless --passphrase-file says it); they are never arguments.

Examples:
  $ bitmodel wallet import savings --mnemonic < words.txt
  $ bitmodel wallet import second --account-of savings --account 1
  $ bitmodel wallet import shop --xpub tpubDC…
  $ bitmodel wallet import friend --address mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV`;

/** Adds the verbs that take keys in and give them out. */
export function registerTransfer(wallet: Command, verb: Verb): void {
  wallet
    .command('import')
    .description('take in words, a private key, or something to watch')
    .argument('<name>', 'what it is called here')
    .option('--mnemonic', 'an account of BIP39 words')
    .option('--mnemonic-passphrase', 'the words have a passphrase of their own (BIP39)')
    .option('--account <n>', 'which account of the words (default: 0)')
    .option('--path <path>', "where the account lies instead, such as m/44'/1'/0'")
    .option('--account-of <name>', 'another account of the words of this one')
    .option('--wif', 'a private key in wallet import format')
    .option('--address <address>', 'watch an address')
    .option('--xpub <key>', 'watch an account by its extended public key')
    .option('--force', 'replace a key of this name; the old file is kept beside it as .bak')
    .option(...PASSPHRASE_OPTION)
    .addHelpText('after', HELP)
    .action(importAction);
  registerExport(verb);
  verb('scan', 'look for used addresses of an account', 'scan --key savings').action(scanAction);
}
