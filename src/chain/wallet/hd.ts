import { HARDENED_OFFSET, HDKey } from '@scure/bip32';
import { BitmodelError, EXIT } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';

/**
 * Coin types of BIP44. 1 is every chain's test network. 25197 (0x626d, "bm") is ours on main: not registered in
 * SLIP-44, and on purpose not Bitcoin's 0, so that one phrase never gives both chains the same key.
 */
const COIN_TYPE = { main: 25197, test: 1 } as const;

/** First four bytes of an extended key (BIP32): "xpub" and "xprv", "tpub" and "tprv" for test networks. */
const VERSIONS = {
  main: { public: 0x0488b21e, private: 0x0488ade4 },
  test: { public: 0x043587cf, private: 0x04358394 },
} as const;

/** Longest extended key is 112 characters; longest path we take is far below this. */
const LONGEST = 160;
const MOST_STEPS = 10;

type Network = Pick<AddressParameters, 'name'>;

/** The version bytes of a network's extended keys. */
export function extendedKeyVersions({ name }: Network): { public: number; private: number } {
  return name === 'main' ? VERSIONS.main : VERSIONS.test;
}

/**
 * Where an account of a phrase lies: `m/44'/COIN'/ACCOUNT'` (BIP44).
 * @throws BitmodelError `BAD_PATH`
 */
export function accountPath({ name }: Network, account = 0): string {
  const coin = name === 'main' ? COIN_TYPE.main : COIN_TYPE.test;
  return normalizePath(`m/44'/${coin}'/${account}'`);
}

/** Where the key of a phrase lies: the first receiving key of the first account (BIP44). */
export function derivationPath(parameters: Network): string {
  return `${accountPath(parameters)}/0/0`;
}

/**
 * A derivation path in one form: `m/44'/1'/0'`. `h` and `H` are taken for `'`.
 * @throws BitmodelError `BAD_PATH` for anything but up to ten numbers below 2³¹
 */
export function normalizePath(text: string): string {
  const steps = text.length > LONGEST ? [''] : text.trim().split('/');
  const [root, ...rest] = steps;
  const numbers = rest.map((step) => /^(0|[1-9]\d{0,9})(['hH]?)$/.exec(step));
  const valid =
    root === 'm' &&
    rest.length <= MOST_STEPS &&
    numbers.every((match) => match && Number(match[1]) < HARDENED_OFFSET);
  if (!valid) {
    throw new BitmodelError('BAD_PATH', `"${text.slice(0, 40)}" is not a derivation path.`, {
      next: "Write it as m/44'/1'/0'",
      exitCode: EXIT.usage,
    });
  }
  return ['m', ...numbers.map((match) => `${match![1]}${match![2] ? "'" : ''}`)].join('/');
}

/**
 * An extended key in Base58Check (BIP32), public or private. The text never gets into an error.
 * @throws BitmodelError `BAD_EXTENDED_KEY`; `WRONG_NETWORK`
 */
export function decodeExtendedKey(text: string, parameters: Network): HDKey {
  const parse = (versions: { public: number; private: number }): HDKey | undefined => {
    try {
      const key = HDKey.fromExtendedKey(text.slice(0, LONGEST), versions);
      const written = key.privateKey ? key.privateExtendedKey : key.publicExtendedKey;
      return written === text ? key : undefined;
    } catch {
      // the library says in many ways that it is none; the text may be a secret, so none of them is repeated
      return undefined;
    }
  };
  const own = extendedKeyVersions(parameters);
  const key = parse(own);
  if (key) return key;
  const other = own === VERSIONS.main ? VERSIONS.test : VERSIONS.main;
  if (parse(other)) {
    throw new BitmodelError(
      'WRONG_NETWORK',
      `This extended key is for another network than ${parameters.name}.`,
      { next: 'Choose its network with --network', exitCode: EXIT.usage },
    );
  }
  throw new BitmodelError('BAD_EXTENDED_KEY', 'This is not an extended key (xpub…, tpub…).', {
    next: 'Copy the whole key again; every letter counts',
    exitCode: EXIT.usage,
  });
}
