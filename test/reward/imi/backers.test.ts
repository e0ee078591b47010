import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, utf8 } from '#src/base/index.js';
import {
  chosenDelivery,
  deliverTo,
  type ImiHands,
  type ImiTask,
  nextSteps,
  type PinnedTask,
  planBackers,
  pledgeTo,
  readProgress,
  refundPledges,
  sendAcceptance,
  takeGrants,
  taskState,
  taskSums,
  votedFor,
  voteFor,
  withdrawGrants,
} from '#src/reward/index.js';
import { Regtest } from '../../regtest.js';
import { handsOn, nextBlock, peopleOn, pinned } from './hands.js';

let regtest: Regtest;
let backers: ImiHands[];
let developer: ImiHands;

beforeAll(async () => {
  regtest = await Regtest.open();
  [developer, ...backers] = (await peopleOn(regtest, 5)) as [ImiHands, ...ImiHands[]];
});
afterAll(() => regtest.close());

const WINDOW = 4;
const bundle = sha256(utf8('bundle'));

async function taskOf(goal: bigint, blocks = 200, title = 'a model that rhymes') {
  const task: ImiTask = {
    title,
    description: 'It writes sonnets.\nGood ones.',
    creator: developer.key.publicKey,
    goal,
    deadline: (await regtest.chain.height()) + blocks,
    acceptance: { by: 'backers', window: WINDOW },
  };
  return pinned(regtest, backers[0]!, task);
}

const deliveryOf = (hands = developer) => ({ delivery: bundle, payee: hands.key.publicKey });
const code = (name: string): Error => expect.objectContaining({ code: name }) as Error;

describe('a task that its backers accept', () => {
  let known: PinnedTask;
  const read = () => readProgress(regtest.chain, known);

  it('is open, then funded, then delivered, by what the chain says', async () => {
    known = await taskOf(COIN);
    expect(taskState(await read())).toBe('open');
    await pledgeTo(backers[0]!, known, COIN / 2n);
    await pledgeTo(backers[1]!, known, COIN / 4n);
    let progress = await nextBlock(regtest, known);
    expect([taskState(progress), taskSums(progress).pledged]).toEqual(['open', (3n * COIN) / 4n]);
    await pledgeTo(backers[2]!, known, COIN / 4n);
    progress = await nextBlock(regtest, known);
    expect(taskState(progress)).toBe('funded');
    await deliverTo(developer, progress, deliveryOf());
    progress = await nextBlock(regtest, known);
    expect(taskState(progress)).toBe('delivered');
    expect(nextSteps(progress)[0]!.command).toMatch(/^bitmodel imi accept /);
  });

  it('is not accepted before two thirds of the coins have voted, and then by anyone', async () => {
    const delivery = chosenDelivery(await read());
    await voteFor(backers[0]!, await read(), delivery);
    let progress = await nextBlock(regtest, known);
    expect(votedFor(progress, delivery)).toBe(COIN / 2n);
    expect(() => planBackers(progress, delivery)).toThrow(code('NOT_ENOUGH_VOTES'));
    await voteFor(backers[1]!, progress, delivery);
    progress = await nextBlock(regtest, known);
    await sendAcceptance(regtest, planBackers(progress, delivery));
    progress = await nextBlock(regtest, known);
    expect(taskState(progress)).toBe('accepted');
    expect(progress.acceptances).toMatchObject([{ value: COIN, ...deliveryOf() }]);
  });

  it('lets who did not vote withdraw, and the payee take the rest once the window is over', async () => {
    expect(await takeGrants(developer, await read())).toEqual([]);
    const [back] = await withdrawGrants(backers[2]!, await read());
    expect(back).toMatchObject({ value: COIN / 4n, coins: 1 });
    await regtest.mine(WINDOW - 1);
    expect(taskState(await read())).toBe('takeable');
    const [taken] = await takeGrants(developer, await read());
    expect(taken).toMatchObject({ value: (3n * COIN) / 4n, coins: 2 });
    const progress = await nextBlock(regtest, known);
    expect(taskState(progress)).toBe('paid');
    expect(progress.acceptances[0]!.grants.map(({ state }) => state).sort()).toEqual([
      'taken',
      'taken',
      'withdrawn',
    ]);
  });

  it('gives a dissenter nothing back once the payee has taken it', async () => {
    expect(await withdrawGrants(backers[1]!, await read())).toEqual([]);
    expect(await refundPledges(backers[1]!, known)).toEqual([]);
  });
});

describe('pledges that come after an acceptance', () => {
  it('are accepted by another, if they reach the goal by themselves; a vote stands for them, too', async () => {
    const known = await taskOf(COIN);
    await pledgeTo(backers[3]!, known, COIN);
    let progress = await nextBlock(regtest, known);
    await deliverTo(developer, progress, deliveryOf());
    progress = await nextBlock(regtest, known);
    const delivery = chosenDelivery(progress);
    await voteFor(backers[3]!, progress, delivery);
    progress = await nextBlock(regtest, known);
    await sendAcceptance(regtest, planBackers(progress, delivery));
    await pledgeTo(backers[3]!, known, COIN / 2n);
    progress = await nextBlock(regtest, known);
    expect(() => planBackers(progress, delivery)).toThrow(code('GOAL_NOT_REACHED'));
    await pledgeTo(backers[3]!, known, COIN / 2n);
    progress = await nextBlock(regtest, known);
    await sendAcceptance(regtest, planBackers(progress, delivery));
    progress = await nextBlock(regtest, known);
    expect(progress.acceptances.map(({ value, grants }) => [value, grants.length])).toEqual([
      [COIN, 1],
      [COIN, 2],
    ]);
    expect(taskState(progress)).toBe('accepted');
  });
});

describe('a task whose deadline comes', () => {
  it('gives each pledge back to who has the key alone, out of which it pays the fee', async () => {
    const known = await taskOf(COIN, 8);
    const poor = handsOn(regtest);
    await pledgeTo({ ...backers[0]!, key: poor.key }, known, 500_000n);
    await pledgeTo(backers[1]!, known, 600_000n);
    await regtest.mine();
    expect(await poor.wallet.utxos()).toEqual([]);
    expect(await refundPledges(poor, known)).toEqual([]);
    await regtest.mineTo(known.task.deadline - 1);
    expect(await refundPledges(poor, known)).toEqual([]);
    expect(taskState(await readProgress(regtest.chain, known))).toBe('open');
    await regtest.mine();
    expect(taskState(await readProgress(regtest.chain, known))).toBe('expired');
    const [back] = await refundPledges(poor, known);
    expect(back).toMatchObject({ value: 500_000n, coins: 1 });
    await refundPledges(backers[1]!, known);
    const progress = await nextBlock(regtest, known);
    expect([taskState(progress), taskSums(progress).refunded]).toEqual(['ended', 1_100_000n]);
    const coins = await poor.wallet.utxos();
    expect(coins.map(({ output }) => output.value)).toEqual([500_000n - back!.fee]);
  });

  it('is paid to whoever comes first, acceptance or refund', async () => {
    const known = await taskOf(COIN, 8);
    for (const backer of backers.slice(0, 2)) await pledgeTo(backer, known, COIN / 2n);
    let progress = await nextBlock(regtest, known);
    await deliverTo(developer, progress, deliveryOf());
    progress = await nextBlock(regtest, known);
    const delivery = chosenDelivery(progress);
    for (const backer of backers.slice(0, 2)) await voteFor(backer, progress, delivery);
    await regtest.mineTo(known.task.deadline);
    progress = await readProgress(regtest.chain, known);
    expect(taskState(progress)).toBe('expired');
    const late = planBackers(progress, delivery);
    await refundPledges(backers[0]!, known);
    await expect(sendAcceptance(regtest, late)).rejects.toThrow(/insufficient fee/);
    progress = await nextBlock(regtest, known);
    expect(() => planBackers(progress, delivery)).toThrow(code('GOAL_NOT_REACHED'));
    await refundPledges(backers[1]!, known);
    expect(taskState(await nextBlock(regtest, known))).toBe('ended');
  });
});
