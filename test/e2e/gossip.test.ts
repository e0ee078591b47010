import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainClient, createKey, networkParameters, RpcClient, Wallet } from '#src/chain/index.js';
import { createMessage, NO_JOB_HEX } from '#src/job/index.js';
import { hash, privateKey } from '../job/make.js';
import { until } from '../until.js';
import { listenAgain, type NodeProcess, Nodes } from './Nodes.js';

const params = networkParameters('regtest');
const key = createKey(params);
const nodes = new Nodes();
let a: NodeProcess;
let b: NodeProcess;
let c: NodeProcess;

const heightOf = (node: NodeProcess) => node.rpc<number>('getblockcount');
const mempoolOf = (node: NodeProcess) => node.rpc<string[]>('getrawmempool');
const jobMessagesOf = async (node: NodeProcess) =>
  (await node.rpc<{ messages: unknown[] }>('listjobmessages', {})).messages;

beforeAll(async () => {
  // a line: what c has of a came through b
  b = await nodes.start('b');
  a = await nodes.start('a', '--connect', b.address);
  c = await nodes.start('c', '--connect', b.address);
  await a.rpc('generatetoaddress', 102, key.address);
  await until(async () => (await heightOf(b)) === 102 && (await heightOf(c)) === 102);
});

afterAll(async () => {
  for (const node of [a, b, c]) await node?.stop();
  nodes.close();
});

describe('nodes in processes of their own', () => {
  it('pass transactions and job messages on, and what waits comes to a node that was away', async () => {
    const client = new ChainClient(RpcClient.forNode({ datadir: a.folder, network: 'regtest' }));
    const wallet = new Wallet({ client, keys: [key], params });
    const outputs = [{ value: 5000n, lockingScript: wallet.changeScript }];
    const body = { models: [hash('model')], classes: [], fee: '0.00001000', height: 100 };
    const message = createMessage('verifier', NO_JOB_HEX, 0, body, privateKey('v0'));
    const { txid } = await wallet.send(outputs);
    expect(await a.rpc('sendjobmessage', message)).toEqual({ status: 'new' });
    await until(async () => (await mempoolOf(c)).includes(txid));
    await until(async () => (await jobMessagesOf(c)).length === 1);
    await b.stop();
    const later = await wallet.send(outputs);
    // its pool was in memory alone
    b = await nodes.start('b', ...listenAgain(b.address));
    await until(async () => (await mempoolOf(c)).includes(later.txid));
    expect(await mempoolOf(b)).toContain(txid);
    await until(async () => (await jobMessagesOf(b)).length === 1);
    expect(await jobMessagesOf(b)).toEqual([message]);
  }, 240_000);
});
