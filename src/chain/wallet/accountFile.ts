import {
  BitmodelError,
  type CanonicalValue,
  canonicalBytes,
  EXIT,
  fromHex,
  sha256,
  toHex,
  utf8,
} from '../../base/index.js';
import { type AddressParameters, decodeAddress } from '../address/address.js';
import { Account, type AccountIndexes } from './Account.js';
import { decodeExtendedKey, normalizePath } from './hd.js';
import { corrupt } from './keystore.js';
import { MNEMONIC_PASSPHRASE_LIMIT, nodeFromMnemonic, normalizeMnemonic } from './mnemonic.js';
import {
  checkSealForm,
  isKnownSeal,
  openSealed,
  type Sealed,
  sealParametersOf,
  sealSecret,
} from './seal.js';

/**
 * A keystore file of version 2 that holds an HD account: the words under a passphrase ({@link Sealed}), the account's
 * extended public key in the clear, so that it can be watched without the passphrase.
 */
export interface AccountFile extends Sealed {
  readonly v: 2;
  readonly kind: 'account';
  readonly network: string;
  /** Where the account lies under the words, such as `m/44'/1'/0'`. */
  readonly path: string;
  readonly xpub: string;
  /** As in version 1. */
  readonly checksum: string;
}

/** A file of version 2 that holds no secret: an address or an extended public key to be watched. */
export interface WatchFile {
  readonly v: 2;
  readonly kind: 'watch';
  readonly network: string;
  /** Exactly one of the two. */
  readonly address?: string;
  readonly xpub?: string;
  readonly checksum: string;
}

/** What an account's file hides. */
export interface AccountSecret {
  /** English words, in lower case with single spaces. */
  readonly mnemonic: string;
  /** BIP39's passphrase; empty for none. */
  readonly passphrase: string;
}

/** The words, BIP39's passphrase with every letter escaped, and the JSON around them. */
const LONGEST_SECRET = 512 + 6 * MNEMONIC_PASSPHRASE_LIMIT;

function withChecksum<T extends object>(body: T): T & { checksum: string } {
  return { ...body, checksum: toHex(sha256(canonicalBytes(body as CanonicalValue))) };
}

type AccountHeader = Omit<AccountFile, 'cipher' | 'checksum'> & {
  readonly cipher: Omit<AccountFile['cipher'], 'ciphertext'>;
};

function headerOf(header: AccountHeader): AccountHeader {
  const { v, kind, network, path, xpub } = header;
  return { v, kind, network, path, xpub, ...sealParametersOf(header) };
}

function accountBody(file: Omit<AccountFile, 'checksum'>): Omit<AccountFile, 'checksum'> {
  const header = headerOf(file);
  return { ...header, cipher: { ...header.cipher, ciphertext: file.cipher.ciphertext } };
}

function watchBody({ v, kind, network, address, xpub }: Omit<WatchFile, 'checksum'>) {
  return { v, kind, network, ...(address === undefined ? { xpub: xpub! } : { address }) };
}

/**
 * Encrypts an account's words.
 * @throws BitmodelError `BAD_MNEMONIC`, `BAD_PATH`, `EMPTY_PASSPHRASE`
 */
export async function sealAccount(
  secret: AccountSecret,
  path: string,
  passphrase: string,
  parameters: AddressParameters,
): Promise<AccountFile> {
  const mnemonic = normalizeMnemonic(secret.mnemonic);
  const node = await nodeFromMnemonic(mnemonic, secret.passphrase, normalizePath(path), parameters);
  const open = {
    v: 2 as const,
    kind: 'account' as const,
    network: parameters.name,
    path: normalizePath(path),
    xpub: node.publicExtendedKey,
  };
  node.wipePrivateData();
  const bytes = utf8(JSON.stringify({ mnemonic, passphrase: secret.passphrase }));
  const sealed = await sealSecret(bytes, passphrase, (seal) => ({ ...open, ...seal }));
  bytes.fill(0);
  return withChecksum(accountBody({ ...open, ...sealed }));
}

/** Decrypts an account's words. @throws BitmodelError `WRONG_PASSPHRASE`, `CORRUPT_KEYSTORE` */
export async function openAccountSecret(
  file: AccountFile,
  passphrase: string,
): Promise<AccountSecret> {
  const header = headerOf(file) as unknown as CanonicalValue;
  const bytes = await openSealed(file, passphrase, header);
  try {
    // authenticated: nobody but sealAccount wrote it
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as AccountSecret;
  } finally {
    bytes.fill(0);
  }
}

/**
 * The account with its private keys.
 * @throws BitmodelError `WRONG_PASSPHRASE`; `CORRUPT_KEYSTORE` when the words inside are not those of the key outside
 */
export async function unsealAccount(
  file: AccountFile,
  passphrase: string,
  parameters: AddressParameters,
  indexes?: AccountIndexes,
): Promise<Account> {
  const secret = await openAccountSecret(file, passphrase);
  const node = await nodeFromMnemonic(secret.mnemonic, secret.passphrase, file.path, parameters);
  if (node.publicExtendedKey !== file.xpub) throw corrupt('its keys differ');
  return new Account(node, parameters, indexes);
}

/** A file that watches an address or an extended public key. @throws BitmodelError `BAD_ADDRESS`, `BAD_EXTENDED_KEY`, `WRONG_NETWORK` */
export function watchFile(
  what: { readonly address: string } | { readonly xpub: string },
  parameters: AddressParameters,
): WatchFile {
  if ('address' in what) decodeAddress(what.address, parameters);
  else assertPublic(what.xpub, parameters);
  return withChecksum(watchBody({ v: 2, kind: 'watch', network: parameters.name, ...what }));
}

/** The file's text: indented JSON in a fixed order of fields. */
export function encodeAccountFile(file: AccountFile | WatchFile): string {
  const body = file.kind === 'account' ? accountBody(file) : watchBody(file);
  return `${JSON.stringify(withChecksum(body), null, 2)}\n`;
}

/**
 * Checks a parsed file of version 2: each field's form, and that its text is the very one that
 * {@link encodeAccountFile} writes. The network is the caller's to check.
 * @throws BitmodelError `CORRUPT_KEYSTORE`
 */
export function checkAccountFile(
  json: unknown,
  text: string,
  parameters: AddressParameters,
): AccountFile | WatchFile {
  const file = json as AccountFile | WatchFile;
  let canonical: string;
  try {
    canonical = encodeAccountFile(file);
  } catch (thrown) {
    throw corrupt('it is not a keystore', thrown);
  }
  if (file.v !== 2 || (file.kind === 'account' ? !isKnownSeal(file) : file.kind !== 'watch')) {
    throw corrupt('its version is not known');
  }
  if (canonical !== text) throw corrupt('its checksum does not fit');
  // a file of another network is whole all the same, but its keys can't be read with these parameters
  if (file.network !== parameters.name) return file;
  try {
    if (file.kind === 'account') {
      checkSealForm(file, 1, LONGEST_SECRET);
      if (normalizePath(file.path) !== file.path) throw new TypeError('path');
      assertPublic(file.xpub, parameters);
    } else if (file.address === undefined) assertPublic(file.xpub!, parameters);
    else decodeAddress(file.address, parameters);
    fromHex(file.checksum, 32);
  } catch (thrown) {
    throw corrupt('a field has the wrong form', thrown);
  }
  return file;
}

function assertPublic(xpub: string, parameters: AddressParameters): void {
  if (!decodeExtendedKey(xpub, parameters).privateKey) return;
  throw new BitmodelError('PRIVATE_EXTENDED_KEY', 'This extended key is a private one.', {
    next: 'Give the public one (xpub…, tpub…); to spend, import the words',
    exitCode: EXIT.usage,
  });
}
