import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cookiePath, RpcClient } from '#src/chain/index.js';
import { temporaryFolder } from '../node/setup.js';

const folder = temporaryFolder();
/** What each caller showed of itself. */
const shown: (string | undefined)[] = [];
const server = createServer((request, response) => {
  shown.push(request.headers.authorization);
  response.end('{"result":7,"error":null,"id":1}');
});
let port: number;

beforeAll(async () => {
  const cookie = cookiePath(folder.path, 'regtest');
  mkdirSync(dirname(cookie), { recursive: true });
  writeFileSync(cookie, '__cookie__:secret');
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  folder.remove();
});

describe("the cookie of a data folder's node", () => {
  it('is shown to this machine only, whatever address is named', async () => {
    const call = async (host: string): Promise<string | undefined> => {
      const location = { datadir: folder.path, network: 'regtest', rpc: `http://${host}:${port}` };
      const client = RpcClient.forNode(location as Parameters<typeof RpcClient.forNode>[0]);
      // an answer or none: what matters is what was sent
      await client.call('getblockcount').catch(() => undefined);
      await client.close();
      return shown.pop();
    };
    const cookie = `Basic ${Buffer.from('__cookie__:secret').toString('base64')}`;
    expect(await call('127.0.0.1')).toBe(cookie);
    expect(await call('localhost')).toBe(cookie);
    // reaches the same server by an address that is not written as this machine's own
    expect(await call('[::ffff:127.0.0.1]')).toBeUndefined();
    expect(await call('me:mine@[::ffff:127.0.0.1]')).toBe(
      `Basic ${Buffer.from('me:mine').toString('base64')}`,
    );
  });
});
