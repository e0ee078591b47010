import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, type Running } from './harness.js';

interface SentJson {
  readonly txid: string;
  readonly fee: string;
}

describe('bitmodel wallet', () => {
  let place: Place;
  let node: Running;
  let own: string;
  const env = (): { env: Record<string, string> } => ({
    env: { BITMODEL_PASSPHRASE_FILE: place.passphraseFile },
  });
  const ok = (...args: string[]): Promise<string> => place.ok(args, env());
  const json = <T = Record<string, unknown>>(...args: string[]): Promise<T> =>
    place.json<T>(args, env());
  const wallet = (...args: string[]): Promise<string> => ok('wallet', ...args);
  const mine = (): Promise<string> => ok('rpc', 'generatetoaddress', '1', own);
  const inputsOf = async (txid: string): Promise<string[]> => {
    const shown = await json<{ inputs: { txid: string; vout: number }[] }>('tx', 'show', txid);
    return shown.inputs.map(({ txid: id, vout }) => `${id}:${vout}`);
  };

  beforeAll(async () => {
    place = new Place();
    // blocks come when they are asked for, so that transactions wait
    node = await place.startNode('--block-time', '86400');
    [own] = await Promise.all([
      ok('keygen', '--quiet'),
      ok('keygen', '--hd', '--name', 'shop', '--quiet'),
    ]);
    await wallet('faucet', '10', '--key', 'shop');
    await mine();
  });
  afterAll(async () => {
    await node.stop();
    place.close();
  });

  it('gives an account fresh addresses, and lists what there is', async () => {
    const [first, next] = [
      await wallet('address', '--key', 'shop'),
      await wallet('address', '--new', '--key', 'shop'),
    ];
    expect(next).not.toBe(first);
    expect(await wallet('address', '--key', 'shop')).toBe(next);
    const { keys } = await json<{ keys: object[] }>('wallet', 'list');
    expect(keys).toMatchObject([
      { name: 'default', kind: 'key', address: own },
      { name: 'shop', kind: 'account', address: next, path: "m/44'/1'/0'" },
    ]);
  });

  it('watches an account by its extended key, builds for it, and says why it can not sign', async () => {
    const xpub = await wallet('export', '--xpub', '--key', 'shop');
    const made = await json('wallet', 'import', 'watch', '--xpub', xpub);
    expect(made).toMatchObject({ kind: 'watched account', used: { receive: 1, change: 0 } });
    // no passphrase is there to be asked for
    const balance = await place.json(['wallet', 'balance', '--key', 'watch', '--no-input']);
    expect(balance).toMatchObject({ confirmed: '10.00000000' });
    const refused = await place.run([
      'wallet',
      'send',
      own,
      '1',
      '--key',
      'watch',
      '--yes',
      '--json',
    ]);
    expect(refused.code).toBe(4);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'WATCH_ONLY' } });
    const built = await place.ok(['tx', 'build', '--from', 'watch', '--to', `${own}:1`]);
    const signed = await place.ok(['tx', 'sign', '--key', 'shop'], { stdin: built, ...env() });
    await place.ok(['tx', 'send'], { stdin: signed });
    await mine();
  });

  it('pays several at once, raises the fee, and never above the limit', async () => {
    const args = ['wallet', 'send', own, '1', '--to', `${own}:0.5`, '--key', 'shop', '--yes'];
    const high = await place.run([...args, '--fee-rate', '50', '--max-fee', '0.00001'], env());
    expect(high.code).toBe(4);
    expect(high.stderr).toContain('HIGH_FEE');
    const sent = await json<SentJson>(...args, '--replaceable');
    const inputs = await inputsOf(sent.txid);
    const bumped = await json<SentJson>('wallet', 'bump', sent.txid, '--key', 'shop', '--yes');
    expect(Number(bumped.fee)).toBeGreaterThan(Number(sent.fee));
    expect(await inputsOf(bumped.txid)).toEqual(inputs);
    expect((await place.run(['tx', 'show', sent.txid])).code).toBe(3);
    await mine();
  });

  it('sends all only when nothing else is said of the amount', async () => {
    const all = ['wallet', 'send', own, '--all', '--key', 'shop', '--yes'];
    for (const more of [['1'], ['--subtract-fee'], ['--allow-burn']]) {
      const refused = await place.run([...all.slice(0, 3), ...more, ...all.slice(3)], env());
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('[USAGE]')]);
    }
  });

  it('asks with the fee, and after a no the coins are free again', async () => {
    const coins = await wallet('utxos', '--key', 'shop', '--quiet');
    const send = (...args: string[]) =>
      place.run(['wallet', 'send', own, ...args, '--key', 'shop', '--no-input'], env());
    const [some, all] = [await send('1'), await send('--all')];
    expect([some.code, all.code]).toEqual([4, 4]);
    expect(some.stderr).toMatch(
      /needs a yes: Send 1\.00000000 coins to [mn]\w+, fee 0\.0000\d+\? \[NOT_CONFIRMED\]/,
    );
    expect(all.stderr).toMatch(
      /Send all coins of shop, [\d.]+, to [mn]\w+, fee 0\.0000\d+\? \[NOT_CONFIRMED\]/,
    );
    expect(await wallet('utxos', '--key', 'shop', '--quiet')).toBe(coins);
  });

  it('pays a fee beyond what the node lets pass when told so, and names the option else', async () => {
    const dear = ['wallet', 'send', own, '4', '--key', 'shop', '--yes', '--fee-rate', '12000'];
    const refused = await place.run(dear, env());
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/\[HIGH_FEE\]\n {2}next: .*--allow-high-fee/);
    const sent = await json<SentJson>(...dear, '--allow-high-fee');
    expect(Number(sent.fee)).toBeGreaterThan(0.02);
    await mine();
  });

  it('never chooses the same coin in two processes at once', async () => {
    await Promise.all([
      wallet('faucet', '3', '--key', 'shop'),
      wallet('faucet', '3', '--key', 'shop'),
    ]);
    await mine();
    const pay = () => json<SentJson>('wallet', 'send', own, '1', '--key', 'shop', '--yes');
    const [a, b] = await Promise.all([pay(), pay()]);
    const spent = [...(await inputsOf(a.txid)), ...(await inputsOf(b.txid))];
    expect(new Set(spent).size).toBe(spent.length);
    await mine();
  });

  it('leaves a locked coin alone until it is unlocked', async () => {
    const coins = (await wallet('utxos', '--key', 'shop', '--quiet')).split('\n');
    await wallet('lock', coins[0]!);
    expect((await wallet('utxos', '--key', 'shop', '--quiet')).split('\n')).toEqual(coins.slice(1));
    expect(await wallet('locked')).toBe(coins[0]);
    await wallet('unlock', coins[0]!);
    expect(await wallet('utxos', '--key', 'shop', '--quiet')).toBe(coins.join('\n'));
  });

  it('gives words and private keys to a file of the owner alone, or after a yes, and takes them in', async () => {
    const refused = await place.run(['wallet', 'export', '--wif', '--json'], env());
    expect(refused.code).toBe(4);
    expect(refused.stdout).toBe('');
    const words = join(place.folder, 'words');
    await wallet('export', '--mnemonic', '--key', 'shop', '--out', words);
    expect(statSync(words).mode & 0o777).toBe(0o600);
    const stdin = readFileSync(words, 'utf8');
    const again = await place.json(['wallet', 'import', 'again', '--mnemonic'], {
      stdin,
      ...env(),
    });
    expect(again).toMatchObject({ kind: 'account', derivationPath: "m/44'/1'/0'" });
    const balances = [
      await wallet('balance', '--key', 'again'),
      await wallet('balance', '--key', 'shop'),
    ];
    expect(balances[0]).toBe(balances[1]);
    const second = await json(
      'wallet',
      'import',
      'second',
      '--account-of',
      'shop',
      '--account',
      '1',
    );
    expect(second).toMatchObject({ derivationPath: "m/44'/1'/1'" });
    expect(second.address).not.toBe(again.address);
    const wif = await wallet('export', '--wif', '--yes');
    const before = await wallet('balance', '--quiet');
    const swept = await place.json<SentJson>(
      ['wallet', 'sweep', again.address as string, '--wif', '--yes'],
      { stdin: `${wif}\n` },
    );
    await mine();
    const paid = await json<{ outputs: { value: string }[] }>('tx', 'show', swept.txid);
    expect(paid.outputs).toHaveLength(1);
    expect(Number(paid.outputs[0]!.value)).toBeCloseTo(Number(before) - Number(swept.fee), 8);
  });

  it('signs messages that anybody can check, from an argument, a file or stdin', async () => {
    const signature = await wallet('sign-message', 'I wrote this');
    const check = (text: string[], stdin = '') =>
      place.run(['wallet', 'verify-message', own, signature, ...text], { stdin });
    expect((await check(['I wrote this'])).code).toBe(0);
    expect((await check([], 'I wrote this\n')).code).toBe(0);
    const file = join(place.folder, 'message');
    writeFileSync(file, 'I wrote that');
    expect((await check(['--file', file])).code).toBe(10);
    const bad = await place.run(['wallet', 'verify-message', own, 'not base64!', 'x']);
    expect(bad.code).toBe(2);
  });
});
