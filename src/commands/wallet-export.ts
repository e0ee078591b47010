import { BitmodelError, EXIT, writeFileAtomic } from '../base/index.js';
import {
  Account,
  type AccountFile,
  accountDescriptors,
  addressScript,
  encodeWif,
  type KeyFile,
  keyPath,
  networkParameters,
  openAccountSecret,
  openKeyFile,
  readKeyFile,
  watchedAccount,
  withDescriptorChecksum,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { PASSPHRASE_OPTION, readPassphrase } from './shared/passphrase.js';
import type { Verb } from './wallet.js';

interface ExportOptions {
  readonly key: string;
  readonly wif?: boolean;
  readonly mnemonic?: boolean;
  readonly xpub?: boolean;
  readonly descriptor?: boolean;
  readonly address?: string;
  readonly out?: string;
  readonly passphraseFile?: string;
}

type Context = ActionContext<ExportOptions>;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('USAGE', message, { next, exitCode: EXIT.usage });
}

function passphraseOf({ options, settings, signal }: Context): Promise<string> {
  return readPassphrase({
    passphraseFile: options.passphraseFile,
    question: `The passphrase of ${options.key}`,
    settings,
    signal,
  });
}

function accountFile(file: KeyFile, name: string): AccountFile {
  if (file.v === 2 && file.kind === 'account') return file;
  throw usage(`${name} has no words.`, 'A single key is exported with --wif');
}

async function wifOf(file: KeyFile, context: Context): Promise<object> {
  const { options, settings } = context;
  const params = networkParameters(settings.network);
  const opened = await openKeyFile(file, options.key, await passphraseOf(context), params);
  const { address } = options;
  const key =
    opened instanceof Account
      ? opened.keyFor(addressScript(address ?? opened.firstAddress, params))
      : opened;
  if (!key || (address !== undefined && key.address !== address)) {
    throw new BitmodelError('NOT_OURS', `${address} is no address of ${options.key}.`, {
      next: 'See bitmodel wallet list',
      exitCode: EXIT.notAllowed,
    });
  }
  return { address: key.address, wif: encodeWif(key.privateKey, params) };
}

async function mnemonicOf(file: KeyFile, context: Context): Promise<object> {
  const found = accountFile(file, context.options.key);
  const { mnemonic, passphrase } = await openAccountSecret(found, await passphraseOf(context));
  if (passphrase && !context.terminal.json) {
    context.terminal.warn('these words have a passphrase of their own; --json shows it too');
  }
  return { mnemonic, ...(passphrase && { mnemonicPassphrase: passphrase }), path: found.path };
}

function publicSide(file: KeyFile, { options, settings }: Context): Record<string, string> {
  const account = watchedAccount(file, networkParameters(settings.network));
  if (options.xpub) {
    if (account) return { xpub: account.xpub };
    throw usage(`${options.key} is one key, and has no extended key.`, 'Pass --descriptor');
  }
  if (account) {
    const [descriptor, changeDescriptor] = accountDescriptors(account.xpub);
    return { descriptor, changeDescriptor };
  }
  const inner =
    file.v === 1 ? `pkh(${file.publicKey})` : `addr(${(file as { address: string }).address})`;
  return { descriptor: withDescriptorChecksum(inner) };
}

async function secretSide(file: KeyFile, context: Context): Promise<object> {
  const { options, terminal } = context;
  const what = options.wif ? 'private key' : 'words';
  if (options.out === undefined) {
    await terminal.confirm(`Show the ${what} of ${options.key}? Whoever sees them has the coins.`);
  }
  return options.wif ? wifOf(file, context) : mnemonicOf(file, context);
}

async function exportKey(context: Context): Promise<void> {
  const { options, settings, terminal } = context;
  const asked = (['wif', 'mnemonic', 'xpub', 'descriptor'] as const).filter(
    (name) => options[name],
  );
  if (asked.length !== 1) {
    throw usage('Say what is to be exported.', 'Pass --wif, --mnemonic, --xpub or --descriptor');
  }
  const params = networkParameters(settings.network);
  const file = readKeyFile(keyPath(settings.datadir, params, options.key), params);
  const isSecret = options.wif === true || options.mnemonic === true;
  const object = isSecret ? await secretSide(file, context) : publicSide(file, context);
  const values = Object.values(object) as string[];
  // the one thing asked for, and for descriptors both; the address and the path are beside it in JSON
  const text = options.descriptor
    ? values.join('\n')
    : (object as Record<string, string>)[asked[0]!]!;
  if (options.out === undefined) return terminal.result(object, text, text);
  writeFileAtomic(options.out, `${terminal.json ? JSON.stringify(object) : text}\n`, {
    mode: 0o600,
    overwrite: false,
  });
  terminal.result({ file: options.out }, `written to ${options.out}`, options.out);
}

const exportAction = action<ExportOptions>(async (_args, context) => exportKey(context));

/** Adds `wallet export`. */
export function registerExport(verb: Verb): void {
  verb('export', 'give out a private key, words or a public side', 'export --xpub --key savings')
    .option('--wif', 'the private key in wallet import format')
    .option('--mnemonic', 'the words of an account')
    .option('--xpub', 'the extended public key of an account')
    .option('--descriptor', 'what another wallet needs to watch it (BIP380)')
    .option('--address <address>', 'with --wif, of an account: the key of this address')
    .option('--out <file>', 'write it to a new file that only you can read')
    .option(...PASSPHRASE_OPTION)
    .action(exportAction);
}
