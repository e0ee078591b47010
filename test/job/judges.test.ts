import { describe, expect, it } from 'vitest';
import { canonicalBytes, fromHex } from '#src/base/index.js';
import { createKey, networkParameters } from '#src/chain/index.js';
import { type BondChain, bondTerms } from '#src/job/bonds/bonds.js';
import { chooseJudges } from '#src/job/client/judges.js';
import { bondScript, MINIMUM_BOND } from '#src/job/contracts/bond.js';
import {
  createMessage,
  identityOf,
  JobPool,
  JobPoolService,
  type JobRequest,
  NO_JOB_HEX,
  type PoolChain,
} from '#src/job/index.js';
import type { PoolMirror } from '#src/job/pool/PoolMirror.js';
import { hash, privateKey, publicKey } from './make.js';

const params = networkParameters('regtest');
const model = hash('model');
const honest = Array.from({ length: 9 }, (_, i) => `honest ${i}`);
const strangers = Array.from({ length: 12 }, (_, i) => `stranger ${i}`).sort((a, b) =>
  publicKey(a) < publicKey(b) ? -1 : 1,
);

const saying = (name: string, fee = '0.00010000', models = [model]) =>
  createMessage(
    'verifier',
    NO_JOB_HEX,
    0,
    { models, classes: [], fee, height: 5 },
    privateKey(name),
  );

/** A chain on which these have a bond each. */
function chainOf(names: readonly string[]): PoolChain & BondChain {
  const bonds = names.map((name) => {
    const key = publicKey(name);
    const lockingScript = bondScript(bondTerms(Uint8Array.from(Buffer.from(key, 'hex')), params));
    const payload = canonicalBytes({ v: 1, verifier: key, bond: 0 });
    const transaction = {
      version: 1,
      inputs: [],
      outputs: [{ value: MINIMUM_BOND, lockingScript }],
      lockTime: 0,
      jobId: new Uint8Array(32),
    };
    return { txid: hash(name), versions: [{ payload }], transaction };
  });
  return {
    parameters: params,
    height: () => 100,
    output: () => undefined,
    spender: () => undefined,
    blockId: async () => hash('block'),
    pins: async () => bonds,
    transaction: (txid) => {
      const found = bonds.find((bond) => bond.txid === txid);
      return found && { transaction: found.transaction, height: 1 };
    },
  };
}

/** Whom a buyer would take as judges, with these bonded and a pool that holds these messages. */
function judges(
  verifiers: JobRequest['verifiers'],
  bonded: readonly string[],
  said: readonly ReturnType<typeof saying>[],
  verifierFee?: bigint,
  suspects: readonly string[] = [],
) {
  const pool = new JobPool();
  for (const message of said) pool.add(message);
  const addresses = suspects.map((name) => identityOf(fromHex(publicKey(name)), params).address);
  const rpc = {
    call: async (_: string, { of }: { of: string[] }) => ({
      suspects: addresses.filter((address) => of.includes(address)).map((address) => ({ address })),
    }),
  };
  const sources = {
    chain: { ...chainOf(bonded), rpc },
    params,
    key: createKey(params),
    mirror: pool,
  };
  return chooseJudges(
    sources as unknown as Parameters<typeof chooseJudges>[0] & { mirror: PoolMirror },
    { verifiers, verifierFee } as JobRequest,
    model,
    100,
  );
}

const free = strangers.map((name) => saying(name, '0.00000000'));

describe('the judges of a job', () => {
  it('are drawn where enough are bonded, however many others announce themselves for less', async () => {
    const said = [...honest.map((name) => saying(name)), ...free];
    const chosen = await judges('auto', honest, said);
    expect(chosen).toMatchObject({ chosen: 'drawn', of: { size: 9, count: 3 } });
  });

  it('are never those without a bond where enough are bonded, unless the buyer says so', async () => {
    const few = honest.slice(0, 6).map((name) => saying(name));
    const others = honest.slice(6).map((name) => saying(name, '0.00010000', [hash('another')]));
    for (const there of [[], few, [...few, ...others]]) {
      await expect(judges('auto', honest, [...there, ...free])).rejects.toMatchObject({
        code: 'NO_VERIFIERS',
        next: expect.stringContaining('--verifiers drawn'),
      });
    }
    const asked = await judges('announced', honest, [...few, ...free]);
    expect(asked.chosen).toBe('announced');
    expect(strangers.map(publicKey)).toEqual(expect.arrayContaining([...(asked.of as string[])]));
  });

  it('get what the dearest asks who is not far above what most of the bonded ask', async () => {
    const asked = (...fees: string[]) => honest.map((name, i) => saying(name, fees[i]));
    const drawn = async (...fees: string[]) => (await judges('drawn', honest, asked(...fees))).fee;
    const most = Array.from({ length: 7 }, (_, i) => `0.0005000${i}`);
    expect(await drawn(...most, '0.00090000', '0.00100012')).toBe(100_012n);
    // a third of the bonds less one prices nobody out
    expect(await drawn(...most, '0.00100013', '21000000.00000000')).toBe(50_006n);
    expect(await drawn(...most.map(() => '0.00000000'), '0.00000001', '0.00100000')).toBe(10_000n);
    // where too few have the model for that, what the dearest of them asks
    const few = [saying(honest[0]!, '0.00040000'), saying(honest[1]!, '0.00050000')];
    expect((await judges('drawn', honest, few)).fee).toBe(50_000n);
    expect((await judges('drawn', honest, [])).fee).toBe(10_000n);
  });

  it('are none who ask for more than the buyer gives', async () => {
    const dear = honest.map((name, i) => saying(name, i < 7 ? '0.00010000' : '0.00010001'));
    expect((await judges('auto', honest, dear, 10_000n)).chosen).toBe('drawn');
    const dearer = dear.with(0, saying(honest[0]!, '0.00010001'));
    await expect(judges('auto', honest, dearer, 10_000n)).rejects.toMatchObject({
      message: expect.stringContaining('only 6 say that they judge this model for that fee'),
    });
    const announced = await judges('announced', honest, [...dearer.slice(5)], 10_000n);
    expect([...(announced.of as string[])].sort()).toEqual(
      honest.slice(5, 7).map(publicKey).sort(),
    );
    await expect(judges('announced', honest, dearer, 9_999n)).rejects.toThrow('for that fee');
  });

  it('get, where the buyer names them, what the dearest of them asks, or the buyer is told', async () => {
    const named = honest.slice(0, 2).map(publicKey);
    const asking = (...fees: string[]) => fees.map((fee, i) => saying(honest[i]!, fee));
    const fee = async (said: ReturnType<typeof asking>, given?: bigint) =>
      (await judges(named, [], said, given)).fee;
    // nothing is known of them: what one asks who was told nothing
    expect(await fee([])).toBe(50_000n);
    expect(await fee(asking('0.00010000', '0.00000000'))).toBe(50_000n);
    expect(await fee(asking('0.00010000', '0.00070000', '9.00000000'))).toBe(70_000n);
    expect(await fee(asking('0.01000000'))).toBe(1_000_000n);
    const tooDear = { code: 'VERIFIER_TOO_DEAR', message: expect.stringContaining(named[1]!) };
    await expect(fee(asking('0.00010000', '0.01000001'))).rejects.toMatchObject({
      ...tooDear,
      next: expect.stringContaining('--verifier-fee 0.01000001'),
    });
    await expect(fee(asking('0.00010000', '0.00070000'), 69_999n)).rejects.toMatchObject(tooDear);
    const given = await judges(named, [], asking('0.00010000', '0.00070000'), 70_000n);
    expect(given).toMatchObject({ of: named, chosen: 'named' });
  });

  it('are announced ones that were never slashed', async () => {
    const there = honest.slice(0, 4).map((name) => saying(name));
    const asked = await judges('announced', [], there, undefined, honest.slice(0, 2));
    const expected = honest.slice(2, 4).map(publicKey);
    expect([...(asked.of as string[])].sort()).toEqual(expected.sort());
  });

  it('are announced ones, and said to be, where too few are bonded for a draw', async () => {
    const chosen = await judges(
      'auto',
      honest.slice(0, 6),
      honest.map((name) => saying(name)),
    );
    expect(chosen).toMatchObject({ chosen: 'announced', fee: 10_000n });
    expect(chosen.of).toHaveLength(3);
  });
});

describe("a node's verifiers", () => {
  const bound = { verifiers: 6 };
  const bonded = [...strangers].reverse().slice(0, 3);
  const all = strangers.map((name) => saying(name));
  const wanted = [...bonded, ...strangers.slice(0, 3)].map(publicKey).sort();

  it.each([
    ['first', all.toReversed()],
    ['last', all],
  ])('keep those with a bond before those with small keys, when they come %s', async (_, said) => {
    const service = new JobPoolService(chainOf(bonded), new JobPool(bound));
    for (const message of said) await service.take(message);
    expect(service.pool.verifiers().map(({ author }) => author)).toEqual(wanted);
  });

  it('look at the bonds once for each block, and only where somebody has to go', async () => {
    const chain = chainOf(bonded);
    let looks = 0;
    const blockId = (height: number): Promise<string> => {
      looks++;
      return chain.blockId(height);
    };
    const counted = { ...chain, blockId };
    const service = new JobPoolService(counted, new JobPool(bound));
    for (const message of all.slice(0, 6)) await service.take(message);
    expect(looks).toBe(0);
    for (const message of all.slice(6)) await service.take(message);
    const first = looks;
    expect(first).toBeGreaterThan(0);
    await service.advance();
    for (const message of free) await service.take(message);
    expect(looks).toBeLessThanOrEqual(2 * first);
  });

  it('take no bond for one on a chain that has none', async () => {
    const service = new JobPoolService(chainOf([]), new JobPool(bound));
    for (const message of all) await service.take(message);
    const smallest = strangers.slice(0, 6).map(publicKey);
    expect(service.pool.verifiers().map(({ author }) => author)).toEqual(smallest);
  });
});
