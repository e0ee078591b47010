import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { formatOutpoint, type KeyPair, LocalChain, signData, Wallet } from '#src/chain/index.js';
import { caseIdOf } from '#src/job/cases/case.js';
import { proveCase } from '#src/job/cases/onChain.js';
import {
  Accuser,
  type AnyMessage,
  bondVerifier,
  type ClientRecord,
  createMessage,
  JobGossip,
  JobPoolService,
  JobVerifier,
  type KnownJob,
  leaveBonds,
  type Message,
  ownBonds,
  registryAt,
  registryHeight,
  verifierCheat,
} from '#src/job/index.js';
import { JOB_TOPIC } from '#src/job/network/JobGossip.js';
import { listJobMessages, sendJobMessage } from '#src/job/pool/client.js';
import { makeAppeal } from '#src/job/rejudging/accusation.js';
import { keyThatDraws } from '#src/job/rejudging/keyThatDraws.js';
import { attackNamed } from '#src/rastic/index.js';
import { Hosts, meet } from '../../network/host/hosts.js';
import { REGTEST } from '../../regtest.js';
import { until } from '../../until.js';
import { Market, request } from '../market.js';

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
    const quote = await market.client.quote({ ...request(market), verifiers: 'drawn' });
    const { record } = quote;
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
    const marked = { ...record, planted: true as const, sellers: [toHex(key.publicKey)] };
    await market.client.submit({ ...quote, record: marked });
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
    record = await planted(['lazy', 'a', 'b'], 'tamper:3');
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
    good = await planted(['contrary', 'a', 'b'], undefined);
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

  it('is taken up only where the chain bears out every part of the appeal', async () => {
    await market.mine(45);
    const height = await market.chain.height();
    const wallet = new Wallet({ client: market.chain, keys: [accuserKey], params: REGTEST });
    const coins = await wallet.utxos();
    const coin = formatOutpoint(
      coins.toSorted((a, b) => Number(b.output.value - a.output.value))[0]!.outpoint,
    );
    const signer = { privateKey: accuserKey.privateKey, coin, height };
    const { author } = good.verdicts!.find(({ body }) => body.verdict === 'valid')!;
    const made = await makeAppeal(market.chain, REGTEST, known(good, []), author, signer);
    const say = async (changes: Partial<typeof made.body>, jobId = made.jobId) => {
      const body = { ...made.body, ...changes };
      const message = createMessage('appeal', jobId, 0, body, accuserKey.privateKey);
      const answer = await sendJobMessage(market.chain, message);
      return 'reason' in answer ? answer.reason : answer.status;
    };
    const noCoin = 'no unspent coin of its author stands behind it';
    const others = (
      await new Wallet({ client: market.chain, keys: [keys.get('a')!], params: REGTEST }).utxos()
    )[0]!;
    expect(await say({ coin: `${'00'.repeat(32)}:0` })).toBe(noCoin);
    expect(await say({ coin: formatOutpoint(others.outpoint) })).toBe(noCoin);
    expect(await say({ height: height - 144 })).toBe('its time is over');
    expect(await say({ height: height + 7 })).toBe('its time is over');
    const fewer = made.body.keys.slice(1);
    expect(await say({ keys: fewer })).toBe('it does not call the members of the second jury');
    const stranger = { verifier: toHex(accuserKey.publicKey), key: '' };
    expect(await say({ keys: [...fewer, stranger] })).toBe(
      'it does not call the members of the second jury',
    );
    const nobody = 'no block holds a contest for which the accused was drawn to judge';
    expect(await say({ escrow: record.escrow!.txid })).toBe(nobody);
    // an accomplice that signs a verdict of a registry of its own, and one that was not drawn
    const forge = (verdict: Uint8Array, key: KeyPair) =>
      say(
        {
          verifier: toHex(key.publicKey),
          verdict: toHex(verdict),
          signature: toHex(signData(verdict, key.privateKey)),
        },
        caseIdOf(key.publicKey, verdict),
      );
    const bytes = fromHex(made.body.verdict);
    expect(await forge(bytes, accuserKey)).toBe(nobody);
    const elsewhere = bytes.slice();
    elsewhere[60]! ^= 1;
    expect(await forge(elsewhere, accuserKey)).toBe(nobody);
    expect(await say({})).toBe('new');
    expect(await say({})).toBe('known');
  });

  it('is proven by the chain alone where it cleared the seller', async () => {
    const signers = good.verdicts!.filter(({ body }) => body.verdict === 'valid');
    expect(signers).toHaveLength(2);
    for (const { author } of signers) {
      // of the same height, the appeal made first may be the one that counts
      await market.mine(1);
      const who = accuser();
      const id = await who.appeal(known(good, []), author);
      expect(await who.follow(id, market.stop.signal)).toMatchObject({ outcome: 'upheld' });
    }
  });

  it('is heard of by every node, and by one that joins later, with what the jury says', async () => {
    const { author } = good.verdicts!.find(({ body }) => body.verdict === 'valid')!;
    const { messages } = await listJobMessages(market.chain);
    const said = messages as AnyMessage[];
    const appeals = said.filter((each): each is Message<'appeal'> => each.type === 'appeal');
    const appeal = appeals.find(({ body }) => body.verifier === author)!;
    const votes = said.filter(
      ({ type, jobId }) => type === 'rejudgement' && jobId === appeal.jobId,
    );
    expect(votes.length).toBeGreaterThan(0);
    const hosts = new Hosts();
    try {
      const join = async (name: string) => {
        const host = await hosts.start(name);
        const service = new JobPoolService(new LocalChain(market.node.node));
        const penalties = { penalise: () => undefined };
        const gossip = new JobGossip({ host, penalties, pool: service, period: 500 });
        return { host, service, gossip };
      };
      const [a, b] = [await join('a'), await join('b')];
      await meet(a.host, b.host, JOB_TOPIC);
      for (const vote of votes) await a.service.send(vote);
      expect(await a.service.send(appeal)).toEqual({ status: 'new' });
      const heard = ({ service: { pool } }: typeof a) =>
        pool.case(appeal.jobId)?.rejudgements.length === votes.length;
      await until(() => heard(b));
      const late = await join('late');
      await meet(late.host, b.host, JOB_TOPIC);
      await until(() => heard(late));
      expect(late.service.pool.fingerprint()).toBe(a.service.pool.fingerprint());
      for (const { gossip } of [a, b, late]) gossip.close();
    } finally {
      await hosts.close();
    }
  });

  it('is judged by nobody when a reorganisation has taken the contest away, and again when it is back', async () => {
    const { chain } = market;
    const { author } = good.verdicts!.find(({ body }) => body.verdict === 'valid')!;
    const coins = await new Wallet({ client: chain, keys: [accuserKey], params: REGTEST }).utxos();
    const signer = {
      privateKey: accuserKey.privateKey,
      coin: formatOutpoint(coins[0]!.outpoint),
      height: 1,
    };
    const made = await makeAppeal(chain, REGTEST, known(good), author, signer);
    expect(await proveCase(chain, REGTEST, made)).toBeDefined();
    const { height } = (await chain.transaction(good.contest!.txid))!;
    const block = await chain.blockId(height);
    await chain.rpc.call('invalidateblock', block);
    expect(await proveCase(chain, REGTEST, made)).toBeUndefined();
    await chain.rpc.call('reconsiderblock', block);
    expect(await proveCase(chain, REGTEST, made)).toBeDefined();
  });

  it('burns nothing where too few of the jury are there', async () => {
    market.stop.abort();
    const who = accuser();
    const id = await who.appeal(known(record), hexOf('b'));
    const ended = who.follow(id, AbortSignal.timeout(60_000), 1);
    await market.mine(2);
    expect(await ended).toMatchObject({ outcome: 'lapsed', findings: [], txids: [] });
    expect(await bondsOf('b')).toHaveLength(1);
  });
});
