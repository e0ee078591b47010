import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex } from '#src/base/index.js';
import type { JobEvent, JobModel, JobSpec } from '#src/job/index.js';
import { type Answered, Answering } from '#src/job/worker/Answering.js';
import type { WorkerRecord } from '#src/job/worker/record.js';
import { importModel, LanguageModel } from '#src/model/index.js';
import type { Attack } from '#src/rastic/index.js';
import { announce, hash, makeJob, offer } from '../make.js';

const forever = new AbortController().signal;

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-answering-'));
let model: LanguageModel;
let promptIds: number[];

beforeAll(async () => {
  // the bundled model with attention operators that take rows of different lengths
  const out = join(folder, 'tiny');
  await importModel('fixtures/bitmodel-tiny', { out });
  model = await LanguageModel.open(out, { threads: 1, batch: 8 });
  expect(model.info.batch).toBe(8);
  promptIds = model.tokenizer.encode('The people of');
});
afterAll(async () => {
  await model?.close();
  rmSync(folder, { recursive: true });
});

function recordOf(name: string, changes: Partial<JobSpec> = {}): WorkerRecord {
  const job = makeJob({ seed: hash(name), maxTokens: 12, ...changes });
  return {
    v: 1,
    id: hash(name),
    job,
    k: hash('k'),
    offer: offer(job, 'seller'),
    announce: announce(job),
  };
}

/** The model's own class has no calibration here: the stated default is the tolerance. */
function own(used: LanguageModel = model): JobModel {
  return { id: hash('model'), model: used, calibration: undefined };
}

class Desk {
  readonly events: Omit<JobEvent, 'role'>[] = [];
  readonly answering: Answering;
  #wake: () => void = () => {};

  constructor(batch: number, used: JobModel = own(), dishonesty?: Attack) {
    this.answering = new Answering({
      models: [used],
      batch,
      ...(dishonesty === undefined ? {} : { dishonesty }),
      tell: (event) => this.events.push(event),
      onChange: () => this.#wake(),
    });
  }

  async answer({ id }: WorkerRecord): Promise<Answered> {
    for (;;) {
      const answered = this.answering.take(id);
      if (answered) return answered;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  tokensOf({ id }: WorkerRecord): number {
    return this.events.filter(({ step, jobId }) => step === 'token' && jobId === id).length;
  }
}

/** The model, with other words about itself or another way to generate. */
function changed(changes: Partial<LanguageModel>): LanguageModel {
  return new Proxy(model, {
    get(target, name) {
      const value = Reflect.get({ ...changes }, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('answers made at the same time', () => {
  it('are those that each job has alone, and pass their own check', async () => {
    const records = ['a', 'b', 'c', 'd', 'e'].map((name, i) =>
      recordOf(name, { sampling: { temperatureMilli: 400 * i, topK: 0, topPMilli: 1000 } }),
    );
    const desk = new Desk(8);
    for (const record of records) desk.answering.start(record, promptIds, forever);
    for (const record of records) {
      const answered = await desk.answer(record);
      const { sampling, maxTokens, stop, seed } = record.job;
      const alone = await model.generate({
        promptIds,
        sampling,
        maxTokens,
        stop,
        seed: fromHex(seed),
      });
      expect(answered).toMatchObject({ output: { ids: alone.ids, finish: alone.finish } });
    }
    const checked = desk.events.filter(({ step }) => step === 'self-checked');
    expect(checked.map(({ detail }) => detail)).toEqual(Array(5).fill('valid'));
  });

  it('are decoded side by side: none waits for another to end', async () => {
    const [first, second] = [recordOf('a'), recordOf('b')];
    const desk = new Desk(2);
    for (const record of [first, second]) desk.answering.start(record, promptIds, forever);
    await desk.answer(first);
    await desk.answer(second);
    const drawing = desk.events.filter(({ step }) => step === 'token').map(({ jobId }) => jobId);
    expect(drawing.indexOf(second.id)).toBeLessThan(drawing.lastIndexOf(first.id));
  });

  it('have as many places as the seller says, and one comes free when an answer is drawn', async () => {
    const [first, second, third] = [recordOf('a'), recordOf('b', { maxTokens: 40 }), recordOf('c')];
    const desk = new Desk(2);
    expect(desk.answering.hasPlace(first)).toBe(true);
    desk.answering.start(first, promptIds, forever);
    desk.answering.start(second, promptIds, forever);
    expect(desk.answering.hasPlace(third)).toBe(false);
    await desk.answer(first);
    expect(desk.answering.hasPlace(third)).toBe(true);
    desk.answering.drop(second.id);
    await desk.answering.rest();
  });

  it('have one place on a graph whose runs can not be shared', () => {
    const alone = changed({ info: { ...model.info, batch: 1 } });
    const desk = new Desk(8, own(alone));
    desk.answering.start(recordOf('a'), promptIds, forever);
    expect(desk.answering.hasPlace(recordOf('b'))).toBe(false);
    desk.answering.drop(recordOf('a').id);
  });
});

describe('an answer that nobody wants any more', () => {
  it('ends at once, and the others come all the same', async () => {
    const [dropped, other] = [recordOf('a', { maxTokens: 400 }), recordOf('b')];
    const desk = new Desk(2);
    desk.answering.start(dropped, promptIds, forever);
    desk.answering.start(other, promptIds, forever);
    desk.answering.drop(dropped.id);
    expect(desk.answering.has(dropped.id)).toBe(false);
    expect(await desk.answer(other)).toMatchObject({ output: { finish: 'length' } });
    await desk.answering.rest();
    expect(desk.tokensOf(dropped)).toBeLessThan(400);
  });

  it('is waited for at the end, so that its model can be closed', async () => {
    const record = recordOf('a', { maxTokens: 400 });
    const desk = new Desk(2);
    const stop = new AbortController();
    desk.answering.start(record, promptIds, stop.signal);
    stop.abort();
    await desk.answering.rest();
    const told = desk.events.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(desk.events.length).toBe(told);
    expect(desk.answering.has(record.id)).toBe(false);
  });
});

describe('an answer that ends in an error', () => {
  it('tells it as its own, and leaves the others alone', async () => {
    const failing = recordOf('a', { maxTokens: 11 });
    const other = recordOf('b');
    const broken = changed({
      generate: async (request, options) => {
        if (request.maxTokens === 11) throw new Error('no room');
        return model.generate(request, options);
      },
    });
    const desk = new Desk(2, own(broken));
    desk.answering.start(failing, promptIds, forever);
    desk.answering.start(other, promptIds, forever);
    expect(await desk.answer(failing)).toMatchObject({ thrown: { message: 'no room' } });
    expect(await desk.answer(other)).toMatchObject({ output: { finish: 'length' } });
  });
});

describe('an answer that fails its own check', () => {
  it('gives no output, and the others theirs', async () => {
    const [wrong, right] = [recordOf('a', { maxTokens: 11 }), recordOf('b')];
    const careless = changed({
      generate: async (request, options) => {
        const made = await model.generate(request, options);
        if (request.maxTokens !== 11) return made;
        return { ...made, ids: made.ids.map((id, i) => (i === 4 ? id + 1 : id)) };
      },
    });
    const desk = new Desk(2, own(careless));
    desk.answering.start(wrong, promptIds, forever);
    desk.answering.start(right, promptIds, forever);
    expect(await desk.answer(wrong)).toEqual({ output: undefined });
    expect(await desk.answer(right)).toMatchObject({ output: { finish: 'length' } });
  });
});
