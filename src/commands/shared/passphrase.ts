import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ReadStream, WriteStream } from 'node:tty';
import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { readStdinLine } from './input.js';
import type { Settings } from './settings.js';
import { warnings } from './warnings.js';

/** Which passphrase is asked for, and where it may come from. */
export interface PassphraseRequest {
  /** File whose first line it is (`--passphrase-file`); else the variable BITMODEL_PASSPHRASE_FILE. */
  readonly passphraseFile?: string | undefined;
  /** Ask twice when it is typed: for a new key. */
  readonly confirm?: boolean;
  /** Stdin carries something else (a pipe of transactions, a prompt): the passphrase is then never read from it. */
  readonly stdinIsData?: boolean;
  /** The question; "Passphrase" unless stated. */
  readonly question?: string;
  readonly settings: Pick<Settings, 'input'>;
  readonly signal?: AbortSignal;
}

/** The option as every command that opens a key offers it: `command.option(...PASSPHRASE_OPTION)`. */
export const PASSPHRASE_OPTION = [
  '--passphrase-file <file>',
  'read the passphrase from the first line of this file',
] as const;

const LONGEST = 1024;
const NEXT =
  'Pass --passphrase-file FILE, or run it on a terminal to be asked (in a script, BITMODEL_PASSPHRASE_FILE works too)';

function noPassphrase(message: string, cause?: unknown): BitmodelError {
  return new BitmodelError('NO_PASSPHRASE', message, { next: NEXT, exitCode: EXIT.usage, cause });
}

function readPassphraseFile(path: string): string {
  const buffer = Buffer.alloc(LONGEST + 1);
  try {
    const file = openSync(path, 'r');
    try {
      const status = fstatSync(file);
      if (status.isFile() && process.platform !== 'win32' && status.mode & 0o077) {
        warnings.add(`others can read ${path}; take that away with: chmod 600 ${path}`);
      }
      const length = readSync(file, buffer, 0, buffer.length, null);
      const line = buffer.toString('utf8', 0, length).split(/\r?\n/, 1)[0]!;
      if (line === '' || line.length > LONGEST) {
        throw noPassphrase(`The first line of ${path} holds no passphrase.`);
      }
      return line;
    } finally {
      buffer.fill(0);
      closeSync(file);
    }
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    throw noPassphrase(`The passphrase file could not be read: ${messageOf(thrown)}.`, thrown);
  }
}

interface TerminalDevice {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  close(): void;
}

/** The terminal itself, though stdin and stdout may be pipes; undefined where there is none. */
function openTerminal(): TerminalDevice | undefined {
  if (process.stdin.isTTY && process.stderr.isTTY) {
    return { input: process.stdin, output: process.stderr, close: () => undefined };
  }
  try {
    const input = new ReadStream(openSync('/dev/tty', 'r'));
    const output = new WriteStream(openSync('/dev/tty', 'w'));
    const close = (): void => {
      input.destroy();
      output.destroy();
    };
    return { input: input as NodeJS.ReadStream, output: output as NodeJS.WriteStream, close };
  } catch {
    return undefined;
  }
}

/** Asks for a secret without showing it, on the terminal itself. */
async function askHidden(
  device: TerminalDevice,
  message: string,
  signal?: AbortSignal,
): Promise<string> {
  const { password } = await import('@inquirer/prompts');
  const { input, output } = device;
  return password({ message, mask: false }, { input, output, ...(signal && { signal }) });
}

async function askPassphrase(device: TerminalDevice, request: PassphraseRequest): Promise<string> {
  const question = request.question ?? 'Passphrase';
  for (;;) {
    const first = await askHidden(device, `${question}:`, request.signal);
    if (first === '') {
      device.output.write('A passphrase is needed.\n');
      continue;
    }
    if (!request.confirm) return first;
    if ((await askHidden(device, 'The same again:', request.signal)) === first) return first;
    device.output.write('They differ; once more.\n');
  }
}

/**
 * A secret typed on the terminal or, when stdin is a pipe, its next line.
 * @throws BitmodelError `NO_INPUT` when neither can be had
 */
export async function readSecret(
  what: string,
  next: string,
  settings: Pick<Settings, 'input'>,
  signal?: AbortSignal,
): Promise<string> {
  const device = settings.input && process.stdin.isTTY ? openTerminal() : undefined;
  if (!device) return readStdinLine(what, next);
  try {
    return await askHidden(device, `The ${what}:`, signal);
  } finally {
    device.close();
  }
}

/**
 * The passphrase of a key, from the first of: `--passphrase-file`, BITMODEL_PASSPHRASE_FILE, the next line of stdin
 * when that is a pipe and carries nothing else, a hidden question on the terminal (twice with `confirm`).
 * @throws BitmodelError `NO_PASSPHRASE` when none of these gives one; it never waits for a terminal that is not there
 */
export async function readPassphrase(request: PassphraseRequest): Promise<string> {
  const file = request.passphraseFile ?? process.env.BITMODEL_PASSPHRASE_FILE;
  if (file !== undefined && file !== '-') return readPassphraseFile(file);
  if (request.stdinIsData && file === '-') {
    throw noPassphrase('Stdin carries the data here, so the passphrase can not come from it.');
  }
  if (!request.stdinIsData && !process.stdin.isTTY) {
    try {
      return await readStdinLine('passphrase', NEXT);
    } catch (thrown) {
      // an empty stdin (cron, /dev/null) may still leave a terminal to ask on
      if (file === '-' || !request.settings.input) {
        throw noPassphrase('A passphrase is needed, and stdin holds none.', thrown);
      }
    }
  }
  const device = request.settings.input ? openTerminal() : undefined;
  if (!device) throw noPassphrase('A passphrase is needed, and there is nobody to ask.');
  try {
    return await askPassphrase(device, request);
  } finally {
    device.close();
  }
}
