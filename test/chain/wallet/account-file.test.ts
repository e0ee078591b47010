import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  Account,
  type AccountFile,
  accountPath,
  createKey,
  decodeKeyFile,
  encodeAccountFile,
  keyAddress,
  keyKind,
  keyPath,
  loadKey,
  networkParameters,
  openAccountSecret,
  openKeyFile,
  readKeyFile,
  sealAccount,
  unsealAccount,
  watchedAccount,
  watchFile,
  writeKeyFile,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';

const regtest = networkParameters('regtest');
const MNEMONIC = `${'abandon '.repeat(11)}about`;
const PASSPHRASE = 'correct horse';
const damaged = expect.objectContaining({ code: 'CORRUPT_KEYSTORE' });

describe('the file of an account', () => {
  let file: AccountFile;
  let text: string;
  beforeAll(async () => {
    const secret = { mnemonic: MNEMONIC, passphrase: 'TREZOR é' };
    file = await sealAccount(secret, accountPath(regtest), PASSPHRASE, regtest);
    text = encodeAccountFile(file);
  });

  it('opens with its passphrase to words and private keys, and shows addresses without it', async () => {
    const read = decodeKeyFile(text, regtest) as AccountFile;
    expect(keyKind(read)).toBe('account');
    const account = await unsealAccount(read, PASSPHRASE, regtest, { receive: 2, change: 1 });
    expect(await openAccountSecret(read, PASSPHRASE)).toEqual({
      mnemonic: MNEMONIC,
      passphrase: 'TREZOR é',
    });
    expect(account.indexes).toEqual({ receive: 2, change: 1 });
    expect(watchedAccount(read, regtest)!.address('change', 3)).toBe(account.address('change', 3));
    expect(keyAddress(read, regtest)).toBe(account.firstAddress);
    for (const word of ['abandon', 'TREZOR', 'prv']) expect(text).not.toContain(word);
  });

  it('stays closed to any other passphrase, and to a changed header', async () => {
    const wrong = { code: 'WRONG_PASSPHRASE', exitCode: 4 };
    await expect(unsealAccount(file, 'correct horse ', regtest)).rejects.toMatchObject(wrong);
    const moved = { ...file, path: accountPath(regtest, 1) };
    await expect(unsealAccount(moved, PASSPHRASE, regtest)).rejects.toMatchObject(wrong);
  });

  it('is refused as damaged when any bit of it is changed', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => decodeKeyFile(changed.toString('utf8'), regtest)).toThrow(damaged);
      }),
      { numRuns: 1000 },
    );
  });

  it('of another network is refused by name', () => {
    expect(() => decodeKeyFile(text, networkParameters('main'))).toThrow(
      expect.objectContaining({ code: 'WRONG_NETWORK', next: 'Pass --network regtest' }),
    );
  });

  it(
    'is never mistaken, whatever the file holds',
    () => {
      const watched = encodeAccountFile(watchFile({ xpub: file.xpub }, regtest));
      const json = JSON.parse(text) as Record<string, unknown>;
      const values = fc.oneof(fc.jsonValue(), fc.constantFrom(1, 2, '2', null, 'watch', 'account'));
      const swapped = fc
        .tuple(fc.constantFrom(...Object.keys(json), 'address'), values)
        .map(([name, value]) => `${JSON.stringify({ ...json, [name]: value }, null, 2)}\n`);
      const cut = fc.nat(watched.length).map((length) => watched.slice(0, length));
      const anything = fc.oneof(
        { arbitrary: fc.string({ maxLength: 300 }), weight: 8 },
        { arbitrary: fc.json({ maxDepth: 2 }), weight: 4 },
        { arbitrary: swapped, weight: 4 },
        { arbitrary: cut, weight: 4 },
        { arbitrary: fc.constant(`{"v":2,"kind":"watch","x":"${'x'.repeat(9000)}"}`), weight: 1 },
      );
      fc.assert(
        fc.property(anything, (content) => {
          try {
            expect([text, watched]).toContain(
              encodeAccountFile(decodeKeyFile(content, regtest) as AccountFile),
            );
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
            expect((thrown as BitmodelError).code).toMatch(/^(CORRUPT_KEYSTORE|WRONG_NETWORK)$/);
          }
        }),
        { numRuns: cases(20_000, 10_000_000) },
      );
    },
    timeLimit(240_000),
  );
});

describe('what is only watched', () => {
  const { address } = createKey(regtest);

  it('is an address or an extended public key, and can not be opened', async () => {
    const file = watchFile({ address }, regtest);
    expect(keyKind(decodeKeyFile(encodeAccountFile(file), regtest))).toBe('watched address');
    expect(keyAddress(file, regtest)).toBe(address);
    await expect(openKeyFile(file, 'shop', '', regtest)).rejects.toMatchObject({
      code: 'WATCH_ONLY',
      exitCode: 4,
    });
  });

  it('is no private extended key, and nothing of another network', () => {
    const xprv =
      'tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK';
    expect(() => watchFile({ xpub: xprv }, regtest)).toThrow(
      expect.objectContaining({ code: 'PRIVATE_EXTENDED_KEY' }),
    );
    expect(() => watchFile({ address: '1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA' }, regtest)).toThrow(
      expect.objectContaining({ code: 'WRONG_NETWORK' }),
    );
  });
});

describe('the key folder', () => {
  const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-accounts-'));

  it('keeps accounts beside keys, and gives their first receiving key where one key is meant', async () => {
    const path = keyPath(datadir, regtest, 'shop');
    const secret = { mnemonic: MNEMONIC, passphrase: '' };
    writeKeyFile(path, await sealAccount(secret, accountPath(regtest), 'one', regtest));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const key = await loadKey(datadir, regtest, 'shop', 'one');
    expect(key.address).toBe('mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV');
    const opened = await openKeyFile(readKeyFile(path, regtest), 'shop', 'one', regtest);
    expect(opened).toBeInstanceOf(Account);
  });

  it('opens a keystore that version 1 wrote', async () => {
    const path = join(datadir, 'old.json');
    // made by this package before there was a version 2
    const old = readFileSync(new URL('keystore-v1.json', import.meta.url));
    writeFileSync(path, old);
    const file = readKeyFile(path, regtest);
    expect(keyKind(file)).toBe('key');
    const opened = await openKeyFile(file, 'old', 'correct horse', regtest);
    expect((opened as { address: string }).address).toBe('mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV');
  });

  it('says in one sentence that it can not be written', () => {
    const folder = join(datadir, 'closed');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    // root may write anywhere: there a file stands where a folder should
    const path =
      process.getuid?.() === 0
        ? join(datadir, 'old.json', 'sub', 'a.json')
        : join(folder, 'a.json');
    expect(() =>
      writeKeyFile(path, watchFile({ address: createKey(regtest).address }, regtest)),
    ).toThrow(expect.objectContaining({ code: 'WRITE_FAILED' }));
  });
});
