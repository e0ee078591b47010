import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  type ChainNode,
  encodeTransaction,
  NO_JOB,
  RpcServer,
  type RpcServerOptions,
  registerChainMethods,
} from '#src/chain/index.js';
import { callerList } from '#src/chain/rpc/access.js';
import { Strangers } from '#src/chain/rpc/Strangers.js';
import { MINER_SCRIPT, openTemporaryNode } from '../node/setup.js';

const AUTH = { user: 'alice', password: 'secret' };
const AUTHORIZATION = `Basic ${Buffer.from('alice:secret').toString('base64')}`;

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Started {
  readonly server: RpcServer;
  readonly node: ChainNode;
  readonly url: string;
  readonly port: number;
}

async function start(options: RpcServerOptions = {}, host?: string): Promise<Started> {
  const { node, end } = await openTemporaryNode();
  endings.push(end);
  const server = new RpcServer({ auth: AUTH, ...options });
  registerChainMethods(server, node, { version: '1.2.3', stop: () => undefined });
  const url = await server.listen(0, host);
  endings.push(() => server.close());
  return { server, node, url, port: Number(new URL(url).port) };
}

/** A connection of its own, closed at the end. */
async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  endings.push(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

function post(body: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const all = {
    host: '127.0.0.1',
    authorization: AUTHORIZATION,
    'content-length': Buffer.byteLength(body),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `POST / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

const call = (method: string, ...params: unknown[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

/** What a connection is sent until it is closed. */
async function everything(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

/** What a connection is sent until it has matched. */
async function until(socket: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (pattern.test(text)) break;
  }
  return text;
}

const status = (text: string): number => Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]);

const OUTPUTS = 120_000;

/** A transaction of very many of the smallest outputs. */
const largeTransaction = (outputs: number): string =>
  toHex(
    encodeTransaction({
      version: 2,
      inputs: [
        {
          outpoint: { hash: new Uint8Array(32).fill(1), index: 0 },
          unlockingScript: new Uint8Array(),
          sequence: 0,
        },
      ],
      outputs: Array(outputs).fill({ value: 0n, lockingScript: new Uint8Array() }),
      lockTime: 0,
      jobId: NO_JOB,
    }),
  );

describe('the RPC server, with callers that mean no harm,', () => {
  it('answers 200 at once, each on a connection of its own', async () => {
    const { url, node } = await start();
    await node.mine(3, MINER_SCRIPT);
    const dispatcher = new Agent({ connections: 200, pipelining: 1 });
    endings.push(() => dispatcher.close());
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, id) => {
        const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'getblockcount' });
        const headers = { authorization: AUTHORIZATION };
        const response = await request(url, { method: 'POST', headers, body, dispatcher });
        return response.body.json();
      }),
    );
    expect(answers).toEqual(
      Array.from({ length: 200 }, (_, id) => ({ jsonrpc: '2.0', result: 3, id })),
    );
  });

  it('keeps a connection for more calls, and answers those sent at once in order', async () => {
    const { port } = await start();
    const socket = await open(port);
    socket.write(post(call('getblockcount')) + post(call('nosuch')) + post(call('getpeerinfo')));
    const text = await until(socket, /"result":\[\]/);
    expect(text.match(/"(result|code)":[^,}]*/g)).toEqual([
      '"result":0',
      '"code":-32601',
      '"result":[]',
    ]);
  });

  it('has an ear for others while it shows a transaction of very many outputs', async () => {
    const { port, url } = await start();
    const long = await open(port);
    long.write(post(call('decoderawtransaction', largeTransaction(OUTPUTS))));
    let tail = '';
    let length = 0;
    long.on('data', (chunk: Buffer) => {
      length += chunk.length;
      tail = (tail + chunk.toString('latin1')).slice(-500);
    });
    let others = 0;
    while (!tail.endsWith('0\r\n\r\n')) {
      const headers = { authorization: AUTHORIZATION };
      const body = call('uptime');
      await (await request(url, { method: 'POST', headers, body })).body.dump();
      others++;
    }
    expect(tail).toContain(`"n":${OUTPUTS - 1},`);
    expect(length).toBeGreaterThan(50 * OUTPUTS);
    expect(others).toBeGreaterThan(5);
  });
});

describe('the RPC server, with callers that mean harm,', () => {
  it('says the same to whoever has no password, whatever is asked', async () => {
    const { url } = await start();
    const ask = async (options: Parameters<typeof request>[1], path = '/'): Promise<unknown> => {
      const { statusCode, headers, body } = await request(`${url}${path}`, options);
      return [statusCode, headers['www-authenticate'], await body.text()];
    };
    const refused = [401, 'Basic realm="jsonrpc"', ''];
    expect(await ask({ method: 'GET' })).toEqual(refused);
    expect(await ask({ method: 'GET' }, '/events')).toEqual(refused);
    expect(await ask({ method: 'PUT' }, '/nosuch')).toEqual(refused);
    expect(await ask({ method: 'POST', body: call('getblockcount') })).toEqual(refused);
    expect(await ask({ method: 'POST', body: '{' })).toEqual(refused);
    for (const authorization of ['Basic', 'Basic !', 'Bearer x', `${AUTHORIZATION}x`, '']) {
      const body = call('getblockcount');
      expect(await ask({ method: 'POST', body, headers: { authorization } })).toEqual(refused);
    }
  });

  it('lets a guesser of passwords wait', async () => {
    const { url } = await start();
    const authorization = `Basic ${Buffer.from('alice:Secret').toString('base64')}`;
    const began = performance.now();
    const { statusCode } = await request(url, { method: 'POST', headers: { authorization } });
    expect(statusCode).toBe(401);
    expect(performance.now() - began).toBeGreaterThan(200);
  });

  it('refuses what was meant for another host, or comes from another page (DNS rebinding)', async () => {
    const { port } = await start();
    const ask = async (headers: Readonly<Record<string, string>>): Promise<number> => {
      const socket = await open(port);
      socket.write(post(call('uptime'), headers));
      return status(await until(socket, /\r\n\r\n/));
    };
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '',
      '[',
    ]) {
      expect([host, await ask({ host })]).toEqual([host, 403]);
    }
    for (const host of ['127.0.0.1', `localhost:${port}`, '[::1]', '10.0.0.7']) {
      expect([host, await ask({ host })]).toEqual([host, 200]);
    }
    expect(await ask({ origin: 'http://evil.example' })).toBe(403);
    expect(await ask({ origin: 'null' })).toBe(403);
    const host = `127.0.0.1:${port}`;
    expect(await ask({ host, origin: `http://${host}` })).toBe(200);
  });

  it('reads no body beyond its bound, with its length said before or not', async () => {
    const { port } = await start({ maxBody: 1_000 });
    const said = await open(port);
    said.write(post('', { 'content-length': 1_001 }));
    expect(status(await until(said, /\r\n\r\n/))).toBe(413);
    const unsaid = await open(port);
    unsaid.write(post('', { 'transfer-encoding': 'chunked' }).replace(/content-length: 0\r\n/, ''));
    unsaid.write(`3e9\r\n${' '.repeat(1_001)}\r\n`);
    expect(status(await until(unsaid, /\r\n\r\n/))).toBe(413);
    const fits = await open(port);
    fits.write(post(call('uptime').padEnd(1_000)));
    expect(status(await until(fits, /\r\n\r\n/))).toBe(200);
  });

  it('holds no more of all bodies together than its bound', async () => {
    const { port } = await start({ maxBodies: 1_500 });
    const first = await open(port);
    first.write(post('', { 'content-length': 1_001 }));
    first.write(' '.repeat(1_000));
    const ask = async (): Promise<number> => {
      const socket = await open(port);
      socket.write(post(call('uptime').padEnd(1_000)));
      return status(await until(socket, /\r\n\r\n/));
    };
    while ((await ask()) !== 503) await delay(20);
    first.destroy();
    while ((await ask()) !== 200) await delay(20);
  });

  it('cuts off who is slow to ask', async () => {
    const { port } = await start({ patience: 300 });
    const head = await open(port);
    head.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    const body = await open(port);
    body.write(post('', { 'content-length': 100 }));
    expect(status(await everything(head))).toBe(408);
    expect(status(await everything(body))).toBe(408);
  });

  it('cuts off who is slow to listen', async () => {
    const { port } = await start({ patience: 300 });
    const socket = await open(port);
    // more than what the system keeps of a connection's bytes on both sides
    const outputs = 2 * OUTPUTS;
    socket.write(post(call('decoderawtransaction', largeTransaction(outputs))));
    await once(socket, 'readable');
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const both = sockets();
    while (sockets() >= both) await delay(20);
    const text = await everything(socket);
    expect(status(text)).toBe(200);
    expect(text.length).toBeLessThan(50 * outputs);
    expect(text.endsWith('0\r\n\r\n')).toBe(false);
  });

  it('stops what a caller asked for when the caller goes away', async () => {
    const { port, server } = await start();
    const socket = await open(port);
    socket.write(post(call('waitforblockheight', 1_000)));
    while (server.activeCalls().length === 0) await delay(10);
    expect(server.activeCalls()).toMatchObject([{ method: 'waitforblockheight' }]);
    socket.destroy();
    while (server.activeCalls().length > 0) await delay(10);
  });

  it('tells of events to a hundred at once, and no more', async () => {
    const { port } = await start();
    const listen = async (): Promise<Socket> => {
      const socket = await open(port);
      socket.write(
        `GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`,
      );
      return socket;
    };
    const first = await listen();
    const listeners = await Promise.all(Array.from({ length: 99 }, listen));
    await Promise.all(listeners.map((socket) => once(socket, 'data')));
    expect(status(await until(await listen(), /\r\n\r\n/))).toBe(503);
    first.destroy();
    while (status(await until(await listen(), /\r\n\r\n/)) !== 200) await delay(20);
  });

  it('keeps an ear for the owner while strangers hold all the connections they can', async () => {
    const { port } = await start();
    const known = await open(port);
    known.write(
      `GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`,
    );
    expect(status(String(await once(known, 'data')))).toBe(200);
    let closed = 0;
    for (let count = 0; count < 1_100; count++) {
      const socket = await open(port);
      socket.once('close', () => closed++);
      socket.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ');
    }
    // the oldest made room; who had shown the password before is not among them
    while (closed < 600) await delay(20);
    expect(known.closed).toBe(false);
    for (let count = 0; count < 3; count++) {
      const owner = await open(port);
      owner.write(post(call('uptime')));
      expect(status(await until(owner, /"result"/))).toBe(200);
    }
  });

  it('cuts off at once who calls from an address that is not let in, before any request', async () => {
    const asked: (string | undefined)[] = [];
    const nobody = (address: string | undefined): boolean => asked.push(address) === 0;
    const strangers = new Strangers(nobody, 5);
    const server = createServer((socket) => strangers.meet(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    endings.push(() => server.close());
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'close');
    expect(asked).toEqual(['127.0.0.1']);
  });

  it('listens to other machines only when told which', async () => {
    const alone = new RpcServer({ auth: AUTH });
    await expect(alone.listen(0, '0.0.0.0')).rejects.toMatchObject({ code: 'NOT_LOOPBACK' });
    const { port } = await start({ allow: ['192.168.1.0/24'] }, '0.0.0.0');
    const socket = await open(port);
    socket.write(post(call('uptime')));
    expect(status(await until(socket, /\r\n\r\n/))).toBe(200);
    const isCaller = callerList(['192.168.1.0/24', '2001:db8::1']);
    const told = ['192.168.1.7', '::ffff:192.168.1.7', '2001:db8::1', '127.3.2.1', '::1'];
    expect(told.map(isCaller)).toEqual(told.map(() => true));
    const others = ['192.168.2.7', '2001:db8::2', '10.0.0.1', 'x', undefined];
    expect(others.map(isCaller)).toEqual(others.map(() => false));
    for (const range of ['', 'x', '1.2.3.4/33', '1.2.3.4/x', '1.2.3.4/8/8', '::1/129']) {
      expect(() => callerList([range])).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
  });
});
