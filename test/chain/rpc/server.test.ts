import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '#src/base/index.js';
import {
  ChainClient,
  cookiePath,
  encodePin,
  encodeTransaction,
  faucetKey,
  RpcClient,
  type RunningNode,
  runNode,
} from '#src/chain/index.js';
import { SignalWatch } from '../../signals.js';
import { MINER, OTHER, OTHER_SCRIPT, payFromMiner, temporaryFolder } from '../node/setup.js';

const folder = temporaryFolder();
let running: RunningNode;
let rpc: RpcClient;
let chain: ChainClient;

beforeAll(async () => {
  running = await runNode({
    datadir: folder.path,
    network: 'regtest',
    version: '1.2.3',
    rpcPort: 0,
  });
  rpc = RpcClient.forNode({ datadir: folder.path, network: 'regtest' });
  chain = new ChainClient(rpc);
  await chain.generate(105, MINER.address);
});
afterAll(async () => {
  await rpc.close();
  await running.stop();
  folder.remove();
});

const cookie = () => readFileSync(cookiePath(folder.path, 'regtest'), 'utf8');

async function post(body: string, auth = cookie()): Promise<{ status: number; text: string }> {
  const authorization = `Basic ${Buffer.from(auth).toString('base64')}`;
  const response = await fetch(running.url, { method: 'POST', body, headers: { authorization } });
  return { status: response.status, text: await response.text() };
}

const code = async (call: Promise<unknown>): Promise<number | undefined> =>
  call.then(
    () => undefined,
    (thrown: { rpcCode: number }) => thrown.rpcCode,
  );

describe('the RPC server', () => {
  it('keeps its cookie to its owner', () => {
    expect(cookie()).toMatch(/^__cookie__:[0-9a-f]{64}$/);
    expect(statSync(cookiePath(folder.path, 'regtest')).mode & 0o777).toBe(0o600);
  });

  it('tells nothing to whoever has no password or a wrong one', async () => {
    for (const auth of ['', '__cookie__:', 'a:b', `${cookie()}0`]) {
      expect(await post('{"method":"getblockcount"}', auth)).toEqual({ status: 401, text: '' });
    }
    expect((await fetch(running.url)).status).toBe(401);
    const stranger = new RpcClient({ url: running.url, auth: { user: 'a', password: 'b' } });
    await expect(stranger.call('getblockcount')).rejects.toMatchObject({
      code: 'RPC_UNAUTHORIZED',
    });
    await stranger.close();
  });

  it('answers versions 1.0 and 2.0 each in its form', async () => {
    const old = await post('{"id":7,"method":"getblockcount"}');
    expect(old).toEqual({ status: 200, text: '{"result":105,"error":null,"id":7}' });
    const modern = await post('{"jsonrpc":"2.0","id":"x","method":"getblockcount"}');
    expect(modern).toEqual({ status: 200, text: '{"jsonrpc":"2.0","result":105,"id":"x"}' });
  });

  it("gives Bitcoin Core's HTTP status and number to each mistake", async () => {
    const cases: [body: string, status: number, code: number][] = [
      ['{', 500, -32700],
      ['"text"', 500, -32700],
      ['{"id":1}', 400, -32600],
      ['{"method":"getblockcount","params":7}', 400, -32600],
      ['{"method":"nosuch"}', 404, -32601],
      ['{"method":"getblockhash","params":[-1]}', 500, -8],
      ['{"jsonrpc":"2.0","id":1,"method":"nosuch"}', 200, -32601],
      ['{"jsonrpc":2,"id":1,"method":"uptime"}', 400, -32600],
      ['{"jsonrpc":"3.0","id":1,"method":"uptime"}', 400, -32600],
    ];
    for (const [body, status, number] of cases) {
      const answer = await post(body);
      expect([body, answer.status]).toEqual([body, status]);
      expect(JSON.parse(answer.text).error.code).toBe(number);
    }
  });

  it('answers a batch in order, and nothing to what wants no answer', async () => {
    const { text } = await post(
      '[{"jsonrpc":"2.0","id":1,"method":"getblockcount"},{"jsonrpc":"2.0","method":"uptime"},5,{"id":2,"method":"nosuch"}]',
    );
    const ids = JSON.parse(text).map(({ id }: { id: unknown }) => id);
    expect(ids).toEqual([1, null, 2]);
    expect(await post('{"jsonrpc":"2.0","method":"uptime"}')).toEqual({ status: 204, text: '' });
  });

  it('reads no body beyond its bound', async () => {
    const { port } = new URL(running.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        const authorization = Buffer.from(cookie()).toString('base64');
        socket.write(
          `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic ${authorization}\r\nContent-Length: 999999999\r\n\r\n`,
        );
      });
      socket.once('data', (data) => resolve(data.toString())).once('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('writes amounts as exact decimal numbers', async () => {
    const id = await rpc.call('getblockhash', 1);
    expect(await rpc.callText('getblock', [id, 2])).toContain('"value":50.00000000,');
  });

  it('answers many at once', async () => {
    const heights = await Promise.all(Array.from({ length: 200 }, () => chain.height()));
    expect(new Set(heights)).toEqual(new Set([105]));
  });

  it('keeps nothing of a call that was answered, also of one that waited', async () => {
    const watch = new SignalWatch();
    try {
      for (let i = 0; i < 100; i++) await chain.height();
      await Promise.all(Array.from({ length: 20 }, () => rpc.call('waitfornewblock', 50)));
      // a response closes a moment after the caller has it
      await expect.poll(() => watch.most()).toBeLessThan(10);
    } finally {
      watch.close();
    }
  });
});

describe('methods', () => {
  it("refuse with Bitcoin Core's numbers", async () => {
    const unknown = '00'.repeat(32);
    const paid = payFromMiner(running.node, [{ value: 1_000n, lockingScript: OTHER_SCRIPT }]);
    const missing = {
      ...paid,
      inputs: [{ ...paid.inputs[0]!, outpoint: { hash: new Uint8Array(32).fill(8), index: 0 } }],
    };
    const send = (transaction: typeof paid) =>
      rpc.call('sendrawtransaction', toHex(encodeTransaction(transaction)));
    expect(await code(rpc.call('getblock', unknown))).toBe(-5);
    expect(await code(rpc.call('getrawtransaction', unknown))).toBe(-5);
    expect(await code(rpc.call('getblock', 'abc'))).toBe(-8);
    expect(await code(rpc.call('getblockhash', 1000))).toBe(-8);
    expect(await code(rpc.call('getblockhash', '1'))).toBe(-3);
    expect(await code(rpc.call('decoderawtransaction', '00'))).toBe(-22);
    expect(await code(rpc.call('generatetoaddress', 1, 'nobody'))).toBe(-5);
    expect(await code(send(missing))).toBe(-25);
    expect(await code(send({ ...paid, lockTime: 1 }))).toBe(-26);
  });

  it('follow a payment from the mempool into a block', async () => {
    const jobId = new Uint8Array(32).fill(5);
    const payload = utf8('{"v":1}');
    const pin = encodePin({
      operation: 'create',
      path: '/protocols/test',
      contentType: 'application/json',
      payload,
    });
    const transaction = payFromMiner(
      running.node,
      [
        { value: 7_000n, lockingScript: OTHER_SCRIPT },
        { value: 0n, lockingScript: pin },
      ],
      { jobId },
    );
    const spent = transaction.inputs[0]!.outpoint;
    expect(await chain.spender(spent)).toBeUndefined();
    const txid = await chain.send(transaction);
    expect(await chain.send(transaction)).toBe(txid);
    expect(await chain.transaction(txid)).toMatchObject({ height: 0, transaction });
    expect(await chain.utxos([OTHER.address])).toMatchObject([
      { height: 0, output: { value: 7_000n } },
    ]);
    expect(await chain.spender(spent)).toEqual({ txid, inputIndex: 0, height: 0 });
    expect(await chain.output(spent)).toBeUndefined();
    expect(await chain.jobTransactions(jobId)).toEqual([{ txid, height: 0 }]);
    expect(await chain.pins('/protocols/test')).toEqual([]);

    const height = (await chain.height()) + 1;
    const waited = chain.waitForBlock(height - 1);
    await chain.generate(1, MINER.address);
    expect(await waited).toBe(height);
    expect(await chain.transaction(txid)).toMatchObject({ height, transaction });
    expect(await chain.scriptUtxos([OTHER_SCRIPT])).toMatchObject([{ height, coinbase: false }]);
    expect(await chain.spender(spent)).toEqual({ txid, inputIndex: 0, height });
    expect(await chain.jobTransactions(jobId)).toEqual([{ txid, height }]);
    const [found] = await chain.pins('/protocols/test');
    expect(found).toMatchObject({ id: `${txid}i0`, owner: OTHER.address, height, payload });
    expect(await rpc.call('getpins', { id: found!.id })).toHaveLength(1);
    expect(await rpc.call('getpins', { owner: OTHER.address })).toHaveLength(1);
    expect(await code(rpc.call('sendrawtransaction', toHex(encodeTransaction(transaction))))).toBe(
      -27,
    );
  });

  it('hand out coins of the faucet, once it has some', async () => {
    await expect(rpc.call('faucet', OTHER.address, 1)).rejects.toThrow(
      'ask the regtest node that mines',
    );
    const { address } = faucetKey(running.node);
    await chain.generate(101, address);
    const txid = await rpc.call<string>('faucet', OTHER.address, 1.5);
    expect((await chain.transaction(txid))!.transaction.outputs[0]!.value).toBe(150_000_000n);
  });

  it('tell of blocks as they come (GET /events)', async () => {
    const authorization = `Basic ${Buffer.from(cookie()).toString('base64')}`;
    const response = await fetch(`${running.url}/events`, { headers: { authorization } });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const height = await chain.height();
    await chain.generate(1, MINER.address);
    let text = '';
    while (!text.includes(`"height":${height + 1}`)) text += (await reader.read()).value;
    expect(text).toMatch(/^event: block\ndata: \{/);
    await reader.cancel();
  });

  it('stop waiting when the caller gives up', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(chain.waitForBlock(1_000_000, signal)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});
