import { describe, expect, it } from 'vitest';
import { fromHex, sha256, toHex } from '#src/base/index.js';
import {
  formatOutpoint,
  hash160,
  idToHash,
  JOB_VERSION,
  NO_JOB,
  networkParameters,
  type Outpoint,
  p2pkhScript,
  parseOutpoint,
  type Transaction,
} from '#src/chain/index.js';
import { termsOf } from '#src/job/agreement.js';
import { contestedScript } from '#src/job/contracts/contested.js';
import { escrowScript } from '#src/job/contracts/escrow.js';
import { stakeScript } from '#src/job/contracts/stake.js';
import {
  createMessage,
  JobPool,
  JobPoolService,
  jobIdHex,
  type PoolChain,
  registerJobPool,
} from '#src/job/index.js';
import { bondValue, escrowValue } from '#src/job/terms.js';
import {
  accept,
  announce,
  commitment,
  contest,
  hash,
  makeJob,
  offer,
  privateKey,
  publicKey,
} from './make.js';

const job = makeJob();
const id = jobIdHex(job);
const params = networkParameters('regtest');
const nothing = new Uint8Array(0);
const k = new Uint8Array(32).fill(7);
const chosen = createMessage(
  'offer',
  id,
  0,
  { ...offer(job, 's0').body, keyHash: toHex(sha256(k)) },
  privateKey('s0'),
);
const accepted = accept(job, chosen);
const terms = termsOf(job, chosen, params);
const claim = { k, count: 3, commitmentHash: new Uint8Array(32).fill(8) };
/** Ends of the windows behind the job's expiry. */
const end = job.expires + params.disputeWindow + params.verdictWindow;
const p2pkh = (name: string) => p2pkhScript(hash160(fromHex(publicKey(name))));

/** A chain of one coin and whatever spends it, as a table. */
class Ledger implements PoolChain {
  tip = 110;
  readonly parameters = params;
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
  spend(
    outpoint: string,
    name: string,
    lockingScript: Uint8Array,
    value = 1n,
    carried = fromHex(id),
  ): string {
    const txid = hash(name);
    const transaction: Transaction = {
      version: JOB_VERSION,
      inputs: [{ outpoint: parseOutpoint(outpoint), unlockingScript: nothing, sequence: 0 }],
      outputs: [{ value, lockingScript }],
      lockTime: 0,
      jobId: carried,
    };
    this.owners.delete(outpoint);
    this.spends.set(outpoint, { txid, height: this.tip });
    this.transactions.set(txid, { transaction, height: this.tip });
    return formatOutpoint({ hash: idToHash(txid), index: 0 });
  }
}

const contract = Uint8Array.of(0x51, 0x51, 0x87);
/** Spends the job's coin into the escrow that was accepted. */
const payEscrow = (ledger: Ledger): string =>
  ledger.spend(job.coin, `escrow to ${chosen.author}`, escrowScript(terms), escrowValue(terms));

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
      (l: Ledger) => l.spend(job.coin, 'x', contract, 1n, NO_JOB),
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
    const escrow = payEscrow(ledger);
    expect(await service.send(announce(job))).toEqual({ status: 'new' });
    expect(await service.send(accepted)).toEqual({ status: 'new' });
    ledger.tip = job.expires + 1;
    await service.advance();
    expect(service.pool.isLive(id)).toBe(true);
    const stake = ledger.spend(escrow, 'claim', stakeScript(terms, claim), terms.stake);
    const stakeOutpoint = parseOutpoint(stake);
    const script = contestedScript(terms, { ...claim, stakeOutpoint });
    const contested = ledger.spend(stake, 'contest', script, terms.stake + bondValue(terms));
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.isLive(id)).toBe(true);
    ledger.spend(contested, 'lapse', p2pkh('s0'));
    await service.advance();
    expect(service.pool.jobIds()).toEqual([id]);
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it.each([
    ['any other script', (l: Ledger) => l.spend(job.coin, 'forged', contract)],
    [
      'another script under the accepted id',
      (l: Ledger) => l.spend(job.coin, `escrow to ${chosen.author}`, contract, escrowValue(terms)),
    ],
    [
      'too small an escrow',
      (l: Ledger) => l.spend(job.coin, `escrow to ${chosen.author}`, escrowScript(terms)),
    ],
  ])('forgets a job whose coin went into %s', async (_, forge) => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    forge(ledger);
    await service.send(announce(job));
    await service.send(accepted);
    await service.advance();
    expect(service.pool.isLive(id)).toBe(false);
    ledger.tip += 7;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it.each([
    ['its stake', 0],
    ['its contest', 1],
  ])('sees the end where a contract goes into another in place of %s', async (_, steps) => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    let outpoint = payEscrow(ledger);
    if (steps === 1) {
      outpoint = ledger.spend(outpoint, 'claim', stakeScript(terms, claim), terms.stake);
    }
    ledger.spend(outpoint, 'other', contract);
    await service.send(announce(job));
    await service.send(accepted);
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it("sees the end where a seller's release only looks like a contest", async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    const stake = ledger.spend(payEscrow(ledger), 'claim', stakeScript(terms, claim), terms.stake);
    const lookalike = contestedScript(terms, { ...claim, stakeOutpoint: parseOutpoint(stake) });
    ledger.spend(stake, 'release', lookalike, terms.stake);
    await service.send(announce(job));
    await service.send(accepted);
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
  });

  it('forgets a job after the windows behind its expiry, whatever the chain shows', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    payEscrow(ledger);
    await service.send(announce(job));
    await service.send(accepted);
    ledger.tip = end;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([id]);
    ledger.tip = end + 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
    expect(await service.send(announce(job))).toMatchObject({ reason: 'its time is over' });
  });

  it('does not take a job that is over back from a node that is a block behind, unless the chain gives it back', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    const escrow = payEscrow(ledger);
    for (const message of [announce(job), accepted]) await service.take(message);
    ledger.spend(escrow, 'other', contract);
    const spent = ledger.spends.get(escrow)!;
    ledger.tip += 6;
    await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
    expect(await service.take(announce(job))).toMatchObject({ status: 'refused', fault: false });
    // a reorganisation undoes the end
    ledger.spends.delete(escrow);
    expect(await service.take(announce(job))).toEqual({ status: 'new' });
    ledger.spends.set(escrow, spent);
  });

  it('takes a job up again that nothing explained, when the acceptance that does comes', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    await service.take(announce(job));
    payEscrow(ledger);
    for (let i = 0; i < 8; i++, ledger.tip++) await service.advance();
    expect(service.pool.jobIds()).toEqual([]);
    expect(await service.take(announce(job))).toMatchObject({ status: 'refused', fault: false });
    expect(await service.take(accepted)).toEqual({ status: 'new' });
    expect(service.pool.isLive(id)).toBe(true);
  });

  it('keeps the acceptance that was paid, and what its seller says, against later ones', async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger);
    for (const message of [announce(job), chosen, accepted]) await service.send(message);
    payEscrow(ledger);
    const answer = commitment(job, 's0');
    expect(await service.send(answer)).toEqual({ status: 'new' });
    for (let i = 0; i < 12; i++) await service.send(accept(job, offer(job, `sybil ${i}`)));
    const view = service.pool.job(id)!;
    expect(view.accepts).toHaveLength(2);
    expect(view.accepts).toContainEqual(accepted);
    expect(view.commitments).toEqual([answer]);
  });

  it("finds room for a live job's commitment before the next block", async () => {
    const ledger = new Ledger();
    const service = new JobPoolService(ledger, new JobPool({ bytes: 40_000 }));
    for (const message of [announce(job), chosen, accepted]) await service.send(message);
    payEscrow(ledger);
    const other = makeJob({ coin: `${hash('other')}:0`, inputTokens: 6000 });
    ledger.owners.set(other.coin, p2pkh('client'));
    await service.send(announce(other));
    expect(await service.send(contest(other, 'x', 28_000))).toEqual({ status: 'new' });
    const answer = commitment(job, 's0', 3, 7000);
    expect(await service.send(answer)).toEqual({ status: 'new' });
    expect(service.pool.jobIds()).toEqual([id]);
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
