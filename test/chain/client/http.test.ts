import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyText, HttpConnections, type HttpPatience } from '#src/chain/client/HttpConnections.js';

const PATIENT: HttpPatience = { connect: 10_000, silence: 60_000, idle: 60_000 };

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** A server that counts connections, and connections to it. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  patience: Partial<HttpPatience> = {},
): Promise<{ url: string; sockets: Socket[]; connections: HttpConnections }> {
  const sockets: Socket[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const connections = new HttpConnections({ ...PATIENT, ...patience });
  endings.push(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    connections,
  };
}

async function ask(connections: HttpConnections, url: string, most = 100): Promise<string> {
  const { body } = await connections.ask(url, { method: 'POST', headers: {}, body: 'é?' });
  const text = await bodyText(body, most);
  // by then its connection waits for the next
  await immediate();
  return text;
}

describe('connections to a node', () => {
  it('are kept for the next question, one for each that is asked at once', async () => {
    const { url, sockets, connections } = await serve((request, response) => {
      request.pipe(response);
    });
    expect(await ask(connections, url)).toBe('é?');
    expect(await ask(connections, url)).toBe('é?');
    expect(sockets).toHaveLength(1);
    await Promise.all([ask(connections, url), ask(connections, url), ask(connections, url)]);
    expect(sockets).toHaveLength(3);
  });

  it('are ended by close, those in use once their answers have come', async () => {
    let end = (): unknown => undefined;
    const { url, sockets, connections } = await serve((request, response) => {
      request.resume();
      if (request.url === '/slow') end = () => response.end('whole');
      else response.end('at once');
    });
    const slow = connections.ask(`${url}/slow`, { headers: {} });
    await ask(connections, url);
    expect(sockets).toHaveLength(2);
    const closed = sockets.map((socket) => once(socket, 'close'));
    connections.close();
    await Promise.race(closed);
    end();
    expect(await bodyText((await slow).body, 100)).toBe('whole');
    await Promise.all(closed);
  });

  it('are not asked on after their time, however late their timers are', async () => {
    const { url, sockets, connections } = await serve(
      (_, response) => {
        response.end('x');
      },
      { idle: 50 },
    );
    await ask(connections, url);
    const until = performance.now() + 51;
    // no timer runs meanwhile
    while (performance.now() < until);
    expect(await ask(connections, url)).toBe('x');
    expect(sockets).toHaveLength(2);
  });

  it('that the server ended before it read the question are replaced, and the question asked again', async () => {
    let asked = 0;
    const { url, sockets, connections } = await serve((_, response) => {
      asked++;
      response.end('x');
    });
    await ask(connections, url);
    expect(sockets[0]!.destroyed).toBe(false);
    // as of a server that ends it, with the question still unread, while that is under way
    sockets[0]!.pause().resetAndDestroy();
    expect(await ask(connections, url)).toBe('x');
    expect([asked, sockets.length]).toEqual([2, 2]);
  });

  it('wait for the next question no longer than they may', async () => {
    const { url, sockets, connections } = await serve(
      (_, response) => {
        response.end('x');
      },
      { idle: 20 },
    );
    await ask(connections, url);
    if (!sockets[0]!.destroyed) await once(sockets[0]!, 'close');
  });
});

describe('an answer', () => {
  it('is refused, with its connection, when it is larger than it may be', async () => {
    const { url, sockets, connections } = await serve((_, response) => {
      response.end('x'.repeat(101));
    });
    await expect(ask(connections, url)).rejects.toThrow('the answer has more than 100 bytes');
    if (!sockets[0]!.destroyed) await once(sockets[0]!, 'close');
    expect(await ask(connections, url, 101)).toHaveLength(101);
  });

  it('that never begins, stops in the middle or is cut off is an error', async () => {
    const { url, connections } = await serve(
      (request, response) => {
        if (request.url === '/never') return;
        response.writeHead(200, { 'content-length': '10' }).write('half', () => {
          if (request.url === '/cut') response.destroy();
        });
      },
      { silence: 50 },
    );
    await expect(ask(connections, `${url}/never`)).rejects.toThrow('nothing came for 0.05 s');
    await expect(ask(connections, `${url}/stops`)).rejects.toThrow('nothing came for 0.05 s');
    await expect(ask(connections, `${url}/cut`)).rejects.toThrow('aborted');
  });

  it('is no longer waited for, or read, once the signal has come', async () => {
    const { url, connections } = await serve((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half');
    });
    const [early, late] = [new AbortController(), new AbortController()];
    const never = connections.ask(url, { headers: {}, signal: early.signal });
    early.abort();
    await expect(never).rejects.toMatchObject({ name: 'AbortError' });
    const { body } = await connections.ask(`${url}/half`, { headers: {}, signal: late.signal });
    const text = bodyText(body, 100);
    late.abort();
    await expect(text).rejects.toThrow(/abort/i);
  });
});

describe('a node that is not there', () => {
  it('is said in the words of the system, whatever its name stands for', async () => {
    const { url, connections } = await serve(() => undefined);
    const { port } = new URL(url);
    endings.splice(0).forEach((end) => {
      end();
    });
    await expect(ask(connections, url)).rejects.toThrow(`connect ECONNREFUSED 127.0.0.1:${port}`);
    await expect(ask(connections, `http://localhost:${port}`)).rejects.toThrow(
      /^connect ECONNREFUSED .+/,
    );
  });
});
