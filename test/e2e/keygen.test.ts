import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

const ABANDON = `${'abandon '.repeat(11)}about`;

describe('bitmodel keygen', () => {
  let place: Place;
  beforeAll(() => {
    place = new Place();
  });
  afterAll(() => place.close());
  const withFile = (): string[] => ['--passphrase-file', place.passphraseFile];

  it('makes a key that only its owner can read, shows no secret, and never replaces it unasked', async () => {
    const made = await place.json(['keygen', ...withFile()]);
    expect(Object.keys(made).sort()).toEqual(['address', 'network', 'path', 'publicKey']);
    const path = made.path as string;
    expect(path).toBe(join(place.folder, 'regtest', 'keys', 'default.json'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const before = readFileSync(path, 'utf8');
    const again = await place.run(['keygen', '--json', ...withFile()]);
    expect(again.code).toBe(4);
    expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: 'KEY_EXISTS' } });
    expect(readFileSync(path, 'utf8')).toBe(before);
    const forced = await place.json(['keygen', '--force', ...withFile()]);
    expect(readFileSync(forced.replaced as string, 'utf8')).toBe(before);
  });

  it('restores the key of a phrase, from the words and the passphrase on stdin', async () => {
    const args = ['keygen', '--mnemonic', '--restore', '--name', 'restored'];
    const made = await place.json(args, { stdin: `${ABANDON}\na passphrase\n` });
    expect(made.address).toBe('mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV');
    expect(made).not.toHaveProperty('mnemonic');
  });

  it('shows new words once, and a key of the same words is the same', async () => {
    const made = await place.json(['keygen', '--mnemonic', '--name', 'words', ...withFile()]);
    const words = made.mnemonic as string;
    expect(words.split(' ')).toHaveLength(12);
    const args = ['keygen', '--mnemonic', '--restore', '--name', 'again', ...withFile()];
    const again = await place.json(args, { stdin: `${words}\n` });
    expect(again.address).toBe(made.address);
  });

  it('gives the private key away with --wif only, and takes it in with --import-wif', async () => {
    const made = await place.json(['keygen', '--name', 'shown', '--wif', ...withFile()]);
    const args = ['keygen', '--name', 'taken', '--import-wif', ...withFile()];
    const taken = await place.json(args, { stdin: `${made.wif}\n` });
    expect(taken.address).toBe(made.address);
    expect(taken).not.toHaveProperty('wif');
  });

  const refused = [
    {
      name: 'a wrong word',
      args: ['--mnemonic', '--restore'],
      stdin: 'abandon abandon\n',
      code: 'BAD_MNEMONIC',
    },
    { name: 'a broken private key', args: ['--import-wif'], stdin: 'cSecret\n', code: 'BAD_WIF' },
    {
      name: 'words and a private key at once',
      args: ['--mnemonic', '--import-wif'],
      stdin: '',
      code: 'USAGE',
    },
    { name: 'nothing on stdin', args: ['--no-input'], stdin: '', code: 'NO_PASSPHRASE' },
    {
      name: 'a name that leaves the folder',
      args: ['--name', '../x'],
      stdin: '',
      code: 'BAD_KEY_NAME',
    },
    { name: 'an option that is not there', args: ['--bogus'], stdin: '', code: 'USAGE' },
    {
      name: 'a network that is not there',
      args: ['--network', 'moon'],
      stdin: '',
      code: 'UNKNOWN_NETWORK',
    },
  ];
  for (const { name, args, stdin, code } of refused) {
    it(`refuses ${name} with ${code}, and makes nothing`, async () => {
      const before = readdirSync(join(place.folder, 'regtest', 'keys'));
      const named = args.includes('--name') ? args : [...args, '--name', 'never'];
      const result = await place.run(['keygen', '--json', ...named], { stdin });
      expect(result.stdout).toBe('');
      expect(JSON.parse(result.stderr)).toMatchObject({ error: { code } });
      expect(result.stderr).not.toContain('cSecret');
      expect(result.code).toBe(2);
      expect(readdirSync(join(place.folder, 'regtest', 'keys'))).toEqual(before);
    });
  }

  it('warns when others can read the passphrase file', async () => {
    const open = join(place.folder, 'open');
    writeFileSync(open, 'a passphrase\n', { mode: 0o644 });
    const { code, stderr } = await place.run(['keygen', '--name', 'w', '--passphrase-file', open]);
    expect(code).toBe(0);
    expect(stderr).toContain(`chmod 600 ${open}`);
  });
});
