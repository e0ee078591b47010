import { deriveHdPath, deriveHdPrivateNodeFromSeed } from '@bitauth/libauth';
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

describe('a phrase', () => {
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
