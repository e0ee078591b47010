import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, utf8 } from '#src/base/index.js';
import {
  createPin,
  findBirthCoin,
  hash160,
  makeBirthCoin,
  p2pkhScript,
  planMint,
  sendMint,
  signData,
} from '#src/chain/index.js';
import { backersAcceptSpend, type Vote } from '#src/reward/contracts/assuranceSpends.js';
import { deliveryPayload, pledgePayload, sayingPath, votePayload } from '#src/reward/imi/pins.js';
import { votersFor } from '#src/reward/imi/state.js';
import {
  chosenDelivery,
  deliverTo,
  deliveryMessage,
  type ImiHands,
  type ImiTask,
  type PinnedTask,
  planBackers,
  pledgeOutput,
  pledgeScript,
  pledgeTo,
  readProgress,
  refundPledges,
  sendAcceptance,
  standingPledges,
  taskState,
  taskSums,
  votedFor,
  voteFor,
  withdrawGrants,
} from '#src/reward/index.js';
import { Regtest } from '../../regtest.js';
import { handsOn, nextBlock, peopleOn, pinned } from './hands.js';

let regtest: Regtest;
let ann: ImiHands;
let ben: ImiHands;
let developer: ImiHands;
let thief: ImiHands;
let known: PinnedTask;

const bundle = sha256(utf8('bundle'));
const code = (name: string): Error => expect.objectContaining({ code: name }) as Error;
const deliveryOf = (hands: ImiHands, model = bundle) => ({
  delivery: model,
  payee: hands.key.publicKey,
});

async function taskOf(title: string, goal = COIN, blocks = 300): Promise<PinnedTask> {
  const task: ImiTask = {
    title,
    description: title,
    creator: ann.key.publicKey,
    goal,
    deadline: (await regtest.chain.height()) + blocks,
    acceptance: { by: 'backers', window: 3 },
  };
  return pinned(regtest, ann, task);
}

/** Puts any bytes into a pin about a task. */
async function say(who: ImiHands, path: string, payload: Uint8Array) {
  const content = { contentType: 'application/json', payload };
  return createPin(who.wallet, path, content, p2pkhScript(hash160(who.key.publicKey)));
}

const read = (of = known) => readProgress(regtest.chain, of);

beforeAll(async () => {
  regtest = await Regtest.open();
  [ann, ben, developer, thief] = (await peopleOn(regtest, 4)) as [
    ImiHands,
    ImiHands,
    ImiHands,
    ImiHands,
  ];
  known = await taskOf('poems');
  await pledgeTo(ann, known, COIN);
  await pledgeTo(ben, known, COIN / 4n);
  await deliverTo(developer, await nextBlock(regtest, known), deliveryOf(developer));
  await regtest.mine();
});
afterAll(() => regtest.close());

describe('money that is not there', () => {
  it('is not announced: a pin counts only with the pledge in its own transaction', async () => {
    const path = sayingPath('pledge', known.terms.task);
    await say(thief, path, pledgePayload(known.terms.task, 0));
    await say(thief, path, pledgePayload(known.terms.task, 2));
    await say(thief, path, utf8('{"v":1'));
    await say(thief, path, new Uint8Array(5_000));
    const progress = await nextBlock(regtest, known);
    expect(taskSums(progress).pledged).toBe((5n * COIN) / 4n);
    expect(progress.pledges).toHaveLength(2);
  });

  it('is not a pledge to another task, nor one that carries a token', async () => {
    const other = await taskOf('prose');
    await pledgeTo(thief, other, COIN);
    const birth = (await findBirthCoin(thief.wallet)) ?? (await makeBirthCoin(thief.wallet));
    const lockingScript = pledgeScript(known.terms, ben.key.publicKey);
    const plan = await planMint(regtest.chain, thief.wallet, birth, [
      { amount: 5n, lockingScript },
    ]);
    await sendMint(thief.wallet, plan);
    const progress = await nextBlock(regtest, known);
    expect(taskSums(progress).pledged).toBe((5n * COIN) / 4n);
    expect(taskSums(await read(other)).pledged).toBe(COIN);
  });

  it('is not counted below a 500th of the goal', async () => {
    await expect(pledgeTo(ben, known, 199_999n)).rejects.toThrow(code('PLEDGE_TOO_SMALL'));
    const dust = pledgeOutput(known.terms, ben.key.publicKey, 199_999n);
    await regtest.pay([dust]);
    const progress = await read();
    expect(progress.pledges.filter(({ counts }) => !counts)).toHaveLength(1);
    expect(taskSums(progress).pledged).toBe((5n * COIN) / 4n);
  });
});

describe('votes', () => {
  const votePath = () => sayingPath('vote', known.terms.task);
  const voteOf = (backer: ImiHands, about: ReturnType<typeof deliveryOf>, terms = known.terms) => ({
    ...about,
    signer: backer.key.publicKey,
    signature: signData(deliveryMessage(terms, about), backer.key.privateKey),
  });

  it('of another task, of strangers, of nobody’s delivery or for another payee are none', async () => {
    const { terms } = known;
    const other = await taskOf('songs');
    const about = deliveryOf(developer);
    await say(thief, votePath(), votePayload(terms.task, voteOf(thief, about)));
    await say(thief, votePath(), votePayload(terms.task, voteOf(ann, about, other.terms)));
    await say(
      thief,
      votePath(),
      votePayload(terms.task, voteOf(ann, deliveryOf(thief, sha256(utf8('other'))))),
    );
    const turned = { ...voteOf(ann, about), payee: thief.key.publicKey };
    await say(thief, votePath(), votePayload(terms.task, turned));
    expect((await nextBlock(regtest, known)).votes).toEqual([]);
  });

  it('for one payee pay no other: the chain refuses the acceptance', async () => {
    // somebody says that the same bundle is its own
    await deliverTo(thief, await read(), deliveryOf(thief));
    await voteFor(ann, await nextBlock(regtest, known), deliveryOf(developer));
    const progress = await nextBlock(regtest, known);
    expect(progress.deliveries).toHaveLength(2);
    expect(() => chosenDelivery(progress)).toThrow(code('AMBIGUOUS_DELIVERY'));
    expect(votedFor(progress, deliveryOf(developer))).toBe(COIN);
    expect(votedFor(progress, deliveryOf(thief))).toBe(0n);
    expect(() => planBackers(progress, deliveryOf(thief))).toThrow(code('NOT_ENOUGH_VOTES'));
    const { acceptance } = known.task;
    if (acceptance.by !== 'backers') throw new Error('backers accept here');
    const voters = votersFor(progress, deliveryOf(developer));
    const votes = standingPledges(progress).map(
      ({ outpoint, value, backer }): Vote => ({
        ...{ outpoint, value, backer },
        signature: voters.get(Buffer.from(backer).toString('hex')),
      }),
    );
    const stolen = backersAcceptSpend(known.terms, acceptance, votes, deliveryOf(thief));
    await expect(sendAcceptance(thief, stolen)).rejects.toThrow(/script/);
  });

  it('of one task don’t pay the pledges of another in one transaction with its own', async () => {
    const progress = await read();
    const mixed = await taskOf('both');
    await pledgeTo(ben, mixed, COIN / 8n);
    const there = await nextBlock(regtest, mixed);
    const spend = planBackers(progress, deliveryOf(developer));
    const [foreign] = standingPledges(there);
    const acceptance = { by: 'backers', window: 3 } as const;
    const together = backersAcceptSpend(
      known.terms,
      acceptance,
      [...standingPledges(progress), foreign!].map(({ outpoint, value, backer }) => ({
        ...{ outpoint, value, backer },
        signature: votersFor(progress, deliveryOf(developer)).get(
          Buffer.from(backer).toString('hex'),
        ),
      })),
      deliveryOf(developer),
    );
    // as the chain holds it, not as the terms of this task would make it
    const inputs = together.inputs.map((input, index) =>
      index === together.inputs.length - 1
        ? { ...input, output: pledgeOutput(mixed.terms, foreign!.backer, foreign!.value) }
        : input,
    );
    await expect(sendAcceptance(ann, { ...together, inputs })).rejects.toThrow(/script/);
    expect(spend.inputs).toHaveLength(2);
  });

  it('are hidden by no number of other pins', async () => {
    const many = Array.from({ length: 5 }, (_, index) => ({
      value: COIN / 100n,
      lockingScript: p2pkhScript(hash160(thief.key.publicKey)),
      index,
    }));
    await regtest.pay(many.map(({ value, lockingScript }) => ({ value, lockingScript })));
    for (const { index } of many) {
      const fake = deliveryOf(thief, sha256(Uint8Array.of(index)));
      await say(
        thief,
        sayingPath('delivery', known.terms.task),
        deliveryPayload(known.terms.task, fake),
      );
    }
    const progress = await nextBlock(regtest, known);
    expect(progress.deliveries).toHaveLength(7);
    const [first] = progress.deliveries;
    const meant = chosenDelivery(progress, first!.place.pin);
    expect(votedFor(progress, meant)).toBe(COIN);
  });
});

describe('pledges that nobody announced', () => {
  it('count where their backer is known, and are had back by the key in any case', async () => {
    const silent = await taskOf('silence', COIN, 6);
    const stranger = handsOn(regtest);
    const outputs = [ann, stranger].map(({ key }) =>
      pledgeOutput(silent.terms, key.publicKey, COIN / 2n),
    );
    await regtest.pay(outputs);
    await pledgeTo(ann, silent, COIN / 4n);
    const progress = await nextBlock(regtest, silent);
    expect(taskSums(progress).pledged).toBe((3n * COIN) / 4n);
    await regtest.mineTo(silent.task.deadline);
    const [back] = await refundPledges(stranger, silent);
    expect(back).toMatchObject({ value: COIN / 2n });
    expect(await refundPledges(ann, silent)).toMatchObject([{ value: (3n * COIN) / 4n, coins: 2 }]);
  });
});

describe('gifts to a pledge', () => {
  it('of tiny coins, or with tokens, keep nobody from having the pledge back', async () => {
    const gifted = await taskOf('gifts', COIN, 8);
    const poor = handsOn(regtest);
    await pledgeTo({ ...ann, key: poor.key }, gifted, 300_000n);
    const { lockingScript } = pledgeOutput(gifted.terms, poor.key.publicKey, 1n);
    await regtest.pay(Array.from({ length: 300 }, () => ({ value: 20n, lockingScript })));
    const birth = (await findBirthCoin(thief.wallet)) ?? (await makeBirthCoin(thief.wallet));
    const gift = { amount: 7n, lockingScript };
    const plan = await planMint(regtest.chain, thief.wallet, birth, [gift]);
    await sendMint(thief.wallet, plan);
    await regtest.mineTo(gifted.task.deadline);
    const [back, ...more] = await refundPledges(poor, gifted);
    // the token came with coins enough for its own output
    expect([back!.coins, more]).toEqual([2, []]);
    await regtest.mine();
    const [left, ...others] = await poor.wallet.utxos();
    expect(others).toEqual([]);
    expect(left!.output.value).toBeGreaterThan(299_000n);
    expect(await poor.wallet.tokens()).toMatchObject([{ output: { token: { amount: 7n } } }]);
  });
});

describe('deliveries of strangers', () => {
  it('in any number keep no dissenter from having the grant back', async () => {
    const task = await taskOf('for many');
    await pledgeTo(ann, task, (COIN * 3n) / 4n);
    await pledgeTo(ben, task, COIN / 4n);
    const funded = await nextBlock(regtest, task);
    await deliverTo(developer, funded, deliveryOf(developer));
    const delivered = await nextBlock(regtest, task);
    await voteFor(ann, delivered, chosenDelivery(delivered));
    const voted = await nextBlock(regtest, task);
    await sendAcceptance(regtest, planBackers(voted, chosenDelivery(voted)));
    const accepted = await nextBlock(regtest, task);
    expect(taskState(accepted)).toBe('accepted');
    // 1,001 pins would say so: that pins are read past a thousand is shown above, so it is told here
    const [first] = accepted.deliveries;
    const junk = Array.from({ length: 1_001 }, (_, index) => ({
      ...first!,
      delivery: sha256(utf8(`junk ${index}`)),
    }));
    const [back] = await withdrawGrants(ben, {
      ...accepted,
      deliveries: [...junk, ...accepted.deliveries],
    });
    expect(back).toMatchObject({ value: COIN / 4n, coins: 1 });
    await regtest.mine();
  });
});

describe('a crowd', () => {
  it('of more than one acceptance can pay is paid by its 500 largest, voters first, and the rest is had back', async () => {
    const goal = 250_000_000n;
    const crowded = await taskOf('for all', goal, 12);
    const backers = Array.from({ length: 505 }, () => handsOn(regtest));
    const value = goal / 500n;
    await regtest.pay(backers.map(({ key }) => pledgeOutput(crowded.terms, key.publicKey, value)));
    // 505 pins would say who pledged: that they do is shown above, so it is told here
    const progress = await nextBlock(regtest, crowded);
    const about = deliveryOf(developer);
    const pledges = await Promise.all(
      backers.map(async ({ key }) => {
        const [coin] = await regtest.chain.scriptUtxos([
          pledgeScript(crowded.terms, key.publicKey),
        ]);
        const { outpoint, height } = coin!;
        return {
          outpoint,
          value,
          backer: key.publicKey,
          height,
          state: 'pledged',
          counts: true,
        } as const;
      }),
    );
    const votes = backers.slice(0, 400).map(({ key }) => ({
      ...about,
      signer: key.publicKey,
      signature: signData(deliveryMessage(crowded.terms, about), key.privateKey),
    }));
    const full = { ...progress, pledges, votes };
    const spend = planBackers(full, about);
    expect(spend.inputs).toHaveLength(500);
    await sendAcceptance(regtest, spend);
    await regtest.mineTo(crowded.task.deadline);
    const left = backers.slice(400);
    const [first] = left;
    const taken = await Promise.all(left.map((backer) => refundPledges(backer, crowded)));
    expect(taken.flat()).toHaveLength(5);
    const seen = await read(crowded);
    expect(taskState(seen)).toBe('ended');
    expect(await withdrawGrants(first!, { ...seen, deliveries: [] })).toEqual([]);
  });
});
