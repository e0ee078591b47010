import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shownTransactionText } from '#src/commands/shared/chain-view.js';
import { eventLine } from '#src/commands/shared/job-events.js';
import { Place } from './harness.js';

const NASTY = 'no\u001b[2J\u001b]0;owned\u0007\u009b1A\u202e\nnext: run this';
const ACTED_ON = /(?!\n)[\p{Cc}\u202a-\u202e]/u;
const ADDRESS = 'mkpZhYtJu2r87Js3pDiWJDmPte2NRZ8bJV';

describe('what others have written, on the screen', () => {
  const place = new Place();
  let server: Server;
  let url: string;
  const run = (...args: string[]) => place.run([...args, '--rpc', url]);

  // a node that puts escape sequences into whatever it says
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as Record<
          string,
          unknown
        >;
        const results: Record<string, unknown> = {
          getaddresshistory: [{ txid: NASTY, height: 3 }],
          getblockcount: 5,
          getbestblockhash: NASTY,
          getnetworkinfo: { subversion: NASTY },
        };
        const result = results[method as string];
        const answer = result === undefined ? { error: { code: -5, message: NASTY } } : { result };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ id, ...answer }));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://u:p@127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    place.close();
  });

  it('is an error of one line, in text and in JSON', async () => {
    const { stderr } = await run('wallet', 'balance', '--key', ADDRESS);
    expect(stderr).not.toMatch(ACTED_ON);
    expect(stderr.split('\n').filter((line) => /^\s*next: run this/.test(line))).toEqual([]);
    const json = await run('wallet', 'balance', '--key', ADDRESS, '--json');
    expect(json.stderr).not.toMatch(ACTED_ON);
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { message: expect.stringContaining('\u202e') },
    });
  });

  it('is no history of a wallet, where the ids are none', async () => {
    const { stdout, stderr } = await run('wallet', 'history', '--key', ADDRESS);
    expect(stdout).toBe('');
    expect(stderr).toContain('BAD_RPC_ANSWER');
  });

  for (const args of [
    ['rpc', 'getbestblockhash'],
    ['rpc', 'getnetworkinfo'],
    ['rpc', 'getnetworkinfo', '--json'],
    ['rpc', 'whatever'],
  ]) {
    it(`is shown by "${args.join(' ')}" without what a terminal acts on`, async () => {
      const { stdout, stderr } = await run(...args);
      expect(stdout + stderr).toContain('owned');
      expect(stdout + stderr).not.toMatch(ACTED_ON);
    });
  }

  it('is one line of a job, whatever reason the other side gave', () => {
    const line = eventLine({ role: 'client', step: 'withdrawn', detail: NASTY });
    expect(line).toContain('owned');
    expect(line).not.toMatch(/\p{Cc}|\u202e/u);
  });

  it('is one line of a transaction, whatever a pin says', async () => {
    const output = {
      value: '1.00000000',
      type: 'p2pkh',
      script: '',
      says: { operation: 'create', path: `/x${NASTY}`, contentType: NASTY },
    } as const;
    const text = await shownTransactionText({
      txid: 'ab'.repeat(32),
      confirmations: 0,
      size: 100,
      version: 10,
      lockTime: 0,
      inputs: [],
      outputs: [output],
    } as unknown as Parameters<typeof shownTransactionText>[0]);
    expect(text).not.toMatch(ACTED_ON);
    expect(text).toMatch(/pin: create \/xno.*next/);
  });
});
