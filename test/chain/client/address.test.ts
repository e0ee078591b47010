import { mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressPath, cookiePath, RpcClient } from '#src/chain/index.js';
import { temporaryFolder } from '../node/setup.js';

const folder = temporaryFolder();
const location = { datadir: folder.path, network: 'regtest' } as const;
const servers: Server[] = [];
const clients: RpcClient[] = [];
let first: string;
let second: string;
let beforeAnswer = (): void => undefined;

/** Answers every call with a number and what it was shown; with a password only those that show it. */
async function serve(result: number, password?: string): Promise<string> {
  const server = createServer((request, response) => {
    const shown = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64').toString();
    beforeAnswer();
    if (password !== undefined && shown !== `__cookie__:${password}`) {
      return response.writeHead(401).end();
    }
    response.end(JSON.stringify({ result: [result, shown], error: null, id: 1 }));
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function start(url: string, password: string): void {
  writeFileSync(cookiePath(folder.path, 'regtest'), `__cookie__:${password}`);
  writeFileSync(addressPath(folder.path, 'regtest'), url);
}

function clientFor(rpc?: string): RpcClient {
  const client = RpcClient.forNode({ ...location, rpc });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  mkdirSync(dirname(addressPath(folder.path, 'regtest')), { recursive: true });
  first = await serve(1);
  second = await serve(2);
});
afterAll(async () => {
  for (const client of clients) await client.close();
  for (const server of servers) server.close();
  folder.remove();
});

describe("the address of a data folder's node", () => {
  it('is looked up at each call: a node that starts anew at another port is found there', async () => {
    start(first, 'one');
    const client = clientFor();
    expect(await client.call('x')).toEqual([1, '__cookie__:one']);
    start(second, 'two');
    expect(await client.call('x')).toEqual([2, '__cookie__:two']);
    expect(client.url).toBe(second);
  });

  it('is the last one while the node is away, not the usual one, where another may listen', async () => {
    start(first, 'one');
    const client = clientFor();
    await client.call('x');
    unlinkSync(addressPath(folder.path, 'regtest'));
    expect(client.url).toBe(first);
    start(second, 'two');
    expect(await client.call('x')).toEqual([2, '__cookie__:two']);
  });

  it('is found by a client that was there before its node', async () => {
    unlinkSync(addressPath(folder.path, 'regtest'));
    const client = clientFor();
    start(second, 'two');
    expect(await client.call('x')).toEqual([2, '__cookie__:two']);
  });

  it('is asked once more with the cookie of now, where that was written while the old one was on its way', async () => {
    const url = await serve(3, 'new');
    start(url, 'old');
    const client = clientFor();
    beforeAnswer = () => start(url, 'new');
    expect(await client.call('x')).toEqual([3, '__cookie__:new']);
    start(url, 'old');
    const parts: Uint8Array[] = [];
    for await (const part of client.stream('/events', AbortSignal.timeout(10_000)))
      parts.push(part);
    expect(JSON.parse(Buffer.concat(parts).toString())).toMatchObject({
      result: [3, '__cookie__:new'],
    });
    beforeAnswer = () => undefined;
    start(url, 'wrong');
    await expect(client.call('x')).rejects.toMatchObject({ code: 'RPC_UNAUTHORIZED' });
  });

  it('stays the one that --rpc names', async () => {
    start(second, 'two');
    const client = clientFor(first.replace('://', '://me:mine@'));
    expect(await client.call('x')).toEqual([1, 'me:mine']);
    expect(client.url).toBe(first);
  });
});
