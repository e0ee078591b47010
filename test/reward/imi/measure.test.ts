import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GREEDY, LanguageModel } from '#src/model/index.js';
import {
  type MeasuredModel,
  measureDelivery,
  parseMetric,
  parseTestSet,
} from '#src/reward/index.js';

const FIXTURE = resolve(import.meta.dirname, '../../../fixtures/bitmodel-tiny');
const PASSAGES = [
  'The constitution of the United States gives the Congress power to raise and support armies.',
  'Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about.',
];
let model: LanguageModel;
beforeAll(async () => {
  model = await LanguageModel.open(FIXTURE, { threads: 1 });
});
afterAll(() => model.close());

const lines = (...items: object[]): string => items.map((item) => JSON.stringify(item)).join('\n');
const measure = (of: MeasuredModel, text: string, rule: string) => {
  const metric = parseMetric(rule);
  return measureDelivery(of, parseTestSet(text, metric), metric);
};
/** The model with some of its behaviour replaced: a cheat's. */
const cheating = (change: Partial<MeasuredModel>): MeasuredModel => ({
  info: model.info,
  tokenizer: model.tokenizer,
  prefill: (ids, options) => model.prefill(ids, options),
  generate: (request, options) => model.generate(request, options),
  text: (ids) => model.text(ids),
  ...change,
});

describe('perplexity', () => {
  const text = lines(...PASSAGES.map((passage) => ({ text: passage })));

  it('is e to the mean surprise per word, as computed token by token from the model', async () => {
    let surprises = 0;
    for (const passage of PASSAGES) {
      const ids = [model.info.endIds[0]!, ...model.tokenizer.encode(passage)];
      const session = await model.session();
      for (const [index, id] of ids.slice(0, -1).entries()) {
        const row = await session.feed([id]);
        const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
        surprises += Math.log(sum) - row[ids[index + 1]!]!;
      }
      await session.close();
    }
    const words = PASSAGES.join(' ').split(' ').length;
    const measured = await measure(model, text, 'perplexity<=1000000'.replace('1000000', '999999'));
    const expected = Math.exp(surprises / words) * 1000;
    expect(Math.abs(measured.figure.value - expected)).toBeLessThan(expected * 1e-4);
    expect(measured).toMatchObject({ verdict: 'passes', items: 2, tau: 0.01 });
    const { low, value, high } = measured.figure;
    expect(low < value && value < high && high < 1.1 * value).toBe(true);
  });

  it('is unclear where the limit lies within what another machine could see', async () => {
    const { figure } = await measure(model, text, 'perplexity<=5');
    const at = (limit: number) => measure(model, text, `perplexity<=${(limit / 1000).toFixed(3)}`);
    expect((await at(figure.value)).verdict).toBe('unclear');
    expect((await at(figure.high)).verdict).toBe('passes');
    expect((await at(figure.low - 1)).verdict).toBe('fails');
  });

  it('is given no words beforehand but those of a prompt', async () => {
    const [first] = PASSAGES;
    const [head, tail] = [first!.slice(0, 40), first!.slice(40)];
    const alone = await measure(model, lines({ text: tail }), 'perplexity<=5');
    const led = await measure(model, lines({ prompt: head, text: tail }), 'perplexity<=5');
    expect(led.figure.value).toBeLessThan(alone.figure.value);
  });

  it('is computed as in generating: a graph is never shown the words it has to foretell', async () => {
    const fed: number[] = [];
    const watched = cheating({
      prefill: (ids, options) => {
        fed.push(options.stepFrom!);
        expect(options.from).toBe(options.stepFrom! - 1);
        return model.prefill(ids, options);
      },
    });
    await measure(watched, text, 'perplexity<=5');
    expect(fed).toEqual([1, 1]);
  });

  it('is not measured with a tokenizer that makes many texts one', async () => {
    const { tokenizer } = model;
    const lossy = {
      ...tokenizer,
      encode: () => [7],
      decode: (ids: readonly number[]) => tokenizer.decode(ids),
    };
    await expect(measure(cheating({ tokenizer: lossy }), text, 'perplexity<=5')).rejects.toThrow(
      expect.objectContaining({ code: 'LOSSY_TOKENIZER' }),
    );
  });

  it('of logits that are no numbers fails', async () => {
    const broken = cheating({
      prefill: (ids, options) =>
        model.prefill(ids, {
          ...options,
          onLogits: (first, logits, positions) =>
            options.onLogits(first, logits.fill(Number.NaN), positions),
        }),
    });
    expect((await measure(broken, text, 'perplexity<=999999')).verdict).toBe('fails');
  });
});

describe('exact match', () => {
  it('counts what is answered to the letter, greedily, and says what another machine could see', async () => {
    // how the addresses of presidents begin: it writes one line and ends it
    const prompt = 'I am,\n\nSir,\n\n';
    const { text, finish } = await model.generate({
      promptIds: model.tokenizer.encode(prompt),
      sampling: GREEDY,
      seed: new Uint8Array(32),
      maxTokens: 200,
      stop: ['\n'],
    });
    expect(finish).toBe('stop');
    const asked = lines({ prompt, answer: text.trim() }, { prompt, answer: 'Kingdom' });
    const measured = await measure(model, asked, 'exact-match>=50%');
    expect(measured.figure.value).toBe(50_000);
    const { low, high } = measured.figure;
    expect(low <= 50_000 && high >= 50_000).toBe(true);
    expect(measured.verdict).toBe(low === 50_000 ? 'passes' : 'unclear');
  });

  it('of an answer that hangs on less than the tolerance is unclear', async () => {
    const tied = cheating({
      generate: async (request, options) => {
        options?.onLogits?.(0, Float32Array.of(1, 1.005, 0));
        const generation = {
          ids: [1],
          text: ' yes\n',
          finish: 'stop',
          promptSeconds: 0,
          decodeSeconds: 0,
        };
        return { ...generation, finish: 'stop', ids: request.promptIds.slice(0, 1) };
      },
    });
    const asked = lines({ prompt: 'Is it?', answer: 'yes' });
    const measured = await measure(tied, asked, 'exact-match>=100%');
    expect(measured).toMatchObject({
      verdict: 'unclear',
      figure: { value: 100_000, low: 0, high: 100_000 },
    });
  });
});
