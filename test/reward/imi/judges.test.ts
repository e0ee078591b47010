import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, utf8 } from '#src/base/index.js';
import {
  createPin,
  hash160,
  modifyPin,
  p2pkhScript,
  revokePin,
  signData,
} from '#src/chain/index.js';
import { deliveryMessage } from '#src/reward/contracts/assurance.js';
import { judgementPayload, revealPayload, sayingPath } from '#src/reward/imi/pins.js';
import {
  chosenDelivery,
  countedDeliveries,
  deliverTo,
  findTask,
  type ImiHands,
  type ImiTask,
  judgeAsPassed,
  type PinnedTask,
  parseMetric,
  planBackers,
  planJudges,
  pledgeTo,
  readProgress,
  revealTestSet,
  saltTestSet,
  sendAcceptance,
  taskState,
  testSetCommitment,
  voteFor,
} from '#src/reward/index.js';
import { Regtest } from '../../regtest.js';
import { nextBlock, peopleOn, pinned } from './hands.js';

let regtest: Regtest;
let people: ImiHands[];
const [creator, backer, developer, thief] = [0, 1, 2, 3];
const judges = [4, 5, 6];
const at = (index: number): ImiHands => people[index]!;

beforeAll(async () => {
  regtest = await Regtest.open();
  people = await peopleOn(regtest, 7);
});
afterAll(() => regtest.close());

const bundle = sha256(utf8('bundle'));
const testSet = '{"prompt":"1+1=","answer":"2"}\n';
const code = (name: string): Error => expect.objectContaining({ code: name }) as Error;

async function judgedTask(title: string) {
  const secret = saltTestSet(testSet);
  const task: ImiTask = {
    title,
    description: title,
    creator: at(creator).key.publicKey,
    goal: COIN,
    deadline: (await regtest.chain.height()) + 200,
    acceptance: {
      by: 'judges',
      judges: judges.map((index) => at(index).key.publicKey),
      threshold: 2,
      testSet: testSetCommitment(secret.salt, sha256(utf8(testSet))),
      metric: parseMetric('exact-match>=80%'),
    },
  };
  return { secret, known: await pinned(regtest, at(creator), task) };
}

const deliveryOf = (index: number, model = bundle) => ({
  delivery: model,
  payee: at(index).key.publicKey,
});

/** Puts any bytes into a pin about a task. */
async function say(who: ImiHands, path: string, payload: Uint8Array) {
  const content = { contentType: 'application/json', payload };
  await createPin(who.wallet, path, content, p2pkhScript(hash160(who.key.publicKey)));
}

describe('a task that judges accept', () => {
  it('is paid in one transaction once the threshold of them has signed', async () => {
    const { known, secret } = await judgedTask('sums');
    await pledgeTo(at(backer), known, COIN);
    let progress = await nextBlock(regtest, known);
    await expect(revealTestSet(at(creator), progress, secret)).rejects.toThrow(code('NO_DELIVERY'));
    await deliverTo(at(developer), progress, deliveryOf(developer));
    progress = await nextBlock(regtest, known);
    const delivery = chosenDelivery(progress);
    expect(() => planJudges(progress, delivery)).toThrow(code('NOT_REVEALED'));
    expect(() => planBackers(progress, delivery)).toThrow(code('WRONG_ACCEPTANCE'));
    await revealTestSet(at(creator), progress, secret);
    progress = await nextBlock(regtest, known);
    expect(progress.reveal).toMatchObject({ testSet });
    await expect(judgeAsPassed(at(thief), progress, delivery, 100_000)).rejects.toThrow(
      code('NOT_A_JUDGE'),
    );
    await judgeAsPassed(at(judges[2]!), progress, delivery, 90_000);
    progress = await nextBlock(regtest, known);
    expect(() => planJudges(progress, delivery)).toThrow(code('NOT_ENOUGH_JUDGES'));
    await judgeAsPassed(at(judges[0]!), progress, delivery, 90_000);
    progress = await nextBlock(regtest, known);
    expect(progress.judgements.map(({ figure }) => figure)).toEqual([90_000, 90_000]);
    const sent = await sendAcceptance(regtest, planJudges(progress, delivery));
    expect(sent.transaction.outputs[0]).toEqual({
      value: COIN,
      lockingScript: p2pkhScript(hash160(at(developer).key.publicKey)),
    });
    progress = await nextBlock(regtest, known);
    expect(taskState(progress)).toBe('paid');
    expect(progress.acceptances).toMatchObject([{ ...deliveryOf(developer), value: COIN }]);
  });
});

describe('what does not count', () => {
  let known: PinnedTask;
  let secret: ReturnType<typeof saltTestSet>;
  beforeAll(async () => {
    ({ known, secret } = await judgedTask('products'));
    await pledgeTo(at(backer), known, COIN);
    const progress = await nextBlock(regtest, known);
    await deliverTo(at(developer), progress, deliveryOf(developer));
    await regtest.mine();
  });
  const read = () => readProgress(regtest.chain, known);

  it('another test set, one that somebody else shows, or one that lies about its height', async () => {
    const progress = await read();
    const other = { salt: secret.salt, testSet: '{"prompt":"1+1=","answer":"3"}' };
    await revealTestSet(at(creator), progress, other);
    const path = sayingPath('reveal', known.terms.task);
    const stolen = { ...secret, upTo: progress.height + 100 };
    await say(at(thief), path, revealPayload(known.terms, stolen, at(thief).key.privateKey));
    await expect(revealTestSet(at(thief), progress, secret)).rejects.toThrow(code('NOT_CREATOR'));
    const early = { ...secret, upTo: 400_000_000 };
    await say(at(creator), path, revealPayload(known.terms, early, at(creator).key.privateKey));
    expect((await nextBlock(regtest, known)).reveal).toBeUndefined();
  });

  it('a delivery that is pinned after the test set was shown, in its very block too', async () => {
    const progress = await read();
    await revealTestSet(at(creator), progress, secret);
    const late = sha256(utf8('made for the test set'));
    await deliverTo(at(thief), progress, deliveryOf(thief, late));
    const shown = await nextBlock(regtest, known);
    expect(shown.deliveries.map(({ inTime }) => inTime)).toEqual([true, false]);
    expect(countedDeliveries(shown)).toMatchObject([deliveryOf(developer)]);
    expect(() => chosenDelivery(shown, '4')).toThrow(code('NO_DELIVERY'));
    const pin = shown.deliveries[1]!.place.pin;
    expect(() => chosenDelivery(shown, pin)).toThrow(code('LATE_DELIVERY'));
    await expect(deliverTo(at(thief), shown, deliveryOf(thief, late))).rejects.toThrow(
      code('ALREADY_REVEALED'),
    );
    await expect(revealTestSet(at(creator), shown, secret)).rejects.toThrow(
      code('ALREADY_REVEALED'),
    );
  });

  it('a judgement signed by others, for another task, another payee, or twice by one judge', async () => {
    const { known: elsewhere } = await judgedTask('quotients');
    const path = sayingPath('judgement', known.terms.task);
    const about = deliveryOf(developer);
    const payload = (
      signer: number,
      terms = known.terms,
      signed: typeof about = about,
      by = signer,
    ) =>
      judgementPayload(known.terms.task, {
        ...about,
        signer: at(signer).key.publicKey,
        signature: signData(deliveryMessage(terms, signed), at(by).key.privateKey),
        figure: 1,
      });
    const judge = judges[0]!;
    await say(at(thief), path, payload(thief));
    await say(at(thief), path, payload(judge, known.terms, about, thief));
    await say(at(thief), path, payload(judge, elsewhere.terms));
    await say(at(thief), path, payload(judge, known.terms, deliveryOf(thief)));
    expect((await nextBlock(regtest, known)).judgements).toEqual([]);
    await say(at(judge), path, payload(judge));
    await say(at(judge), path, payload(judge));
    const progress = await nextBlock(regtest, known);
    expect(progress.judgements).toHaveLength(1);
    const delivery = chosenDelivery(progress);
    expect(() => planJudges(progress, delivery)).toThrow(code('NOT_ENOUGH_JUDGES'));
  });

  it('a vote where judges accept', async () => {
    const progress = await read();
    await voteFor(at(backer), progress, chosenDelivery(progress));
    expect((await nextBlock(regtest, known)).votes).toEqual([]);
  });

  it('a task whose pin was changed afterwards, or is ended', async () => {
    const { id } = known;
    const [pin] = await regtest.chain.pins({ id: known.place.pin });
    const content = { contentType: 'application/json', payload: utf8('{}') };
    await modifyPin(regtest.chain, at(creator).wallet, pin!, content);
    await regtest.mine();
    const [changed] = await regtest.chain.pins({ id: known.place.pin });
    await revokePin(regtest.chain, at(creator).wallet, changed!);
    await regtest.mine();
    expect((await findTask(regtest.chain, id)).task).toEqual(known.task);
  });
});
