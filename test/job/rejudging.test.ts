import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { type KeyPair, Wallet } from '#src/chain/index.js';
import {
  Accuser,
  bondVerifier,
  type ClientRecord,
  JobVerifier,
  type KnownJob,
  leaveBonds,
  ownBonds,
  registryAt,
  registryHeight,
  verifierCheat,
} from '#src/job/index.js';
import { listJobMessages } from '#src/job/pool/client.js';
import { keyThatDraws } from '#src/job/rejudging/keyThatDraws.js';
import { attackNamed } from '#src/rastic/index.js';
import { REGTEST } from '../regtest.js';
import { Market, request } from './market.js';

let market: Market;
const keys = new Map<string, KeyPair>();
let accuserKey: KeyPair;

beforeAll(async () => {
  market = await Market.open();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'lazy', 'contrary']) {
    const key = await market.funded(3n);
    const wallet = new Wallet({ client: market.chain, keys: [key], params: REGTEST });
    await bondVerifier(wallet, key.publicKey, REGTEST);
    keys.set(name, key);
    const isCheat = name === 'lazy' || name === 'contrary';
    const options = { ...market.common(key, `bonded ${name}`), fee: 50_000n };
    const dishonesty = isCheat ? { dishonesty: verifierCheat(name) } : {};
    market.start(new JobVerifier({ ...options, ...dishonesty }));
  }
  accuserKey = await market.funded(1n);
  await market.mine(2);
});

afterAll(() => market.close());

const hexOf = (name: string): string => toHex(keys.get(name)!.publicKey);
const bondsOf = (name: string) => ownBonds(market.chain, REGTEST, keys.get(name)!.publicKey);

/** Buys of a seller of its own a job that these judge, and contests it. */
async function planted(names: readonly string[], cheat: string | undefined): Promise<ClientRecord> {
  for (;;) {
    const { record } = await market.client.quote({ ...request(market), verifiers: 'drawn' });
    const { verifiers, created } = record.job;
    if (Array.isArray(verifiers)) throw new Error('the job lists its verifiers');
    const registry = await registryAt(market.chain, REGTEST, registryHeight(created, REGTEST));
    let k: Uint8Array;
    try {
      k = keyThatDraws(registry!, verifiers.count, fromHex(record.drawSecret!), names.map(hexOf));
    } catch {
      await market.mine(1);
      continue;
    }
    const dishonesty = cheat === undefined ? {} : { dishonesty: attackNamed(cheat) };
    const { key } = await market.worker({ planted: { jobId: record.id, k }, ...dishonesty });
    const marked = { ...record, planted: { seller: toHex(key.publicKey) } };
    await market.client.submit({ record: marked } as Parameters<typeof market.client.submit>[0]);
    let ended = await market.client.follow(record.id, market.stop.signal);
    if (cheat === undefined) {
      market.client.accuse(record.id);
      ended = await market.client.follow(record.id, market.stop.signal);
    }
    await market.endShifts();
    return ended;
  }
}

function known(record: ClientRecord, verdicts = record.verdicts ?? []): KnownJob {
  const { job, escrow, salt, promptIds, answer } = record;
  return {
    job,
    offer: escrow!.offer,
    escrow: escrow!.txid,
    evidence: { salt: fromHex(salt), promptIds, outputIds: answer!.outputIds },
    verdicts,
  };
}

function accuser(): Accuser {
  return new Accuser({ ...market.common(accuserKey, 'accuser'), models: [] });
}

describe('a verdict that is judged again', () => {
  let record: ClientRecord;
  let good: ClientRecord;

  it('burns the bond of a verifier who found a false answer valid, and no other', async () => {
    record = await planted(['lazy', 'a'], 'tamper:3');
    expect(record.outcome).toBe('slashed');
    const said = new Map(record.verdicts!.map(({ author, body }) => [author, body.verdict]));
    expect(said.get(hexOf('lazy'))).toBe('valid');
    const who = accuser();
    const id = await who.appeal(known(record), hexOf('lazy'));
    const ended = await who.follow(id, market.stop.signal);
    expect(ended).toMatchObject({
      outcome: 'burnt',
      needed: 5,
      seats: 7,
      txids: [expect.any(String)],
    });
    expect(await bondsOf('lazy')).toEqual([]);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'contrary']) {
      expect(await bondsOf(name)).toHaveLength(1);
    }
    await market.mine(1);
  });

  it('is before the jury once: an appeal made again comes to the same case', async () => {
    const who = accuser();
    const again = who.appeal(known(record), hexOf('lazy'));
    await expect(again).rejects.toMatchObject({ code: 'NO_BOND' });
  });

  it('is not found wrong where it was right: nothing burns', async () => {
    const who = accuser();
    const id = await who.appeal(known(record), hexOf('a'));
    expect(await who.follow(id, market.stop.signal)).toMatchObject({ outcome: 'upheld' });
    expect(await bondsOf('a')).toHaveLength(1);
  });

  it('burns the leaving bond of one who found a good answer false, long after the job is forgotten', async () => {
    good = await planted(['contrary'], undefined);
    expect(good.outcome).toBe('cleared');
    const key = keys.get('contrary')!;
    const wallet = new Wallet({ client: market.chain, keys: [key], params: REGTEST });
    await leaveBonds({ chain: market.chain, wallet, key, params: REGTEST });
    await market.mine(8);
    const { messages } = await listJobMessages(market.chain, { jobId: good.id });
    expect(messages).toEqual([]);
    const who = accuser();
    const forgotten = who.appeal(known(good, []), hexOf('contrary'));
    await expect(forgotten).rejects.toMatchObject({ code: 'NO_VERDICT' });
    const id = await who.appeal(known(good), hexOf('contrary'));
    expect(await who.follow(id, market.stop.signal)).toMatchObject({ outcome: 'burnt' });
    expect(await bondsOf('contrary')).toEqual([]);
  });

  it('is proven by the chain alone where it cleared the seller', async () => {
    const signers = good.verdicts!.filter(({ body }) => body.verdict === 'valid');
    expect(signers).toHaveLength(2);
    for (const { author } of signers) {
      const who = accuser();
      const id = await who.appeal(known(good, []), author);
      expect(await who.follow(id, market.stop.signal)).toMatchObject({ outcome: 'upheld' });
    }
  });
});
