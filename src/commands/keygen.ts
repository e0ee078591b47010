import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../base/index.js';
import {
  accountPath,
  assertKeyAbsent,
  createKey,
  createMnemonic,
  decodeWif,
  derivationPath,
  encodeWif,
  type KeyFile,
  type KeyPair,
  keyAddress,
  keyFromMnemonic,
  keyPair,
  keyPath,
  networkParameters,
  normalizeMnemonic,
  sealAccount,
  sealKey,
  writeKeyFile,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { PASSPHRASE_OPTION, readPassphrase, readSecret } from './shared/passphrase.js';

interface KeygenOptions {
  readonly name: string;
  readonly out?: string;
  readonly mnemonic?: boolean;
  readonly hd?: boolean;
  readonly restore?: boolean;
  readonly importWif?: boolean;
  readonly wif?: boolean;
  readonly force?: boolean;
  readonly passphraseFile?: string;
}

type Context = ActionContext<KeygenOptions>;

function checkOptions(options: KeygenOptions): void {
  const wrong =
    options.restore && !options.mnemonic && !options.hd
      ? '--restore goes with --mnemonic and --hd.'
      : (options.mnemonic || options.hd) && options.importWif
        ? 'A key comes from words or from a private key, not from both.'
        : undefined;
  if (wrong)
    throw new BitmodelError('USAGE', wrong, {
      next: 'See bitmodel keygen --help',
      exitCode: EXIT.usage,
    });
}

/** What is kept, and what is shown of it once. */
interface Made {
  readonly file: KeyFile;
  /** New words, and where the key or the account lies under them. */
  readonly words?: { readonly mnemonic: string; readonly derivationPath: string };
  readonly wif?: string;
}

function askPassphrase({ options, settings, signal }: Context): Promise<string> {
  return readPassphrase({
    passphraseFile: options.passphraseFile,
    confirm: true,
    question: 'A passphrase for the new key',
    settings,
    signal,
  });
}

/** New words, or those of an older key. */
async function obtainWords({ options, settings, signal }: Context): Promise<string> {
  if (!options.restore) return createMnemonic();
  const next = 'Give them on stdin: bitmodel keygen --mnemonic --restore < FILE';
  return normalizeMnemonic(await readSecret('words', next, settings, signal));
}

async function makeAccount(context: Context): Promise<Made> {
  const parameters = networkParameters(context.settings.network);
  const mnemonic = await obtainWords(context);
  const path = accountPath(parameters);
  const passphrase = await askPassphrase(context);
  const file = await sealAccount({ mnemonic, passphrase: '' }, path, passphrase, parameters);
  return { file, ...(!context.options.restore && { words: { mnemonic, derivationPath: path } }) };
}

async function makeKey(context: Context): Promise<Made> {
  const { options, settings, signal } = context;
  const parameters = networkParameters(settings.network);
  let words: string | undefined;
  let key: KeyPair;
  if (options.importWif) {
    const next = 'Give it on stdin: bitmodel keygen --import-wif < FILE';
    const wif = await readSecret('private key', next, settings, signal);
    key = keyPair(decodeWif(wif.trim(), parameters), parameters);
  } else if (options.mnemonic) {
    words = await obtainWords(context);
    key = await keyFromMnemonic(words, parameters);
  } else key = createKey(parameters);
  const file = await sealKey(key, await askPassphrase(context), parameters);
  const wif = options.wif ? encodeWif(key.privateKey, parameters) : undefined;
  key.privateKey.fill(0);
  const isNew = words !== undefined && !options.restore;
  return {
    file,
    ...(isNew && { words: { mnemonic: words!, derivationPath: derivationPath(parameters) } }),
    ...(wif && { wif }),
  };
}

async function keygen(context: Context): Promise<void> {
  const { options, settings, terminal } = context;
  checkOptions(options);
  const parameters = networkParameters(settings.network);
  const path = options.out ?? keyPath(settings.datadir, parameters, options.name);
  if (!options.force) assertKeyAbsent(path);
  const { file, words, wif } = await (options.hd ? makeAccount(context) : makeKey(context));
  const kept = writeKeyFile(path, file, { force: options.force === true });
  const address = keyAddress(file, parameters);
  if (kept) terminal.note(`The key that was there is kept as ${kept}`);
  terminal.result(
    {
      address,
      ...(file.v === 1 ? { publicKey: file.publicKey } : { xpub: file.xpub }),
      network: settings.network,
      path,
      ...(kept && { replaced: kept }),
      ...words,
      ...(wif && { wif }),
    },
    () =>
      [
        `address   ${address}`,
        `network   ${settings.network}`,
        `kept in   ${path}`,
        ...(words
          ? [
              `words     ${words.mnemonic}`,
              `          write them down: they are this ${options.hd ? 'account' : 'key'} (at ${words.derivationPath}), and are not shown again`,
            ]
          : []),
        ...(wif ? [`wif       ${wif}`] : []),
      ].join('\n'),
    address,
  );
}

const HELP = `
A key is kept encrypted under a passphrase, in DATADIR/NETWORK/keys/NAME.json. The passphrase is asked for
twice on a terminal, or comes from --passphrase-file, or is the next line of stdin in a pipe. Words and private
keys are read from a hidden question or from stdin, before the passphrase, and are never arguments.

Words are BIP39 (English, no BIP39 passphrase); the key lies at m/44'/25197'/0'/0/0 on main and at
m/44'/1'/0'/0/0 on test and regtest (BIP32, BIP44). With --hd they are an account with an address for every
payment instead (m/44'/25197'/0', m/44'/1'/0'); see bitmodel wallet import for other accounts and paths.

Examples:
  $ bitmodel keygen
  $ bitmodel keygen --name savings --mnemonic
  $ bitmodel keygen --name shop --hd
  $ bitmodel keygen --mnemonic --restore --name restored < words.txt
  $ bitmodel keygen --import-wif --name old < key.wif
  $ bitmodel keygen --name ci --passphrase-file pass.txt --no-input --json`;

/** Adds `keygen`. */
export function register(program: Command): void {
  program
    .command('keygen')
    .description('make a key, or take one in, and keep it encrypted')
    .option('--name <name>', 'what the key is called', 'default')
    .option('--out <file>', 'keep it in this file instead of the data folder')
    .option('--mnemonic', 'make it of 12 new words, and show them once')
    .option('--hd', 'make an account of 12 new words, with an address for every payment')
    .option('--restore', 'with --mnemonic or --hd: take the words of an older one')
    .option('--import-wif', 'take in a private key in wallet import format')
    .option('--wif', 'show the private key in wallet import format')
    .option('--force', 'replace a key of this name; the old file is kept beside it as .bak')
    .option(...PASSPHRASE_OPTION)
    .addHelpText('after', HELP)
    .action(action<KeygenOptions>(async (_args, context) => keygen(context)));
}
