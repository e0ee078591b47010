import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '#src/base/index.js';
import {
  ChainClient,
  encodePin,
  encodeTransaction,
  RpcClient,
  type ShownAddress,
  type ShownBlock,
  type ShownTransaction,
  signP2pkhInputs,
  type Transaction,
} from '#src/chain/index.js';
import { MINER, OTHER, OTHER_SCRIPT } from '../chain/node/setup.js';
import { Place } from './harness.js';

const place = new Place();
let rpc: RpcClient;
/** Spends the first coinbase: 1.5 to OTHER, a pin, the rest is fee. */
let payment: string;
const JOB = 'ab'.repeat(32);
const HEIGHT = 102;
const ID = /^[0-9a-f]{64}$/;

/** Every line of a table fits a terminal of 80 columns. */
function expectToFit(text: string): void {
  const widest = Math.max(...text.split('\n').map((line) => line.length));
  expect([widest, text]).toEqual([Math.min(widest, 80), text]);
}

beforeAll(async () => {
  await place.start(['node', '--regtest', '--rpc-port', '0']);
  rpc = RpcClient.forNode({ datadir: place.folder, network: 'regtest' });
  const chain = new ChainClient(rpc);
  await chain.generate(101, MINER.address);
  const [coin] = (await chain.utxos([MINER.address])).filter(({ height }) => height === 1);
  const pin = { operation: 'create', path: '/info/name', contentType: 'text/plain' } as const;
  const unsigned: Transaction = {
    version: 10,
    inputs: [{ outpoint: coin!.outpoint, unlockingScript: new Uint8Array(), sequence: 0 }],
    outputs: [
      { value: 150_000_000n, lockingScript: OTHER_SCRIPT },
      { value: 0n, lockingScript: encodePin({ ...pin, payload: utf8('Ada') }) },
      { value: 4_849_990_000n, lockingScript: OTHER_SCRIPT },
    ],
    lockTime: 0,
    jobId: Uint8Array.from(Buffer.from(JOB, 'hex')),
  };
  const signed = signP2pkhInputs(unsigned, [coin!.output], [MINER]);
  payment = await rpc.call('sendrawtransaction', toHex(encodeTransaction(signed)));
  await chain.generate(1, MINER.address);
});
afterAll(async () => {
  await rpc.close();
  place.close();
});

describe('bitmodel chain', () => {
  it('info: shows the tip and what waits', async () => {
    expect(await place.json(['chain', 'info'])).toMatchObject({
      network: 'regtest',
      height: HEIGHT,
      tip: expect.stringMatching(ID),
      waiting: 0,
      minimumFee: '0.00001000',
      pruned: false,
    });
    const text = await place.ok(['chain', 'info']);
    expect(text).toContain('0 transactions, 0 bytes');
    expectToFit(text);
    expect(await place.ok(['chain', 'info', '-q'])).toBe(`${HEIGHT}`);
  });

  it('block: shows a block with its sums, and its transactions page by page', async () => {
    const block = await place.json<ShownBlock & Record<string, unknown>>(['chain', 'block']);
    expect(block).toMatchObject({
      height: HEIGHT,
      confirmations: 1,
      subsidy: '50.00000000',
      fees: '0.00010000',
      paid: '49.99990000',
      inputs: 1,
      outputs: 4,
      transactionCount: 2,
      page: 1,
      pages: 1,
      transactions: [{ inputs: [{ coinbase: expect.any(String) }] }, { txid: payment, job: JOB }],
    });
    const second = ['chain', 'block', block.hash, '--count', '1', '--page', '2'];
    const page = await place.json<ShownBlock & Record<string, unknown>>(second);
    expect(page).toMatchObject({ page: 2, pages: 2, transactions: [{ txid: payment }] });
    const text = await place.ok(['chain', 'block', `${HEIGHT}`]);
    expect(text).toContain(payment);
    expect(text).toContain('fee 0.00010000');
    expectToFit(text);
    expectToFit(await place.ok(['chain', 'block', '0']));
  });

  it('tx: shows what a transaction spends, pays, costs and carries', async () => {
    const found = await place.json<ShownTransaction & Record<string, unknown>>([
      'chain',
      'tx',
      payment,
    ]);
    expect(found).toMatchObject({
      txid: payment,
      job: JOB,
      height: HEIGHT,
      confirmations: 1,
      fee: '0.00010000',
      inputs: [{ address: MINER.address, value: '50.00000000' }],
      outputs: [
        { address: OTHER.address, value: '1.50000000', spent: null, pins: [`${payment}i0`] },
        { says: { operation: 'create', path: '/info/name', contentType: 'text/plain' } },
        { address: OTHER.address, value: '48.49990000', spent: null },
      ],
    });
    const text = await place.ok(['chain', 'tx', payment]);
    for (const shown of [JOB, '1.50000000 to', 'pin: create /info/name', '0.00010000 (']) {
      expect(text).toContain(shown);
    }
    expectToFit(text);
    const source = found.inputs[0]!.from!.split(':')[0]!;
    const coinbase = await place.json<ShownTransaction & Record<string, unknown>>([
      'chain',
      'tx',
      source,
    ]);
    expect(coinbase.outputs[0]!.spent).toMatchObject({ txid: payment, vin: 0, height: HEIGHT });
    expectToFit(await place.ok(['chain', 'tx', source]));
  });

  it('address: shows a balance and the history, the newest first', async () => {
    const found = await place.json<ShownAddress & Record<string, unknown>>([
      'chain',
      'address',
      OTHER.address,
    ]);
    expect(found).toMatchObject({
      address: OTHER.address,
      more: false,
      history: [{ txid: payment, height: HEIGHT, change: '+49.99990000' }],
    });
    const miner = ['chain', 'address', MINER.address];
    const page = await place.json<ShownAddress & Record<string, unknown>>([
      ...miner,
      '--count',
      '2',
    ]);
    expect(page).toMatchObject({ more: true, history: [{ height: HEIGHT }, { height: HEIGHT }] });
    expect(page.history.map(({ change }) => change).sort()).toEqual([
      '+50.00010000',
      '-50.00000000',
    ]);
    const text = await place.ok([...miner, '--count', '3']);
    expect(text).toContain('more with --page 2');
    expectToFit(text);
    const last = await place.json<ShownAddress & Record<string, unknown>>([
      ...miner,
      '--count',
      '100',
      '--page',
      '2',
    ]);
    expect(last).toMatchObject({ more: false });
    expect(last.history).toHaveLength(3);
    expect((await place.ok([...miner, '-q', '--count', '4'])).split('\n')).toHaveLength(4);
  });

  it('says what is wrong, and what to do', async () => {
    const cases: [args: string[], code: number, text: string][] = [
      [['tx', '00'.repeat(32)], 3, 'NOT_FOUND'],
      [['tx', 'zz'], 2, 'must be of length 64'],
      [['block', '9999'], 2, 'out of range'],
      [['address', 'nobody'], 3, 'not an address'],
      [['block', '--page', '0'], 2, '--page'],
    ];
    for (const [args, code, text] of cases) {
      const ended = await place.run(['chain', ...args]);
      expect([args, ended.code]).toEqual([args, code]);
      expect(ended.stderr).toContain(text);
      expect(ended.stderr).toContain('next: ');
    }
  });
});

describe('bitmodel rpc', () => {
  it('prints texts bare, objects over lines, nothing for null, amounts with every digit', async () => {
    const tip = await place.ok(['rpc', 'getbestblockhash']);
    expect(tip).toMatch(ID);
    expect(await place.ok(['rpc', 'getblockcount'])).toBe(`${HEIGHT}`);
    const out = await place.ok(['rpc', 'gettxout', payment, '0']);
    expect(out).toContain('\n  "value": 1.50000000,\n');
    expect(await place.ok(['rpc', 'gettxout', payment, '7'])).toBe('');
    expect(await place.ok(['rpc', 'getpeerinfo'])).toBe('[\n]');
  });

  it('reads arguments as what the method takes: by place, by name, or from stdin', async () => {
    const first = await place.ok(['rpc', 'getblockhash', '1']);
    expect(await place.ok(['rpc', '--named', 'getblockhash', 'height=1'])).toBe(first);
    expect(await place.ok(['rpc', 'getblockhash', '-'], { stdin: '1\n' })).toBe(first);
    const outputs = `{"${OTHER.address}":99999999.12345678}`;
    const raw = await place.ok(['rpc', 'createrawtransaction', '[]', outputs]);
    expect(await place.ok(['rpc', 'decoderawtransaction', raw])).toContain('99999999.12345678');
    const message = ['12345', 'true'].map((text) =>
      place.run(['rpc', 'verifymessage', OTHER.address, 'AAAA', text]),
    );
    for (const { stdout } of await Promise.all(message)) expect(stdout).toBe('false\n');
  });

  it("shows an error with the node's number and the next step, and exits with bitmodel's code", async () => {
    const { code, stderr } = await place.run(['rpc', 'getblock', '00'.repeat(32)]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error code: -5\nerror message:\nBlock not found\n {2}next: \S.*\n$/);
    const json = await place.run(['--json', 'rpc', 'getblockhash', '9999']);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stderr).error).toMatchObject({
      code: 'BAD_ARGUMENT',
      rpcCode: -8,
      message: 'Block height out of range',
      next: expect.stringContaining('help getblockhash'),
    });
    const word = await place.run(['rpc', 'getblockhash', 'x']);
    expect(word).toMatchObject({ code: 2, stdout: '' });
    expect(word.stderr).toContain('Error parsing JSON: x');
  });
});
