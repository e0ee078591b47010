import { describe, expect, it } from 'vitest';
import { fromHex } from '#src/base/index.js';
import {
  formatOutpoint,
  hash160,
  idToHash,
  JOB_VERSION,
  NO_JOB,
  type Outpoint,
  p2pkhScript,
  type Transaction,
} from '#src/chain/index.js';
import { JobPoolService, jobIdHex, type PoolChain, registerJobPool } from '#src/job/index.js';
import { announce, hash, makeJob, offer, publicKey } from './make.js';

const job = makeJob();
const id = jobIdHex(job);
const p2pkh = (name: string) => p2pkhScript(hash160(fromHex(publicKey(name))));

/** A chain of one coin and whatever spends it, as a table. */
class Ledger implements PoolChain {
  tip = 110;
  readonly owners = new Map([[job.coin, p2pkh('client')]]);
  readonly spends = new Map<string, { txid: string; height: number }>();
  readonly transactions = new Map<string, { transaction: Transaction; height: number }>();

  height(): number {
    return this.tip;
  }

  output(outpoint: Outpoint) {
    const lockingScript = this.owners.get(formatOutpoint(outpoint));
    return lockingScript && { output: { value: 1n, lockingScript } };
  }

  spender(outpoint: Outpoint) {
    return this.spends.get(formatOutpoint(outpoint));
  }

  transaction(txid: string) {
    return this.transactions.get(txid);
  }

  /** Spends an outpoint by a transaction whose first output has this script. */
  spend(outpoint: string, name: string, lockingScript: Uint8Array, jobId: Uint8Array): string {
    const txid = hash(name);
    const transaction: Transaction = {
      version: JOB_VERSION,
      inputs: [],
      outputs: [{ value: 1n, lockingScript }],
      lockTime: 0,
      jobId,
    };
    this.owners.delete(outpoint);
    this.spends.set(outpoint, { txid, height: this.tip });
    this.transactions.set(txid, { transaction, height: this.tip });
    return formatOutpoint({ hash: idToHash(txid), index: 0 });
  }
}

const contract = Uint8Array.of(0x51, 0x51, 0x87);

describe("a node's job pool", () => {
  it('takes a job whose coin is there, and what is said about it', async () => {
    const service = new JobPoolService(new Ledger());
    expect(await service.send(announce(job))).toEqual({ status: 'new' });
    expect(await service.send(offer(job, 's0'))).toEqual({ status: 'new' });
    expect(service.list({ jobId: id }).messages).toHaveLength(2);
  });

  it.each([
    [
      'whose coin is spent by something else',
      (l: Ledger) => l.spend(job.coin, 'x', contract, NO_JOB),
    ],
    ['whose coin is unknown', (l: Ledger) => l.owners.clear()],
    ["whose coin is another's", (l: Ledger) => l.owners.set(job.coin, p2pkh('thief'))],
    ['whose time is over', (l: Ledger) => Object.assign(l, { tip: 200 })],
    ['from the future', (l: Ledger) => Object.assign(l, { tip: 90 })],
  ])('refuses a job %s', async (_, change) => {
    const ledger = new Ledger();
    change(ledger);
    const result = await new JobPoolService(ledger).send(announce(job));
    expect(result).toMatchObject({ status: 'refused', reason: expect.any(String) });
  });

  it('takes a job anew while its contracts live, and forgets it some blocks after they end', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    const escrow = ledger.spend(job.coin, 'escrow', contract, fromHex(id));
    expect(await service.send(announce(job))).toEqual({ status: 'new' });
    ledger.tip = 300;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([id]);
    const stake = ledger.spend(escrow, 'claim', contract, fromHex(id));
    ledger.spend(stake, 'release', p2pkh('s0'), fromHex(id));
    await service.advance();
    expect(service.pool.jobIds()).toEqual([id]);
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it('forgets a job that nobody took', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    await service.send(announce(job));
    ledger.tip = job.expires;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it.each([undefined, null, 7, 'x', {}, [], { type: 'offer' }])(
    'refuses what is no message: %j',
    async (value) => {
      const result = await new JobPoolService(new Ledger()).send(value);
      expect(result).toMatchObject({ status: 'refused' });
    },
  );

  it('refuses a message beyond 1 MiB before it reads it', async () => {
    const result = await new JobPoolService(new Ledger()).send({ padding: 'x'.repeat(1 << 20) });
    expect(result).toMatchObject({ reason: 'the message is larger than 1 MiB' });
  });

  it('answers over RPC, and refuses other arguments', async () => {
    const methods = new Map<string, (params: unknown[]) => unknown>();
    registerJobPool({ register: (name, handler) => methods.set(name, handler) }, new Ledger());
    expect(await methods.get('sendjobmessage')!([announce(job)])).toEqual({ status: 'new' });
    const { messages, next } = methods.get('listjobmessages')!([{ jobId: id }]) as {
      messages: unknown[];
      next: number;
    };
    expect(messages).toHaveLength(1);
    expect(methods.get('listjobmessages')!([{ after: next }])).toMatchObject({ messages: [] });
    expect(() => methods.get('listjobmessages')!([{ jobId: 'x' }])).toThrow('64 hex digits');
  });
});
