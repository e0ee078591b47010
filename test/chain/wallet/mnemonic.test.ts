import { deriveHdPath, deriveHdPrivateNodeFromSeed, hexToBin } from '@bitauth/libauth';
import { HDKey } from '@scure/bip32';
import { mnemonicToSeed } from '@scure/bip39';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMnemonic,
  derivationPath,
  encodeWif,
  keyFromMnemonic,
  networkParameters,
} from '#src/chain/index.js';

const main = networkParameters('main');
const regtest = networkParameters('regtest');
const ABANDON = `${'abandon '.repeat(11)}about`;

describe('BIP39', () => {
  /** From the BIP's own vectors, whose passphrase is TREZOR. */
  const vectors = [
    [
      ABANDON,
      'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
    ],
    [
      'legal winner thank year wave sausage worth useful legal winner thank yellow',
      '2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607',
    ],
  ] as const;
  for (const [words, seed] of vectors) {
    it(`makes the BIP's seed of "${words.slice(0, 24)}…"`, async () => {
      expect(Buffer.from(await mnemonicToSeed(words, 'TREZOR')).toString('hex')).toBe(seed);
    });
  }

  it('refuses a wrong word, a wrong order and a wrong number of words', async () => {
    const wrong = [
      '',
      'abandon',
      `${'abandon '.repeat(11)}abandon`,
      `${'abandon '.repeat(11)}abou`,
    ];
    for (const words of [...wrong, `about ${'abandon '.repeat(11)}`, `${ABANDON} about`]) {
      await expect(keyFromMnemonic(words, main)).rejects.toMatchObject({ code: 'BAD_MNEMONIC' });
    }
  });

  it('takes any spacing and case', async () => {
    const plain = await keyFromMnemonic(ABANDON, regtest);
    const odd = await keyFromMnemonic(
      ` ${ABANDON.toUpperCase().replaceAll(' ', '\n  ')}\n`,
      regtest,
    );
    expect(odd).toEqual(plain);
  });
});

describe('BIP32', () => {
  it('derives the chains of test vector 1', () => {
    const master = HDKey.fromMasterSeed(hexToBin('000102030405060708090a0b0c0d0e0f'));
    expect(master.privateExtendedKey).toBe(
      'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi',
    );
    expect(master.derive("m/0'/1/2'/2/1000000000").privateExtendedKey).toBe(
      'xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76',
    );
  });
});

describe('the key of a phrase', () => {
  it('lies at the published BIP44 address on test networks', async () => {
    expect(derivationPath(regtest)).toBe("m/44'/1'/0'/0/0");
    const key = await keyFromMnemonic(ABANDON, regtest);
    expect(key.address).toBe('mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV');
  });

  it('has a path of its own on main, so that it is not the Bitcoin key of the same words', async () => {
    const key = await keyFromMnemonic(ABANDON, main);
    expect(derivationPath(main)).toBe("m/44'/25197'/0'/0/0");
    expect(key.address).not.toBe('1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA');
  });

  it('is what libauth derives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constant(null), async () => {
        const words = createMnemonic();
        const root = deriveHdPrivateNodeFromSeed(await mnemonicToSeed(words));
        const child = deriveHdPath(root, derivationPath(main));
        const key = await keyFromMnemonic(words, main);
        expect(encodeWif(key.privateKey, main)).toBe(encodeWif(child.privateKey, main));
      }),
      { numRuns: 3 },
    );
  });
});
