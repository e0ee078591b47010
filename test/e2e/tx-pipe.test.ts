import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { decodeTransaction, encodeTransaction } from '#src/chain/index.js';
import { type Finished, Place, type Running } from './harness.js';

const TO = 'mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV';

function errorOf({ stderr }: Finished): string {
  return (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;
}

describe('the wallet and the transaction pipe on a running node', () => {
  const place = new Place();
  let node: Running;
  const withFile = ['--passphrase-file', place.passphraseFile];

  beforeAll(async () => {
    node = await place.startNode('--block-time', '3600');
    await place.ok(['keygen', ...withFile]);
    await place.ok(['keygen', '--name', 'other', ...withFile]);
    await place.ok(['wallet', 'faucet', '10']);
  });
  afterAll(async () => {
    await node.stop();
    place.close();
  });

  it('builds, signs without a node, sends, and shows', async () => {
    const built = await place.ok(['tx', 'build', '--to', `${TO}:1.5`, '--data', '0102']);
    const offline = ['tx', 'sign', '--rpc', 'http://127.0.0.1:1', ...withFile];
    const signed = await place.ok(offline, { stdin: built });
    const decoded = await place.json<{ txid: string; outputs: unknown[] }>(['tx', 'decode'], {
      stdin: signed,
    });
    expect(decoded.outputs[0]).toMatchObject({ value: '1.50000000', address: TO });
    const { txid, fee } = await place.json(['tx', 'send'], { stdin: signed });
    expect(txid).toBe(decoded.txid);
    expect(fee).toMatch(/^0\.00000\d+$/);
    const shown = await place.json(['tx', 'show', txid as string]);
    expect(shown).toMatchObject({ txid, height: 0 });
    const history = await place.json<{ history: { txid: string }[] }>(['wallet', 'history']);
    expect(history.history.map((entry) => entry.txid)).toContain(txid);
    // once more is no harm: the node has it already
    expect(await place.ok(['tx', 'send', '-q'], { stdin: signed })).toBe(txid);
  });

  it('pays from the wallet, and the balances agree', async () => {
    const before = await place.json(['wallet', 'balance', '--key', 'other']);
    expect(before.pending).toBe('0.00000000');
    const { address } = await place.json(['wallet', 'address', '--key', 'other']);
    await place.ok(['wallet', 'send', address as string, '2.25', '--yes', ...withFile]);
    const after = await place.json(['wallet', 'balance', '--key', 'other']);
    expect(after.pending).toBe('2.25000000');
    const coins = await place.json<{ utxos: unknown[] }>(['wallet', 'utxos', '--key', 'other']);
    expect(coins.utxos).toHaveLength(1);
  });

  it('does not pay without a yes', async () => {
    const result = await place.run(['wallet', 'send', TO, '1', '--json', ...withFile]);
    expect(result.code).toBe(4);
    expect(errorOf(result)).toBe('NOT_CONFIRMED');
  });

  const refusedToBuild = [
    {
      name: 'an amount above what is there',
      args: ['--to', `${TO}:1000`],
      code: 'INSUFFICIENT_FUNDS',
      exit: 1,
    },
    {
      name: 'a fee above a tenth of the value',
      args: ['--to', `${TO}:0.00001`],
      code: 'HIGH_FEE',
      exit: 4,
    },
    {
      name: 'dust',
      args: ['--to', `${TO}:0.00000545`, '--allow-high-fee'],
      code: 'DUST_OUTPUT',
      exit: 2,
    },
    {
      name: 'a mistyped address',
      args: ['--to', `${TO.slice(0, -1)}W:1`],
      code: 'BAD_ADDRESS',
      exit: 2,
    },
    {
      name: 'an address of another network',
      args: ['--to', '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH:1'],
      code: 'WRONG_NETWORK',
      exit: 2,
    },
    { name: 'no amount', args: ['--to', `${TO}:many`], code: 'BAD_AMOUNT', exit: 2 },
    { name: 'nobody to pay', args: [], code: 'USAGE', exit: 2 },
    {
      name: 'a key that is not there',
      args: ['--to', `${TO}:1`, '--from', 'nobody'],
      code: 'KEY_NOT_FOUND',
      exit: 3,
    },
  ];
  for (const { name, args, code, exit } of refusedToBuild) {
    it(`refuses to build: ${name} (${code})`, async () => {
      const result = await place.run(['tx', 'build', '--json', ...args]);
      expect([errorOf(result), result.code, result.stdout]).toEqual([code, exit, '']);
    });
  }

  it('refuses, each by its name, what does not belong in the pipe', async () => {
    const built = await place.ok(['tx', 'build', '--to', `${TO}:1`]);
    const signed = await place.ok(['tx', 'sign', ...withFile], { stdin: built });
    const send = async (stdin: string): Promise<string> =>
      errorOf(await place.run(['tx', 'send', '--json'], { stdin }));
    const sign = async (stdin: string, ...args: string[]): Promise<string> =>
      errorOf(await place.run(['tx', 'sign', '--json', ...withFile, ...args], { stdin }));
    const envelope = JSON.parse(signed) as { transaction: string; spent: { value: string }[] };

    expect(await send(built)).toBe('UNSIGNED_INPUT');
    expect(await send('')).toBe('NO_INPUT');
    expect(await send('hello')).toBe('BAD_TRANSACTION');
    expect(await send(signed.replace('"regtest"', '"main"'))).toBe('WRONG_NETWORK');
    expect(await sign(built, '--key', 'other')).toBe('NOTHING_TO_SIGN');

    const dearer = structuredClone(envelope);
    dearer.spent[0]!.value = '0.50000000';
    expect(await sign(JSON.stringify(dearer))).toBe('AMOUNT_ABOVE_INPUTS');
    expect(
      await send(JSON.stringify({ ...dearer, spent: [{ ...dearer.spent[0], value: '900.0' }] })),
    ).toBe('WRONG_AMOUNT');
    // the last base unit of the last output: the signature no longer fits
    const bytes = Buffer.from(envelope.transaction, 'hex');
    const at = bytes.length - 32 - 4 - 25 - 1 - 8;
    bytes[at]! ^= 1;
    expect(await send(bytes.toString('hex'))).toBe('BAD_SIGNATURE');
    const unknown = Buffer.from(envelope.transaction, 'hex');
    unknown[5]! ^= 1;
    expect(await send(unknown.toString('hex'))).toBe('UNKNOWN_INPUT');
    // the untouched one is still good, as bare hex
    expect(await place.ok(['tx', 'send', envelope.transaction])).toMatch(/^[0-9a-f]{64}$/);
  });

  it('makes no halves of one transaction that fit together, when each time it is told another lie', async () => {
    const { address } = await place.json(['wallet', 'address']);
    await place.ok(['wallet', 'send', address as string, '2', '--yes', ...withFile]);
    const { utxos } = await place.json<{ utxos: { outpoint: string; value: string }[] }>([
      'wallet',
      'utxos',
    ]);
    const named = utxos.flatMap(({ outpoint }) => ['--from-coin', outpoint]);
    expect(utxos.length).toBeGreaterThan(1);
    const built = await place.ok(['tx', 'build', '--to', `${TO}:1`, ...named]);
    type Said = { transaction: string; spent: { value: string }[] };
    const signedAs = async (values: readonly string[]): Promise<Said> => {
      const envelope = JSON.parse(built) as Said;
      const spent = envelope.spent.map((each, i) => ({ ...each, value: values[i] ?? each.value }));
      const stdin = JSON.stringify({ ...envelope, spent });
      const signed = await place.ok(['tx', 'sign', '--allow-high-fee', ...withFile], { stdin });
      return JSON.parse(signed) as Said;
    };
    const unsigned = decodeTransaction(fromHex((JSON.parse(built) as Said).transaction));
    const truth = (JSON.parse(built) as Said).spent;
    // each time the truth about one input, and too much about the other
    const halves = await Promise.all([
      signedAs([truth[0]!.value, '9.5']),
      signedAs(['9.5', truth[1]!.value]),
    ]);
    const inputs = unsigned.inputs.map((input, i) => {
      const half = halves[i];
      return half ? decodeTransaction(fromHex(half.transaction)).inputs[i]! : input;
    });
    const joined = toHex(encodeTransaction({ ...unsigned, inputs }));
    const result = await place.run(['tx', 'send', '--json', '--allow-high-fee'], { stdin: joined });
    expect([errorOf(result), result.code]).toEqual(['BAD_SIGNATURE', 4]);
  });

  it('says what a wrong passphrase and a damaged keystore are, and takes no passphrase out of the pipe', async () => {
    const built = await place.ok(['tx', 'build', '--to', `${TO}:1`]);
    const wrong = join(place.folder, 'wrong');
    writeFileSync(wrong, 'not it\n', { mode: 0o600 });
    const result = await place.run(['tx', 'sign', '--json', '--passphrase-file', wrong], {
      stdin: built,
    });
    expect([errorOf(result), result.code]).toEqual(['WRONG_PASSPHRASE', 4]);
    const piped = await place.run(['tx', 'sign', '--json', '--no-input'], {
      stdin: `${built}\ncorrect horse battery\n`,
    });
    expect(piped.code).toBe(2);
    const path = join(place.folder, 'regtest', 'keys', 'other.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.slice(0, -40));
    const damaged = await place.run(['wallet', 'balance', '--key', 'other', '--json']);
    expect(errorOf(damaged)).toBe('CORRUPT_KEYSTORE');
    writeFileSync(path, text);
  });

  it('says when no node answers at the address given', async () => {
    const result = await place.run([
      'wallet',
      'balance',
      '--rpc',
      'http://u:p@127.0.0.1:1',
      '--json',
    ]);
    expect(result.code).toBe(5);
    expect(JSON.parse(result.stderr)).toMatchObject({
      error: { code: 'NODE_UNREACHABLE', next: expect.stringContaining('Check the address') },
    });
  });
});
