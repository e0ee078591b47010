import { closeSync, existsSync, linkSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BitmodelError, EXIT, messageOf, writeFileAtomic } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import { Account } from './Account.js';
import { encodeAccountFile } from './accountFile.js';
import { decodeKeyFile, KEY_FILE_LIMIT, type KeyFile, openKeyFile } from './keyFile.js';
import type { KeyPair } from './keys.js';
import { encodeKeystore, sealKey } from './keystore.js';

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/i;

/**
 * Where the key of this name lies: `<datadir>/<network>/keys/NAME.json`.
 * @throws BitmodelError `BAD_KEY_NAME`
 */
export function keyPath(
  datadir: string,
  parameters: Pick<AddressParameters, 'name'>,
  name: string,
): string {
  if (!NAME.test(name)) {
    throw new BitmodelError('BAD_KEY_NAME', `"${name.slice(0, 64)}" is not a name for a key.`, {
      next: 'Use letters, digits, - and _, up to 64',
      exitCode: EXIT.usage,
    });
  }
  return join(datadir, parameters.name, 'keys', `${name}.json`);
}

/** Names of the keys of a network, in order; empty when there are none. */
export function listKeys(datadir: string, parameters: Pick<AddressParameters, 'name'>): string[] {
  const folder = join(datadir, parameters.name, 'keys');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && NAME.test(file.slice(0, -5)))
    .map((file) => file.slice(0, -5))
    .sort();
}

/** The first bytes of the file, one more than any keystore has at most. */
function readBounded(path: string): string {
  const buffer = Buffer.alloc(KEY_FILE_LIMIT + 1);
  const file = openSync(path, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a key's file, still encrypted: enough for its addresses.
 * @throws BitmodelError `KEY_NOT_FOUND`, `KEY_UNREADABLE`, and those of {@link decodeKeyFile}
 */
export function readKeyFile(path: string, parameters: AddressParameters): KeyFile {
  let text: string;
  try {
    text = readBounded(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BitmodelError('KEY_NOT_FOUND', `There is no key at ${path}.`, {
        next: `Make one with: bitmodel keygen --network ${parameters.name} --name ${basename(path, '.json')}`,
        exitCode: EXIT.notFound,
      });
    }
    throw new BitmodelError('KEY_UNREADABLE', `${path} could not be read: ${messageOf(thrown)}.`, {
      next: 'Check its permissions',
      exitCode: EXIT.notAllowed,
      cause: thrown,
    });
  }
  try {
    return decodeKeyFile(text, parameters);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'CORRUPT_KEYSTORE') throw thrown;
    const { code, next, exitCode } = thrown;
    const message = thrown.message.replace('This keystore file', `The keystore file ${path}`);
    throw new BitmodelError(code, message, { next, exitCode, cause: thrown });
  }
}

/** How a key file is made. */
export interface CreateKeystoreOptions {
  /**
   * Replace a keystore that is there. The old one is kept beside it (`NAME.json.bak`, `.bak.2`, …): a key is never
   * lost by a flag.
   */
  readonly force?: boolean;
}

/**
 * Encrypts a key into a file of mode 0600.
 * @returns where the keystore that was there before is now, if there was one
 * @throws BitmodelError `KEY_EXISTS`, `EMPTY_PASSPHRASE`, `WRITE_FAILED`
 */
export async function createKeystore(
  path: string,
  key: KeyPair,
  passphrase: string,
  parameters: AddressParameters,
  options: CreateKeystoreOptions = {},
): Promise<string | undefined> {
  if (!options.force) assertKeyAbsent(path);
  return writeKeyFile(path, await sealKey(key, passphrase, parameters), options);
}

/**
 * Writes a key's file, mode 0600, whole or not at all.
 * @returns where the file that was there before is now, if there was one
 * @throws BitmodelError `KEY_EXISTS`, `WRITE_FAILED`
 */
export function writeKeyFile(
  path: string,
  file: KeyFile,
  options: CreateKeystoreOptions = {},
): string | undefined {
  if (!options.force) assertKeyAbsent(path);
  const text = file.v === 1 ? encodeKeystore(file) : encodeAccountFile(file);
  const kept = existsSync(path) ? keepOld(path) : undefined;
  try {
    writeFileAtomic(path, text, { mode: 0o600, overwrite: options.force === true });
  } catch (thrown) {
    // somebody made one meanwhile
    if (thrown instanceof BitmodelError && thrown.code === 'FILE_EXISTS') throw keyExists(path);
    throw thrown;
  }
  return kept;
}

/** Checks, before anything is asked, that a key of this path may be made. @throws BitmodelError `KEY_EXISTS` */
export function assertKeyAbsent(path: string): void {
  if (existsSync(path)) throw keyExists(path);
}

function keyExists(path: string): BitmodelError {
  return new BitmodelError('KEY_EXISTS', `There is a key at ${path} already; it was left alone.`, {
    next: 'Choose another --name, or pass --force (the old file is then kept as .bak)',
    exitCode: EXIT.notAllowed,
  });
}

/** A second name for the old file, so that at no moment the key has none. */
function keepOld(path: string): string {
  for (let count = 1; ; count++) {
    const kept = count === 1 ? `${path}.bak` : `${path}.bak.${count}`;
    try {
      linkSync(path, kept);
      return kept;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new BitmodelError(
          'WRITE_FAILED',
          `The old key could not be kept as ${kept}: ${messageOf(thrown)}.`,
          {
            next: 'Move it away by hand, then try again; nothing was changed',
            cause: thrown,
          },
        );
      }
    }
  }
}

/**
 * Opens one key: of an account its first receiving key.
 * @throws as {@link readKeyFile}, `WRONG_PASSPHRASE`, `WATCH_ONLY`
 */
export async function openKeystore(
  path: string,
  passphrase: string,
  parameters: AddressParameters,
): Promise<KeyPair> {
  const file = readKeyFile(path, parameters);
  const opened = await openKeyFile(file, basename(path, '.json'), passphrase, parameters);
  return opened instanceof Account ? opened.keyAt('receive', 0) : opened;
}

/**
 * The key of this name in the data folder; of an account its first receiving key.
 * @throws BitmodelError `KEY_NOT_FOUND`, `CORRUPT_KEYSTORE`, `WRONG_NETWORK`, `WRONG_PASSPHRASE`, `WATCH_ONLY`
 */
export async function loadKey(
  datadir: string,
  parameters: AddressParameters,
  name: string,
  passphrase: string,
): Promise<KeyPair> {
  return openKeystore(keyPath(datadir, parameters, name), passphrase, parameters);
}
