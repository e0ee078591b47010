import type { Command } from 'commander';
import { BitmodelError, EXIT, toHex } from '../base/index.js';
import {
  assertKeyAbsent,
  createKey,
  createKeystore,
  createMnemonic,
  decodeWif,
  derivationPath,
  encodeWif,
  type KeyPair,
  keyFromMnemonic,
  keyPair,
  keyPath,
  networkParameters,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { PASSPHRASE_OPTION, readPassphrase, readSecret } from './shared/passphrase.js';

interface KeygenOptions {
  readonly name: string;
  readonly out?: string;
  readonly mnemonic?: boolean;
  readonly restore?: boolean;
  readonly importWif?: boolean;
  readonly wif?: boolean;
  readonly force?: boolean;
  readonly passphraseFile?: string;
}

type Context = ActionContext<KeygenOptions>;

function checkOptions(options: KeygenOptions): void {
  const wrong =
    options.restore && !options.mnemonic
      ? '--restore goes with --mnemonic.'
      : options.mnemonic && options.importWif
        ? 'A key comes from words or from a private key, not from both.'
        : undefined;
  if (wrong)
    throw new BitmodelError('USAGE', wrong, {
      next: 'See bitmodel keygen --help',
      exitCode: EXIT.usage,
    });
}

/** The key, and the words it was made of when it was made of new ones. */
async function obtainKey({
  options,
  settings,
  signal,
}: Context): Promise<{ key: KeyPair; words?: string }> {
  const parameters = networkParameters(settings.network);
  if (options.importWif) {
    const next = 'Give it on stdin: bitmodel keygen --import-wif < FILE';
    const wif = await readSecret('private key', next, settings, signal);
    return { key: keyPair(decodeWif(wif.trim(), parameters), parameters) };
  }
  if (!options.mnemonic) return { key: createKey(parameters) };
  if (!options.restore) {
    const words = createMnemonic();
    return { key: await keyFromMnemonic(words, parameters), words };
  }
  const next = 'Give them on stdin: bitmodel keygen --mnemonic --restore < FILE';
  const words = await readSecret('words', next, settings, signal);
  return { key: await keyFromMnemonic(words, parameters) };
}

async function keygen(context: Context): Promise<void> {
  const { options, settings, terminal, signal } = context;
  checkOptions(options);
  const parameters = networkParameters(settings.network);
  const path = options.out ?? keyPath(settings.datadir, parameters, options.name);
  if (!options.force) assertKeyAbsent(path);
  const { key, words } = await obtainKey(context);
  const { passphraseFile } = options;
  const passphrase = await readPassphrase({
    passphraseFile,
    confirm: true,
    question: 'A passphrase for the new key',
    settings,
    signal,
  });
  const kept = await createKeystore(path, key, passphrase, parameters, {
    force: options.force === true,
  });
  const wif = options.wif ? encodeWif(key.privateKey, parameters) : undefined;
  key.privateKey.fill(0);
  const { address } = key;
  if (kept) terminal.note(`The key that was there is kept as ${kept}`);
  terminal.result(
    {
      address,
      publicKey: toHex(key.publicKey),
      network: settings.network,
      path,
      ...(kept && { replaced: kept }),
      ...(words && { mnemonic: words, derivationPath: derivationPath(parameters) }),
      ...(wif && { wif }),
    },
    () =>
      [
        `address   ${address}`,
        `network   ${settings.network}`,
        `kept in   ${path}`,
        ...(words
          ? [
              `words     ${words}`,
              `          write them down: they are this key (at ${derivationPath(parameters)}), and are not shown again`,
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
m/44'/1'/0'/0/0 on test and regtest (BIP32, BIP44).

Examples:
  $ bitmodel keygen
  $ bitmodel keygen --name savings --mnemonic
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
    .option('--restore', 'with --mnemonic: take the words of an older key')
    .option('--import-wif', 'take in a private key in wallet import format')
    .option('--wif', 'show the private key in wallet import format')
    .option('--force', 'replace a key of this name; the old file is kept beside it as .bak')
    .option(...PASSPHRASE_OPTION)
    .addHelpText('after', HELP)
    .action(action<KeygenOptions>(async (_args, context) => keygen(context)));
}
