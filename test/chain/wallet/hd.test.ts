import { readFileSync } from 'node:fs';
import { deriveHdPath, deriveHdPrivateNodeFromSeed } from '@bitauth/libauth';
import { HDKey } from '@scure/bip32';
import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeed } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, fromHex, toHex } from '#src/base/index.js';
import {
  Account,
  accountPath,
  decodeExtendedKey,
  descriptorChecksum,
  extendedKeyVersions,
  networkParameters,
  normalizePath,
  p2pkhScript,
  withDescriptorChecksum,
} from '#src/chain/index.js';
import { nodeFromMnemonic } from '#src/chain/wallet/mnemonic.js';
import { cases, timeLimit } from '../../long.js';

interface Vectors {
  readonly bip32: readonly {
    readonly seed: string;
    readonly chains: readonly { path: string; xpub: string; xprv: string }[];
  }[];
  readonly bip32Invalid: readonly { readonly key: string; readonly why: string }[];
  readonly bip39: readonly { entropy: string; words: string; seed: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('bip-vectors.json', import.meta.url), 'utf8'),
) as Vectors;
const main = networkParameters('main');
const regtest = networkParameters('regtest');
const ABANDON = `${'abandon '.repeat(11)}about`;

describe('BIP39', () => {
  for (const { entropy, words, seed } of vectors.bip39) {
    it(`makes words and seed of ${entropy.slice(0, 24)}…`, async () => {
      expect(entropyToMnemonic(fromHex(entropy), wordlist)).toBe(words);
      expect(toHex(mnemonicToEntropy(words, wordlist))).toBe(entropy);
      expect(toHex(await mnemonicToSeed(words, 'TREZOR'))).toBe(seed);
      const node = await nodeFromMnemonic(words, 'TREZOR', "m/44'/1'/0'", main);
      const reference = HDKey.fromMasterSeed(fromHex(seed)).derive("m/44'/1'/0'");
      expect(node.publicExtendedKey).toBe(reference.publicExtendedKey);
    });
  }
});

describe('BIP32', () => {
  vectors.bip32.forEach(({ seed, chains }, number) => {
    it(`derives test vector ${number + 1}, and reads what it writes`, () => {
      const master = HDKey.fromMasterSeed(fromHex(seed), extendedKeyVersions(main));
      for (const { path, xpub, xprv } of chains) {
        const node = path === 'm' ? master : master.derive(normalizePath(path));
        expect(node.publicExtendedKey).toBe(xpub);
        expect(node.privateExtendedKey).toBe(xprv);
        expect(decodeExtendedKey(xprv, main).privateExtendedKey).toBe(xprv);
        const read = decodeExtendedKey(xpub, main);
        expect(read.publicExtendedKey).toBe(xpub);
        expect(read.privateKey).toBeNull();
        expect(() => decodeExtendedKey(xpub, regtest)).toThrow(
          expect.objectContaining({ code: 'WRONG_NETWORK' }),
        );
      }
    });
  });

  it('derives public keys without the private ones wherever it is not hardened', () => {
    for (const { chains } of vectors.bip32) {
      for (const [at, { path, xpub }] of chains.entries()) {
        const last = path.slice(path.lastIndexOf('/') + 1);
        if (at === 0 || last.endsWith("'")) continue;
        const parent = decodeExtendedKey(chains[at - 1]!.xpub, main);
        expect(parent.deriveChild(Number(last)).publicExtendedKey).toBe(xpub);
      }
    }
  });

  for (const { key, why } of vectors.bip32Invalid) {
    it(`refuses test vector 5: ${why}`, () => {
      expect(() => decodeExtendedKey(key, main)).toThrow(
        expect.objectContaining({ code: 'BAD_EXTENDED_KEY' }),
      );
    });
  }

  it(
    'reads no random or mutated extended key as another, and never breaks',
    () => {
      const good = vectors.bip32[0]!.chains[1]!.xpub;
      const mutated = fc
        .tuple(fc.nat(good.length - 1), fc.constantFrom(...'123456789ABCxyz'), fc.boolean())
        .map(([at, c, cut]) => good.slice(0, at) + c + (cut ? '' : good.slice(at + 1)));
      const texts = fc.oneof(mutated, fc.string({ maxLength: 200 }), fc.constant('x'.repeat(5000)));
      fc.assert(
        fc.property(texts, (text) => {
          try {
            expect(decodeExtendedKey(text, main).publicExtendedKey).toBe(text);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
            if (text.length > 30)
              expect((thrown as Error).message).not.toContain(text.slice(0, 20));
          }
        }),
        { numRuns: cases(20_000, 10_000_000) },
      );
    },
    timeLimit(240_000),
  );
});

describe('a derivation path', () => {
  it('has one form', () => {
    expect(normalizePath("m/44h/1H/0'/0/5")).toBe("m/44'/1'/0'/0/5");
    expect(normalizePath('m')).toBe('m');
    expect(accountPath(regtest)).toBe("m/44'/1'/0'");
    expect(accountPath(main, 7)).toBe("m/44'/25197'/7'");
  });

  it(
    'is refused by its name when it is none',
    () => {
      const wrong = ['', '0/1', 'M/1', 'm/', 'm//1', 'm/-1', 'm/01', 'm/2147483648', "m/1''"];
      const deep = `m${'/0'.repeat(11)}`;
      const check = (text: string): void => {
        try {
          expect(normalizePath(normalizePath(text))).toBe(normalizePath(text));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_PATH', exitCode: 2 });
        }
      };
      for (const text of [...wrong, deep, 'm/0'.repeat(100)]) {
        expect(() => normalizePath(text)).toThrow(expect.objectContaining({ code: 'BAD_PATH' }));
      }
      const pieces = fc.array(fc.constantFrom('m', '/', '0', '1', '44', "'", 'h', 'x', ' '));
      fc.assert(
        fc.property(
          fc.oneof(
            pieces.map((p) => p.join('')),
            fc.string(),
          ),
          check,
        ),
        {
          numRuns: cases(20_000, 10_000_000),
        },
      );
    },
    timeLimit(240_000),
  );
});

describe('a BIP44 account', () => {
  it('has the published addresses of test networks, on both chains', async () => {
    const node = await nodeFromMnemonic(ABANDON, '', accountPath(regtest), regtest);
    const account = new Account(node, regtest);
    expect(account.xpub).toBe(
      'tpubDC5FSnBiZDMmhiuCmWAYsLwgLYrrT9rAqvTySfuCCrgsWz8wxMXUS9Tb9iVMvcRbvFcAHGkMD5Kx8koh4GquNGNTfohfk7pgjhaPCdXpoba',
    );
    expect(account.firstAddress).toBe('mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV');
    expect(account.address('receive', 1)).toBe('mzpbWabUQm1w8ijuJnAof5eiSTep27deVH');
    expect(account.isPrivate).toBe(true);
  });

  it('is derived as libauth derives it, and its watched twin agrees', async () => {
    const node = await nodeFromMnemonic(ABANDON, 'pass', accountPath(main, 3), main);
    const account = new Account(node, main);
    const twin = new Account(decodeExtendedKey(account.xpub, main), main);
    const root = deriveHdPrivateNodeFromSeed(await mnemonicToSeed(ABANDON, 'pass'));
    for (const [chain, number] of [
      ['receive', 0],
      ['change', 1],
    ] as const) {
      for (const index of [0, 1, 19]) {
        const path = `${accountPath(main, 3)}/${number}/${index}`;
        const key = account.keyAt(chain, index);
        expect(key.privateKey).toEqual(deriveHdPath(root, path).privateKey);
        expect(account.address(chain, index)).toBe(key.address);
        expect(twin.address(chain, index)).toBe(key.address);
      }
    }
    expect(twin.isPrivate).toBe(false);
  });

  it('watches twenty addresses beyond those in use, and hands none out twice', async () => {
    const node = await nodeFromMnemonic(ABANDON, '', accountPath(regtest), regtest);
    const account = new Account(node, regtest);
    expect(account.addresses).toHaveLength(40);
    const script = (index: number): Uint8Array => p2pkhScript(hashOf(account, index));
    expect(account.noteUsed(script(4))).toBe(true);
    expect(account.noteUsed(script(2))).toBe(false);
    expect(account.indexes).toEqual({ receive: 5, change: 0 });
    expect(account.receiveAddress).toBe(account.address('receive', 5));
    expect(account.nextReceiveAddress()).toBe(account.address('receive', 6));
    expect(account.addresses).toHaveLength(46);
  });

  it('finds the key of an address that another machine handed out, up to a thousand', async () => {
    const path = accountPath(regtest);
    const far = new Account(await nodeFromMnemonic(ABANDON, '', path, regtest), regtest);
    const output = { value: 1n, lockingScript: p2pkhScript(hashOf(far, 130)) };
    const account = new Account(await nodeFromMnemonic(ABANDON, '', path, regtest), regtest);
    expect(account.keysFor([output, output])).toEqual([far.keyAt('receive', 130)]);
    expect(account.keysFor([{ value: 1n, lockingScript: new Uint8Array(3) }])).toEqual([]);
  });
});

function hashOf(account: Account, index: number): Uint8Array {
  return HDKey.fromExtendedKey(account.xpub, extendedKeyVersions(regtest))
    .deriveChild(0)
    .deriveChild(index).identifier!;
}

describe('an output descriptor', () => {
  it('ends in the checksum of BIP380', () => {
    expect(withDescriptorChecksum('raw(deadbeef)')).toBe('raw(deadbeef)#89f8spxm');
    expect(descriptorChecksum('raw(deedbeef)')).not.toBe('89f8spxm');
    expect(() => descriptorChecksum('raw(Ü)')).toThrow(RangeError);
  });
});
