import * as noble from '@noble/secp256k1';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fromHex, sha256, toHex, u32le } from '#src/base/index.js';
import { createKey, formatOutpoint, type KeyPair, Wallet } from '#src/chain/index.js';
import { derFromCompact } from '#src/chain/script/der.js';
import { drawSecondJury } from '#src/job/bonds/registry.js';
import { readDrawnVerdict } from '#src/job/cases/case.js';
import { minedContest } from '#src/job/cases/onChain.js';
import { contestedMessage } from '#src/job/contracts/contestedSpends.js';
import {
  Accuser,
  bondVerifier,
  type ClientRecord,
  createMessage,
  JobVerifier,
  type KnownJob,
  ownBonds,
  registryAt,
  registryHeight,
  verifierCheat,
} from '#src/job/index.js';
import { pooledCases, sendJobMessage } from '#src/job/pool/client.js';
import { makeAppeal } from '#src/job/rejudging/accusation.js';
import { keyThatDraws } from '#src/job/rejudging/keyThatDraws.js';
import { pushesOf } from '#src/job/trace.js';
import { attackNamed } from '#src/rastic/index.js';
import { REGTEST } from '../../regtest.js';
import { Market, request } from '../market.js';

/** Each of the seven seats over a draw of three is drawn out of two keys. */
const BONDED = 14;
/** Who says valid of everything, and finds every such verdict right: one was drawn, two are its friends. */
const COLLUDING = 3;

let market: Market;
const keys: KeyPair[] = [];
const hexOf = ({ publicKey }: KeyPair): string => toHex(publicKey);

beforeAll(async () => {
  market = await Market.open();
  const wallet = new Wallet({
    client: market.chain,
    keys: [await market.funded(BigInt(BONDED + 2))],
    params: REGTEST,
  });
  for (let i = 0; i < BONDED; i++) {
    const key = createKey(REGTEST);
    keys.push(key);
    await bondVerifier(wallet, key.publicKey, REGTEST);
    const dishonesty = i < COLLUDING ? { dishonesty: verifierCheat('lazy') } : {};
    market.start(
      new JobVerifier({ ...market.common(key, `bonded ${i}`), fee: 50_000n, ...dishonesty }),
    );
  }
  await market.mine(2);
});

afterAll(() => market.close());

/** Contests a false answer before three drawn verifiers, with this key among them. */
async function planted(wanted: KeyPair): Promise<ClientRecord> {
  for (;;) {
    const quote = await market.client.quote({ ...request(market), verifiers: 'drawn' });
    const { verifiers, created } = quote.record.job;
    if (Array.isArray(verifiers)) throw new Error('the job lists its verifiers');
    const registry = (await registryAt(market.chain, REGTEST, registryHeight(created, REGTEST)))!;
    const leafOf = (key: KeyPair): number =>
      registry.keys.findIndex((each) => toHex(each) === hexOf(key));
    const pairs = keys.slice(0, COLLUDING).map((key) => Math.floor(leafOf(key) / 2));
    // a first draw of three leaves out the last two of fourteen
    const isDrawable =
      leafOf(wanted) < verifiers.count * Math.floor(registry.size / verifiers.count);
    if (!isDrawable || new Set(pairs).size < COLLUDING) {
      await market.mine(1);
      continue;
    }
    const secret = fromHex(quote.record.drawSecret!);
    const k = keyThatDraws(registry, verifiers.count, secret, [hexOf(wanted)]);
    const { id } = quote.record;
    const worker = { planted: { jobId: id, k }, dishonesty: attackNamed('tamper:3') };
    const { key } = await market.worker(worker);
    const record = { ...quote.record, planted: true as const, sellers: [hexOf(key)] };
    await market.client.submit({ ...quote, record });
    const ended = await market.client.follow(id, market.stop.signal);
    await market.endShifts();
    return ended;
  }
}

it('has a jury for each signature that a liar makes of it, and burns when one of them decides', async () => {
  const record = await planted(keys[0]!);
  const { chain } = market;
  const { job, escrow, salt, promptIds, answer } = record;
  const [liar] = keys;
  const accused = hexOf(liar!);
  const contest = (await minedContest(chain, REGTEST, job, escrow!.offer, escrow!.txid))!;
  const bytes = contestedMessage(contest.terms, contest.state, 'valid');
  const { drawSecret, k } = readDrawnVerdict(bytes)!;
  const registry = (await registryAt(chain, REGTEST, registryHeight(job.created, REGTEST)))!;
  const colluding = keys.slice(0, COLLUDING).map(hexOf);
  const { verifiers: draw } = contest.terms;
  if (!('registry' in draw)) throw new Error('the job lists its verifiers');

  /** The liar searches its nonce for a jury with so many of its hand in it. */
  const search = (isWanted: (held: number) => boolean) => {
    for (let tries = 0; ; tries++) {
      const extraEntropy = sha256(u32le(tries));
      const options = { prehash: false, lowS: true, extraEntropy };
      const signature = derFromCompact(noble.sign(sha256(bytes), liar!.privateKey, options));
      const seats = drawSecondJury(registry, draw, { drawSecret, k }, signature);
      const members = seats.map(({ publicKey }) => toHex(publicKey));
      const held = members.filter((key) => colluding.includes(key)).length;
      if (isWanted(held)) return { signature: toHex(signature), members };
    }
  };
  const shielded = search((held) => held === COLLUDING);
  const open = search((held) => held === 1);

  const known = (signature: string): KnownJob => {
    const said = record.verdicts!.find(({ author }) => author === accused)!;
    const body = { ...said.body, signature };
    const again = createMessage('verdict', said.jobId, said.sequence, body, liar!.privateKey);
    const evidence = { salt: fromHex(salt), promptIds, outputIds: answer!.outputIds };
    return { job, offer: escrow!.offer, escrow: escrow!.txid, evidence, verdicts: [again] };
  };
  const friend = await market.funded(1n);
  const [coin] = await new Wallet({ client: chain, keys: [friend], params: REGTEST }).utxos();
  const signer = {
    privateKey: friend.privateKey,
    coin: formatOutpoint(coin!.outpoint),
    height: await chain.height(),
  };
  const first = await makeAppeal(chain, REGTEST, known(shielded.signature), accused, signer);
  expect(await sendJobMessage(chain, first)).toEqual({ status: 'new' });
  const honest = shielded.members.filter((key) => !colluding.includes(key));
  const wrong = async () => {
    const pooled = (await pooledCases(chain)).find(({ id }) => id === first.jobId);
    const against = pooled?.rejudgements.filter(({ body }) => body.finding === 'wrong');
    return (against ?? []).map(({ author }) => author);
  };
  await expect.poll(wrong).toHaveLength(honest.length);
  expect((await wrong()).toSorted()).toEqual(honest.toSorted());
  expect(await ownBonds(chain, REGTEST, liar!.publicKey)).toHaveLength(1);

  const who = new Accuser({ ...market.common(await market.funded(1n), 'accuser'), models: [] });
  const id = await who.appeal(known(open.signature), accused);
  expect(id).toBe(first.jobId);
  const ended = await who.follow(id, market.stop.signal);
  expect(ended).toMatchObject({ outcome: 'burnt', needed: 5, seats: 7 });
  const { transaction } = (await chain.transaction(ended.txids[0]!))!;
  expect(toHex(pushesOf(transaction, 0).at(-2)!)).toBe(open.signature);
  expect(transaction.outputs).toHaveLength(1 + 5 + 1);
  const only = open.members.filter((key) => !shielded.members.includes(key));
  expect(only.length).toBeGreaterThan(0);
  expect((await wrong()).some((key) => only.includes(key))).toBe(true);
});
