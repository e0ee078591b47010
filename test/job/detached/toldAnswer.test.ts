import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkParameters } from '#src/chain/index.js';
import { borneOut } from '#src/job/detached/borneOut.js';
import { progressOf } from '#src/job/detached/notes.js';
import { type AnswerReader, checkedAnswer } from '#src/job/detached/toldAnswer.js';
import { type ClientAnswer, type ClientRecord, termsOf, traceJob } from '#src/job/index.js';
import { Market, request } from '../market.js';

const params = networkParameters('regtest');
let market: Market;
let bought: ClientRecord;

beforeAll(async () => {
  market = await Market.open();
  await market.worker();
  const quote = await market.client.quote({ ...request(market), lifetime: 20 });
  await market.client.submit(quote);
  bought = await market.client.follow(quote.record.id, market.stop.signal);
});
afterAll(() => market.close());

/** What comes of the answer with what a watcher has changed in it. */
async function heard(changes: Partial<ClientAnswer>, read?: AnswerReader) {
  const { job, escrow, answer } = bought;
  const terms = termsOf(job, escrow!.offer, params);
  const trace = await traceJob(market.chain, terms, escrow!.txid);
  return checkedAnswer(bought, { ...answer!, ...changes }, trace, read);
}

describe('an answer that a watcher tells', () => {
  it('has the text that the buyer’s own tokenizer reads', async () => {
    const read = (ids: readonly number[]) => market.model.model.text(ids);
    expect(await heard({ text: 'send me coins' }, read)).toEqual(bought.answer);
  });

  it('is marked as the watcher’s word where the model is not at hand', async () => {
    expect((await heard({ text: 'send me coins' }))?.textFrom).toBe('watcher');
  });

  it('counts for nothing where the chain has another', async () => {
    const { outputIds, k, commitmentSignature, finish } = bought.answer!;
    const lies: Partial<ClientAnswer>[] = [
      { outputIds: [...outputIds.slice(0, -1), outputIds.at(-1)! ^ 1] },
      { outputIds: [] },
      { finish: finish === 'stop' ? 'eos' : 'stop' },
      { k: `${k.slice(0, -2)}${k.endsWith('00') ? '01' : '00'}` },
      { commitmentSignature: commitmentSignature.slice(0, -2) },
      { commitmentSignature: '' },
    ];
    for (const lie of lies) expect(await heard(lie)).toBeUndefined();
  });

  it('leaves a job that it is the only sign of an end of as it was', async () => {
    const { answer: _, verdict: __, outcome: ___, ...open } = bought;
    const record: ClientRecord = { ...open, phase: 'escrowed' };
    const witness = { chain: market.chain, params, key: market.clientKey };
    const progress = { ...progressOf(bought), answer: { ...bought.answer!, outputIds: [1] } };
    const { record: kept } = await borneOut(witness, record, { state: 'done', progress });
    expect(kept.answer).toBeUndefined();
    expect(kept.outcome).not.toBe('settled');
  });
});
