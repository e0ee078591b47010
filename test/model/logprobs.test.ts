import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  GREEDY,
  LanguageModel,
  logprobsOf,
  MOST_LOGPROBS,
  type PositionLogprobs,
} from '#src/model/index.js';

const row = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -80, max: 80 }), {
    minLength: 1,
    maxLength: 200,
  })
  .map((values) => Float32Array.from(values));

describe('log-probabilities of a position', () => {
  it('are those of the plain softmax, and sum to one', () => {
    fc.assert(
      fc.property(row, (logits) => {
        const total = Array.from(logits, (_, id) =>
          Math.exp(logprobsOf(logits, id, 0).logprob),
        ).reduce((sum, p) => sum + p, 0);
        expect(total).toBeCloseTo(1, 9);
      }),
    );
  });

  it('name the most probable tokens, best first, the smaller id first among equals', () => {
    fc.assert(
      fc.property(row, fc.integer({ min: 0, max: MOST_LOGPROBS }), (logits, count) => {
        const { top } = logprobsOf(logits, 0, count);
        const sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
        expect(top.map(({ id }) => id)).toEqual(sorted.slice(0, count));
      }),
    );
  });

  it('do not overflow where logits are large', () => {
    const { logprob } = logprobsOf(Float32Array.of(1e38, 1e38), 1, 0);
    expect(logprob).toBeCloseTo(Math.log(0.5), 12);
  });
});

describe('a run that is asked for log-probabilities', () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1 });
  });
  afterAll(() => model.close());

  it('tells them with each token, draws what it would have drawn, and they are those of a prefill', async () => {
    const request = {
      promptIds: model.tokenizer.encode('The American people'),
      sampling: { ...GREEDY, temperatureMilli: 900 },
      seed: new Uint8Array(32).fill(7),
      maxTokens: 8,
      stop: [],
    };
    const told: PositionLogprobs[] = [];
    const { ids } = await model.generate(request, {
      logprobs: 3,
      onToken: (_id, _text, _position, logprobs) => told.push(logprobs!),
    });
    expect((await model.generate(request)).ids).toEqual(ids);
    expect(told.map(({ id }) => id)).toEqual(ids);
    const from = request.promptIds.length - 1;
    const rows: Float32Array[] = [];
    await model.prefill([...request.promptIds, ...ids.slice(0, -1)], {
      from,
      onLogits: (_, logits) => {
        const { vocabularySize } = model.info;
        for (let at = 0; at < logits.length; at += vocabularySize) {
          rows.push(logits.slice(at, at + vocabularySize));
        }
      },
    });
    told.forEach((position, i) => {
      const again = logprobsOf(rows[i]!, ids[i]!, 3);
      expect(position.logprob).toBeCloseTo(again.logprob, 3);
      expect(position.top).toHaveLength(3);
    });
  });
});
