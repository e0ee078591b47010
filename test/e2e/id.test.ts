import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

const place = new Place();
let ada: string;
let bob: string;

interface Shown {
  readonly metaId: string;
  readonly name?: string;
  readonly pins: readonly {
    readonly id: string;
    readonly text?: string;
    readonly status: string;
  }[];
}
interface ShownPin {
  readonly text: string;
  readonly status: string;
  readonly owner: string;
  readonly versions: readonly unknown[];
  readonly history: readonly { readonly operation: string }[];
}

const secret = ['--passphrase-file', place.passphraseFile];
const mine = (count = 1): Promise<string> =>
  place.ok(['rpc', 'generatetoaddress', String(count), bob]);
/** Runs a verb that writes, and mines it. */
async function written(...args: string[]): Promise<string> {
  const out = await place.ok(['id', ...args, ...secret, '-q']);
  await mine();
  return out;
}
const show = (who: string): Promise<Shown> => place.json<Shown>(['id', 'show', who]);
const showPin = (pin: string): Promise<ShownPin> => place.json<ShownPin>(['id', 'show', pin]);

beforeAll(async () => {
  await place.startNode('--block-time', '3600');
  for (const name of ['ada', 'bob']) await place.ok(['keygen', '--name', name, ...secret]);
  ada = await place.ok(['wallet', 'address', '--key', 'ada', '-q']);
  bob = await place.ok(['wallet', 'address', '--key', 'bob', '-q']);
  for (const name of ['ada', 'bob']) await place.ok(['wallet', 'faucet', '10', '--key', name]);
  await mine();
});
afterAll(() => place.close());

describe('bitmodel id', () => {
  it('gives an address a name that everybody sees, and lets its holder change it', async () => {
    const pin = await written('create', '/info/name', 'Ada', '--key', 'ada');
    expect(pin).toMatch(/^[0-9a-f]{64}i0$/);
    expect(await show('ada')).toMatchObject({
      metaId: createHash('sha256').update(ada).digest('hex'),
      name: 'Ada',
      pins: [{ id: pin, text: 'Ada' }],
    });
    await written('modify', pin, 'Ada Lovelace', '--key', 'ada');
    const { metaId, name } = await show(ada);
    expect(name).toBe('Ada Lovelace');
    expect((await show(metaId)).name).toBe('Ada Lovelace');
    expect((await showPin(pin)).versions).toHaveLength(2);
  });

  it('lists pins by path and by holder, in a table of at most 80 columns', async () => {
    const bio = await written('create', '/info/bio', 'counts things '.repeat(20), '--key', 'ada');
    expect(await place.ok(['id', 'list', '--path', '/info/bio', '-q'])).toBe(bio);
    expect(await place.ok(['id', 'list', '--owner', 'ada', '-q'])).toContain(bio);
    for (const args of [
      ['list', '--owner', 'ada'],
      ['show', 'ada'],
      ['show', bio],
    ]) {
      const text = await place.ok(['id', ...args]);
      // colours take no column
      const plain = stripVTControlCharacters(text);
      expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });

  it('refuses to change what another holds, until it is given away', async () => {
    const pin = await written('create', '/info/motto', 'mine', '--key', 'ada');
    const theft = await place.run(['id', 'modify', pin, 'stolen', '--key', 'bob', ...secret]);
    expect(theft.code).toBe(4);
    expect(theft.stderr).toContain('[NOT_PIN_OWNER]');
    await written('transfer', pin, bob, '--key', 'ada', '--yes');
    await written('modify', pin, 'now mine', '--key', 'bob');
    const shown = await showPin(pin);
    expect(shown).toMatchObject({ text: 'now mine', owner: bob });
    expect(shown.history.map(({ operation }) => operation)).toEqual([
      'create',
      'transfer',
      'modify',
    ]);
    const late = await place.run(['id', 'revoke', pin, '--key', 'ada', '--yes', ...secret]);
    expect(late.code).toBe(4);
  });

  it('hides a pin, shows it again once modified, and ends it for good', async () => {
    const path = ['list', '--path', '/info/mood', '-q'];
    const pin = await written('create', '/info/mood', 'glad', '--key', 'ada');
    await written('hide', pin, '--key', 'ada');
    expect(await place.ok(['id', ...path])).toBe('');
    expect(await place.ok(['id', ...path, '--all'])).toBe(pin);
    await written('modify', pin, 'glad again', '--key', 'ada');
    expect(await place.ok(['id', ...path])).toBe(pin);
    await written('revoke', pin, '--key', 'ada', '--yes');
    expect(await place.ok(['id', ...path])).toBe('');
    const again = await place.run(['id', 'modify', pin, 'too late', '--key', 'ada', ...secret]);
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('[PIN_REVOKED]');
  });

  it('pins a file byte for byte, and what comes on standard input', async () => {
    const bytes = Uint8Array.from({ length: 3_000 }, (_, i) => (i * 7) & 0xff);
    const file = join(place.folder, 'picture.png');
    writeFileSync(file, bytes);
    const args = ['--file', file, '--type', 'image/png', '--key', 'ada'];
    const pin = await written('create', '/info/avatar', ...args);
    const shown = await place.json<{ payload: string }>(['id', 'show', pin]);
    expect(shown.payload).toBe(Buffer.from(bytes).toString('hex'));
    const piped = await place.ok(
      ['id', 'create', '/info/bio', '-', '--key', 'ada', ...secret, '-q'],
      {
        stdin: 'piped text\n',
      },
    );
    await mine();
    expect((await showPin(piped)).text).toBe('piped text\n');
  });

  it('never spends the coin of a pin to pay for something else', async () => {
    const pin = await written('create', '/info/title', 'Countess', '--key', 'ada');
    const { confirmed } = await place.json<{ confirmed: string }>([
      'wallet',
      'balance',
      '--key',
      'ada',
    ]);
    const most = (Number(confirmed) - 0.001).toFixed(8);
    await place.run(['wallet', 'send', bob, most, '--key', 'ada', '--yes', ...secret]);
    await mine();
    expect(await showPin(pin)).toMatchObject({ owner: ada, status: 'live' });
    await place.ok(['wallet', 'faucet', '10', '--key', 'ada']);
    await mine();
  });

  it('says in one sentence what is wrong with what it is given', async () => {
    const none = `${'0'.repeat(64)}i0`;
    const wrong: [string[], number, string][] = [
      [['show', none], 3, 'NO_SUCH_PIN'],
      [['modify', 'nonsense', 'x', '--key', 'ada'], 2, 'BAD_PIN_ID'],
      [['create', 'no-slash', 'x', '--key', 'ada', ...secret], 2, 'BAD_PIN'],
      [['create', '/info/name', '--key', 'ada'], 2, 'BAD_OPTION'],
      [['create', '/info/name', 'x', '--file', 'y', '--key', 'ada'], 2, 'BAD_OPTION'],
      [['create', '/x', '--file', join(place.folder, 'none'), '--key', 'ada'], 3, 'NO_SUCH_FILE'],
      [['list'], 2, 'BAD_OPTION'],
      [['list', '--path', '/info/name', '--limit', '0'], 2, 'BAD_OPTION'],
      [['revoke', none, '--key', 'ada'], 3, 'NO_SUCH_PIN'],
    ];
    for (const [args, code, name] of wrong) {
      const finished = await place.run(['id', ...args]);
      expect([args.join(' '), finished.code]).toEqual([args.join(' '), code]);
      expect(finished.stderr).toContain(`[${name}]`);
      expect(finished.stdout).toBe('');
    }
  });
});
