import type { Command } from 'commander';
import { BitmodelError, EXIT, utf8 } from '../base/index.js';
import {
  Account,
  type AddressParameters,
  addressScript,
  type KeyPair,
  networkParameters,
  signMessage,
  verifyMessage,
} from '../chain/index.js';
import { type ActionContext, action } from './shared/action.js';
import { readBytes } from './shared/input.js';
import { PASSPHRASE_OPTION } from './shared/passphrase.js';
import { openSigner, type Signer } from './shared/wallet.js';
import type { Verb } from './wallet.js';

interface MessageOptions {
  readonly file?: string;
}

interface SignOptions extends MessageOptions {
  readonly key: string;
  readonly address?: string;
  readonly passphraseFile?: string;
}

/** Most bytes of a message: a document, not a disk. */
const MESSAGE_LIMIT = 1 << 24;

/**
 * A message given as an argument, in a file, or on stdin (`-`, or neither of the others). The line break at the end of
 * what is piped in is not part of it: `echo` adds one that nobody means. Files are taken as they are.
 */
async function messageOf(text: string | undefined, { file }: MessageOptions): Promise<Uint8Array> {
  if (text !== undefined && text !== '-' && file !== undefined) {
    throw new BitmodelError('USAGE', 'The message is an argument or a file, one of them.', {
      next: 'Leave one of them out',
      exitCode: EXIT.usage,
    });
  }
  if (file !== undefined && file !== '-') return readBytes(file, MESSAGE_LIMIT);
  if (text !== undefined && text !== '-') return utf8(text);
  const bytes = await readBytes('-', MESSAGE_LIMIT);
  if (bytes.length === 0) {
    throw new BitmodelError('NO_INPUT', 'There is no message on stdin.', {
      next: "Pass it as an argument; '' is the empty one",
      exitCode: EXIT.usage,
    });
  }
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.slice(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

/** The key that signs: of an account the one of `--address`, else the first. */
function signingKey(
  signer: Signer,
  { address, key }: SignOptions,
  params: AddressParameters,
): KeyPair {
  if (!(signer instanceof Account)) {
    if (address === undefined || address === signer.address) return signer;
  } else {
    if (address === undefined) return signer.keyAt('receive', 0);
    const found = signer.keyFor(addressScript(address, params));
    if (found) return found;
  }
  throw new BitmodelError('NOT_OURS', `${address} is no address of ${key}.`, {
    next: 'Name the key that it belongs to: --key NAME',
    exitCode: EXIT.notAllowed,
  });
}

async function sign(
  text: string | undefined,
  { options, settings, terminal, signal }: ActionContext<SignOptions>,
): Promise<void> {
  const stdinIsData = text === '-' || options.file === '-' || (!text && !options.file);
  const message = await messageOf(text, options);
  const signer = await openSigner(settings, options, signal, stdinIsData);
  const key = signingKey(signer, options, networkParameters(settings.network));
  const signature = signMessage(message, key.privateKey);
  key.privateKey.fill(0);
  terminal.result({ address: key.address, signature }, signature, signature);
}

async function verify(
  [address, signature, text]: readonly string[],
  { options, settings, terminal }: ActionContext<MessageOptions>,
): Promise<number> {
  const params = networkParameters(settings.network);
  const message = await messageOf(text, options);
  const valid = verifyMessage(address!, signature!, message, params);
  const verdict = `${address} ${valid ? 'signed' : 'did not sign'} this message.`;
  terminal.result({ address, valid }, verdict, String(valid));
  return valid ? EXIT.done : EXIT.invalid;
}

const signAction = action<SignOptions>(async ([text], context) => sign(text, context));
const verifyAction = action<MessageOptions>(async (args, context) => verify(args, context));

/** Adds the verbs about signed messages. */
export function registerMessages(wallet: Command, verb: Verb): void {
  verb(
    'sign-message',
    "sign a text in Bitcoin's format",
    'sign-message "I wrote this" --key savings',
  )
    .argument('[message]', 'the text; - or nothing: stdin')
    .option('--file <file>', 'sign the contents of this file')
    .option('--address <address>', 'of an account: sign with the key of this address')
    .option(...PASSPHRASE_OPTION)
    .action(signAction);
  wallet
    .command('verify-message')
    .description('check who signed a text; exit code 10 when it was not this address')
    .argument('<address>', 'who is said to have signed')
    .argument('<signature>', 'base64')
    .argument('[message]', 'the text; - or nothing: stdin')
    .option('--file <file>', 'check the contents of this file')
    .addHelpText(
      'after',
      '\nExample:\n  $ bitmodel wallet verify-message mkpZhYtJ…NRZ8bJV SIGNATURE "I wrote this"',
    )
    .action(verifyAction);
}
