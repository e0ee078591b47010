import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProxy, type Faults } from './FaultProxy.js';

/** A link to an echo, and what comes back from it. */
describe('a bad link', () => {
  let echo: Server;
  let port = 0;
  beforeAll(async () => {
    echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done));
    port = (echo.address() as { port: number }).port;
  });
  afterAll(() => new Promise((done) => echo.close(done)));

  /** Sends numbered bytes one by one and collects what returns until the link ends or is silent. */
  async function through(
    faults: Partial<Faults>,
    count = 200,
  ): Promise<{ proxy: FaultProxy; back: Buffer; wasReset: boolean; took: number }> {
    const proxy = await FaultProxy.listen({ host: '127.0.0.1', port }, faults, 7);
    const socket: Socket = dial(proxy.port, '127.0.0.1').setNoDelay(true);
    let back = Buffer.alloc(0);
    let wasReset = false;
    let isOver = false;
    const ended = new Promise<void>((done) => {
      socket.on('data', (data: Buffer) => {
        back = Buffer.concat([back, data]);
        if (back.length >= count) done();
      });
      socket.on('error', () => {
        wasReset = true;
      });
      socket.once('close', () => {
        isOver = true;
        done();
      });
    });
    const started = performance.now();
    for (let index = 0; index < count && !isOver; index++) {
      socket.write(Buffer.of(index));
      // each byte is a chunk of its own
      if (index % 10 === 9) await delay(2);
    }
    await Promise.race([ended, delay(1500)]);
    const took = performance.now() - started;
    socket.destroy();
    await proxy.close();
    return { proxy, back, wasReset, took };
  }

  const sent = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, at) => at));

  it('carries everything in order when it has no faults', async () => {
    const { back, proxy } = await through({});
    expect(back).toEqual(sent(200));
    expect(proxy.connections).toBe(1);
  });

  it('takes its time both ways', async () => {
    const { back, took } = await through({ delay: 40, jitter: 10 }, 3);
    expect(back).toEqual(sent(3));
    expect(took).toBeGreaterThanOrEqual(80);
  });

  it('keeps bytes and order when segments get lost and are sent again', async () => {
    const { back, proxy } = await through({ loss: 0.2 }, 5);
    expect(sent(5).subarray(0, back.length)).toEqual(back);
    expect(proxy.struck.swallow).toBe(0);
  });

  it('swallows, reorders and corrupts, and counts it', async () => {
    const swallowing = await through({ swallow: 0.2 });
    expect(swallowing.proxy.struck.swallow).toBeGreaterThan(0);
    expect(swallowing.back.length).toBeLessThan(200);
    const reordering = await through({ reorder: 0.3 });
    expect(reordering.proxy.struck.reorder).toBeGreaterThan(0);
    expect(reordering.back).not.toEqual(sent(200));
    expect(Buffer.from(reordering.back).sort()).toEqual(sent(200));
    const corrupting = await through({ corrupt: 0.3 });
    expect(corrupting.proxy.struck.corrupt).toBeGreaterThan(0);
    expect(corrupting.back).toHaveLength(200);
    expect(corrupting.back).not.toEqual(sent(200));
  });

  it('resets connections, all at once or by chance, and takes new ones when it is mended', async () => {
    expect((await through({ cut: 0.5 })).wasReset).toBe(true);
    const proxy = await FaultProxy.listen({ host: '127.0.0.1', port });
    const dialled = () =>
      new Promise<string>((done) => {
        const socket = dial(proxy.port, '127.0.0.1', () => void socket.write('x'));
        socket.once('data', () => done('answered')).on('error', () => done('reset'));
        socket.once('close', () => done('closed'));
      });
    expect(await dialled()).toBe('answered');
    proxy.sever();
    expect(await dialled()).not.toBe('answered');
    proxy.mend();
    expect(await dialled()).toBe('answered');
    await proxy.close();
  });

  it('takes bytes and gives none when it is a black hole', async () => {
    const { back, wasReset } = await through({ blackhole: true }, 20);
    expect(back).toHaveLength(0);
    expect(wasReset).toBe(false);
  });
});
