import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createKey,
  createKeystore,
  decodeKeystore,
  encodeKeystore,
  type KeyPair,
  type Keystore,
  keyPath,
  listKeys,
  loadKey,
  networkParameters,
  openKeystore,
  sealKey,
  unsealKey,
} from '#src/chain/index.js';

const regtest = networkParameters('regtest');
const PASSPHRASE = 'correct horse';

describe('a keystore', () => {
  let key: KeyPair;
  let keystore: Keystore;
  let text: string;
  beforeAll(async () => {
    key = createKey(regtest);
    keystore = await sealKey(key, PASSPHRASE, regtest);
    text = encodeKeystore(keystore);
  });

  it('opens with its passphrase and shows address and public key without it', async () => {
    const read = decodeKeystore(text, regtest);
    expect(read.address).toBe(key.address);
    expect(await unsealKey(read, PASSPHRASE, regtest)).toEqual(key);
    expect(text).not.toContain(Buffer.from(key.privateKey).toString('hex'));
  });

  it('opens with its passphrase only', async () => {
    const other = fc.string().filter((s) => s.normalize('NFKC') !== PASSPHRASE);
    await fc.assert(
      fc.asyncProperty(other, async (passphrase) => {
        await expect(unsealKey(keystore, passphrase, regtest)).rejects.toMatchObject({
          code: 'WRONG_PASSPHRASE',
          exitCode: 4,
        });
      }),
      { numRuns: 4, examples: [[''], ['correct horse '], ['Correct horse']] },
    );
  });

  it('takes a passphrase however the keyboard composes its letters', async () => {
    const sealed = await sealKey(key, 'caf\u00e9', regtest);
    expect(await unsealKey(sealed, 'cafe\u0301', regtest)).toEqual(key);
  });

  it('is refused as damaged when any bit of the file is changed', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const damaged = Buffer.from(bytes);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => decodeKeystore(damaged.toString('utf8'), regtest)).toThrow(
          expect.objectContaining({ code: 'CORRUPT_KEYSTORE' }),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('never opens when a field is changed and the checksum made to fit', async () => {
    const swaps: ((k: Keystore) => Keystore)[] = [
      (k) => ({ ...k, network: 'test' }),
      (k) => ({ ...k, kdf: { ...k.kdf, salt: k.kdf.salt.replace(/^../, '00') } }),
      (k) => ({ ...k, cipher: { ...k.cipher, nonce: k.cipher.nonce.replace(/^../, '00') } }),
      (k) => ({
        ...k,
        cipher: { ...k.cipher, ciphertext: k.cipher.ciphertext.replace(/..$/, '00') },
      }),
    ];
    for (const swap of swaps) {
      await expect(unsealKey(swap(keystore), PASSPHRASE, regtest)).rejects.toMatchObject({
        code: 'WRONG_PASSPHRASE',
      });
    }
  });

  it('can not ask for more work than version 1 has', () => {
    const greedy = text.replace('131072', '1073741824');
    expect(() => decodeKeystore(greedy, regtest)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_KEYSTORE' }),
    );
  });

  it('is refused, whatever else the file holds', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .nat(text.length)
        .map((length) => text.slice(0, length))
        .filter((t) => t !== text),
      fc.constant('x'.repeat(10_000)),
    );
    fc.assert(
      fc.property(anything, (content) => {
        expect(() => decodeKeystore(content, regtest)).toThrow(
          expect.objectContaining({ code: 'CORRUPT_KEYSTORE' }),
        );
      }),
    );
  });

  it('of another network is refused by name', () => {
    expect(() => decodeKeystore(text, networkParameters('main'))).toThrow(
      expect.objectContaining({ code: 'WRONG_NETWORK', next: 'Pass --network regtest' }),
    );
  });
});

describe('the key folder', () => {
  const datadir = mkdtempSync(join(tmpdir(), 'bitmodel-keys-'));
  const path = keyPath(datadir, regtest, 'default');

  it('keeps a key in a file only its owner can read, and never replaces it unasked', async () => {
    const first = createKey(regtest);
    await createKeystore(path, first, 'one', regtest);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const before = readFileSync(path);
    await expect(createKeystore(path, createKey(regtest), 'two', regtest)).rejects.toMatchObject({
      code: 'KEY_EXISTS',
      exitCode: 4,
    });
    expect(readFileSync(path)).toEqual(before);
    expect(listKeys(datadir, regtest)).toEqual(['default']);
    expect(await loadKey(datadir, regtest, 'default', 'one')).toEqual(first);
  });

  it('keeps the old key beside the new one when it is replaced', async () => {
    const old = await openKeystore(path, 'one', regtest);
    const fresh = createKey(regtest);
    const kept = await createKeystore(path, fresh, 'two', regtest, { force: true });
    expect(await openKeystore(kept!, 'one', regtest)).toEqual(old);
    expect(await openKeystore(path, 'two', regtest)).toEqual(fresh);
    const keptToo = await createKeystore(path, old, 'three', regtest, { force: true });
    expect(keptToo).not.toBe(kept);
  });

  it('says when there is no such key, and when the file is not one', async () => {
    await expect(loadKey(datadir, regtest, 'nobody', 'x')).rejects.toMatchObject({
      code: 'KEY_NOT_FOUND',
      exitCode: 3,
    });
    const broken = join(datadir, 'broken.json');
    writeFileSync(broken, 'not a key');
    await expect(openKeystore(broken, 'x', regtest)).rejects.toMatchObject({
      code: 'CORRUPT_KEYSTORE',
      message: `The keystore file ${broken} is damaged: it is not a keystore.`,
    });
  });

  it('takes no name that leaves the folder', () => {
    for (const name of ['../default', 'a/b', '', '.', 'a'.repeat(65), 'C:x']) {
      expect(() => keyPath(datadir, regtest, name)).toThrow(
        expect.objectContaining({ code: 'BAD_KEY_NAME' }),
      );
    }
  });

  it('refuses an empty passphrase', async () => {
    const empty = createKeystore(join(datadir, 'e.json'), createKey(regtest), '', regtest);
    await expect(empty).rejects.toMatchObject({ code: 'EMPTY_PASSPHRASE' });
  });
});
