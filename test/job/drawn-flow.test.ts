import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { formatOutpoint, LocalChain, Wallet } from '#src/chain/index.js';
import { requestAgain } from '#src/job/client/retry.js';
import {
  bondVerifier,
  createMessage,
  type JobSpec,
  JobVerifier,
  jobIdHex,
  registryAt,
  type WorkerOptions,
} from '#src/job/index.js';
import { sendJobMessage } from '#src/job/pool/client.js';
import { attackNamed } from '#src/rastic/index.js';
import { REGTEST } from '../regtest.js';
import { Market, request } from './market.js';

let market: Market;
const bonded: string[] = [];

beforeAll(async () => {
  market = await Market.open();
  for (let i = 0; i < 7; i++) {
    const key = await market.funded(3n);
    const wallet = new Wallet({ client: market.chain, keys: [key], params: REGTEST });
    await bondVerifier(wallet, key.publicKey, REGTEST);
    const verifier = new JobVerifier({ ...market.common(key, `bonded ${i}`), fee: 50_000n });
    market.start(verifier);
    bonded.push(toHex(key.publicKey));
  }
  await market.mine(2);
});

afterAll(() => market.close());

async function buy(options: Partial<WorkerOptions>, verifiers: 'auto' | 'drawn', accuse = false) {
  await market.worker(options);
  const quote = await market.client.quote({ ...request(market), verifiers });
  await market.client.submit(quote);
  const { id } = quote.record;
  let record = await market.client.follow(id, market.stop.signal);
  if (accuse) {
    market.client.accuse(id);
    record = await market.client.follow(id, market.stop.signal);
  }
  await market.endShifts();
  return record;
}

const judgesOf = (id: string) =>
  new Set(
    market.events
      .filter(({ jobId, step, role }) => jobId === id && step === 'judged' && role === 'verifier')
      .map(({ party }) => party!),
  );

describe('a job whose verifiers are drawn', () => {
  it('is never announced anew with judges that have no bond', async () => {
    const quote = await market.client.quote({ ...request(market), retries: 2 });
    expect(quote).toMatchObject({
      verifiersAre: 'drawn',
      record: { retry: { verifiers: 'drawn' } },
    });
    expect(requestAgain(quote.record).verifiers).toBe('drawn');
  });

  it('has them out of one registry, whether asked of the node over RPC or within it', async () => {
    const height = await market.chain.height();
    const local = await registryAt(new LocalChain(market.node.node), REGTEST, height);
    expect(local!.keys.map(toHex).sort()).toEqual(bonded.toSorted());
    expect(local).toMatchObject({ root: (await registryAt(market.chain, REGTEST, height))!.root });
  });

  it('is what a client chooses once enough are bonded, and slashes a seller that cheats', async () => {
    const record = await buy({ dishonesty: attackNamed('tamper:2') }, 'auto');
    expect(record.job.verifiers).toMatchObject({ size: 7, count: 3 });
    expect(record.outcome).toBe('slashed');
    const judges = judgesOf(record.id);
    expect(judges.size).toBeGreaterThanOrEqual(2);
    for (const judge of judges) expect(bonded).toContain(judge);
  });

  it('clears a seller whose accuser was wrong', async () => {
    const record = await buy({}, 'drawn', true);
    expect(record.outcome).toBe('cleared');
    expect(judgesOf(record.id).size).toBeGreaterThanOrEqual(2);
  });

  it('gets no offer with a registry that the chain does not show', async () => {
    const quote = await market.client.quote({ ...request(market), verifiers: 'drawn' });
    const { job } = quote.record;
    if (Array.isArray(job.verifiers)) throw new Error('the job lists its verifiers');
    const foreign = { ...job.verifiers, registry: toHex(new Uint8Array(32).fill(7)) };
    const strange = await announced({ ...job, verifiers: foreign });
    const larger = await announced({ ...job, verifiers: { ...job.verifiers, size: 8 } });
    const good = await announced(job);
    await market.worker();
    await market.until('worker', 'offered', good);
    expect(market.steps('worker', strange)).toEqual([]);
    expect(market.steps('worker', larger)).toEqual([]);
    expect(market.problems()).toEqual([]);
  });
});

/** Announces a job of another client's, with a coin of its own. */
async function announced(template: JobSpec): Promise<string> {
  const key = await market.funded();
  const wallet = new Wallet({ client: market.chain, keys: [key], params: REGTEST });
  const coin = formatOutpoint((await wallet.utxos())[0]!.outpoint);
  const job = { ...template, client: toHex(key.publicKey), coin };
  const id = jobIdHex(job);
  const message = createMessage('announce', id, 0, { job }, key.privateKey);
  expect(await sendJobMessage(market.chain, message)).toEqual({ status: 'new' });
  return id;
}
