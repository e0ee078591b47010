import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BitmodelError,
  COIN,
  canonicalBytes,
  equalBytes,
  sha256,
  toHex,
  utf8,
} from '#src/base/index.js';
import { publicKeyOf, signData } from '#src/chain/index.js';
import {
  deliveryMessage,
  grantScript,
  testSetCommitment,
} from '#src/reward/contracts/assurance.js';
import { parseGrant, pledgeSpending } from '#src/reward/contracts/assuranceReads.js';
import { judgeFigure } from '#src/reward/imi/metric.js';
import {
  deliveryPayload,
  judgementPayload,
  parseDeliveryPin,
  parseJudgementPin,
  parsePledgePin,
  parseRevealPin,
  parseVotePin,
  pledgePayload,
  revealPayload,
  votePayload,
} from '#src/reward/imi/pins.js';
import { demandTask } from '#src/reward/imi/task.js';
import {
  formatMetric,
  type ImiTask,
  minimumPledge,
  parseMetric,
  parseTask,
  parseTestSet,
  pledgeScript,
  taskId,
  taskPayload,
  taskTerms,
} from '#src/reward/index.js';
import { keyOf } from '../../job/contracts/setup.js';
import { cases } from '../../long.js';

const key = (name: string): Uint8Array => publicKeyOf(keyOf(name));
const TESTS = '{"text":"Call me Ishmael."}';
const SALT = keyOf('salt');
const byBackers: ImiTask = {
  title: 'A model that rhymes',
  description: 'Sonnets.\nMore than one.',
  creator: key('creator'),
  goal: 100n * COIN,
  deadline: 5_000,
  acceptance: { by: 'backers', window: 30 },
};
const byJudges: ImiTask = {
  ...byBackers,
  acceptance: {
    by: 'judges',
    judges: ['ann', 'ben', 'cy'].map(key),
    threshold: 2,
    testSet: testSetCommitment(SALT, sha256(utf8(TESTS))),
    metric: { kind: 'perplexity', limit: 12_500 },
  },
};
const fieldsOf = (task: ImiTask): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(taskPayload(task))) as Record<string, unknown>;
const payload = (json: unknown): Uint8Array => canonicalBytes(json as Record<string, string>);

describe('the pin of a task', () => {
  it.each([
    ['backers', byBackers],
    ['judges', byJudges],
  ])('says all that %s accept it by, and its hash is what pledges are locked to', (_, task) => {
    expect(parseTask(taskPayload(task))).toEqual(task);
    expect(() => demandTask(task)).not.toThrow();
    const terms = taskTerms(task, keyOf('genesis'));
    expect(terms.task).toEqual(sha256(taskPayload(task)));
    const script = pledgeScript(terms, key('backer'));
    for (const change of [{ title: 'Another' }, { description: 'x' }, { deadline: 5_001 }]) {
      const other = { ...task, ...change };
      expect(equalBytes(taskId(other), taskId(task))).toBe(false);
      expect(
        equalBytes(pledgeScript(taskTerms(other, keyOf('genesis')), key('backer')), script),
      ).toBe(false);
    }
  });

  const judges = fieldsOf(byJudges).acceptance as Record<string, unknown>;
  const keys = judges.judges as string[];
  const wrong: [string, Record<string, unknown>][] = [
    ['a goal of nothing', { goal: '0.00000000' }],
    ['a goal that is not written with eight places', { goal: '1' }],
    ['a deadline at the first block', { deadline: 0 }],
    ['no title', { title: '' }],
    ['a title that a terminal would obey', { title: '\u001b[2J' }],
    ['a long description', { description: 'x'.repeat(16_001) }],
    ['a creator that is no key', { creator: '00'.repeat(33) }],
    ['another version', { v: 2 }],
    ['a field more', { extra: 1 }],
    ['no window', { acceptance: { by: 'backers', window: 0 } }],
    ['a judge twice', { acceptance: { ...judges, judges: [keys[0], keys[0], keys[1]] } }],
    [
      'a judge that is no point',
      { acceptance: { ...judges, judges: [`02${'ff'.repeat(32)}`], threshold: 1 } },
    ],
    ['a threshold of half', { acceptance: { ...judges, judges: keys.slice(0, 2), threshold: 1 } }],
    ['a threshold above all', { acceptance: { ...judges, threshold: 4 } }],
    [
      'a metric that is met by all',
      { acceptance: { ...judges, metric: { kind: 'perplexity', limit: 0 } } },
    ],
    [
      'more than all answers',
      { acceptance: { ...judges, metric: { kind: 'exact-match', limit: 100_001 } } },
    ],
  ];
  it.each(wrong)('is not read with %s', (name, change) => {
    // the creator signs, so it need not be a point for the contract; but it must look like a key
    if (name.startsWith('a creator')) {
      expect(parseTask(payload({ ...fieldsOf(byJudges), creator: 'zz' }))).toBeUndefined();
      return;
    }
    expect(parseTask(payload({ ...fieldsOf(byJudges), ...change }))).toBeUndefined();
  });

  it('is read in one form only: what says the same in other bytes is another task, and none', () => {
    const text = new TextDecoder().decode(taskPayload(byBackers));
    expect(parseTask(utf8(`${text} `))).toBeUndefined();
    expect(parseTask(utf8(text.replace(':', ': ')))).toBeUndefined();
  });
});

describe('the least pledge that counts', () => {
  it('is a 500th of the goal, so that 500 such always reach it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 17n }), (goal) => {
        const least = minimumPledge({ goal });
        expect(500n * least >= goal && least >= 10_000n).toBe(true);
        expect(least === 10_000n || 500n * (least - 1n) < goal).toBe(true);
      }),
    );
  });
});

describe('a metric', () => {
  it.each(['perplexity<=12.5', 'perplexity<=1', 'exact-match>=80%', 'exact-match>=0.125%'])(
    'is written as %s',
    (text) => expect(formatMetric(parseMetric(text))).toBe(text),
  );
  it.each([
    '',
    'perplexity<=0.5',
    'perplexity>=3',
    'exact-match>=80',
    'exact-match>=101%',
    'perplexity<=1.2345',
    'perplexity<=5%',
    'bleu>=3%',
  ])('is not %s', (text) =>
    expect(() => parseMetric(text)).toThrow(expect.objectContaining({ code: 'BAD_METRIC' })),
  );
  it('is judged by both bounds, so that no two machines see two sides of the limit', () => {
    const most = { kind: 'perplexity', limit: 12_500 } as const;
    const least = { kind: 'exact-match', limit: 80_000 } as const;
    const figure = (low: number, high: number) => ({ value: low, low, high });
    expect(judgeFigure(most, figure(12_400, 12_500))).toBe('passes');
    expect(judgeFigure(most, figure(12_499, 12_501))).toBe('unclear');
    expect(judgeFigure(most, figure(12_501, 12_600))).toBe('fails');
    expect(judgeFigure(least, figure(80_000, 90_000))).toBe('passes');
    expect(judgeFigure(least, figure(79_999, 80_000))).toBe('unclear');
    expect(judgeFigure(least, figure(70_000, 79_999))).toBe('fails');
  });
});

describe('a test set', () => {
  const metric = { kind: 'exact-match' } as const;
  it('is JSON lines', () => {
    const text = '{"prompt":"1+1=","answer":"2"}\n\n{"prompt":"2+2=","answer":"4"}\n';
    expect(parseTestSet(text, metric).items).toHaveLength(2);
    expect(parseTestSet(TESTS, { kind: 'perplexity' }).items).toEqual([
      { text: 'Call me Ishmael.' },
    ]);
  });
  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['a question without an answer', '{"prompt":"1+1="}'],
    ['an answer of spaces', '{"prompt":"1+1=","answer":" "}'],
    ['a field more', '{"prompt":"1+1=","answer":"2","hint":"3"}'],
    ['a list', '[]'],
    ['too many bytes', `{"prompt":"1","answer":"${'2'.repeat(300_000)}"}`],
    ['too many items', '{"prompt":"1","answer":"2"}\n'.repeat(2_001)],
  ])('is not %s', (_, text) => {
    expect(() => parseTestSet(text, metric)).toThrow(
      expect.objectContaining({ code: 'BAD_TEST_SET' }),
    );
  });

  it('says which field of which line is wrong', () => {
    const why = (text: string): string => {
      try {
        parseTestSet(text, metric);
      } catch (thrown) {
        return (thrown as Error).message;
      }
      return '';
    };
    expect(why('{"prompt":"1+1=","answer":"2"}\n{"prompt":"1+1="}')).toBe(
      'This is no test set: line 2 lacks a text "answer", or has an empty or too long one.',
    );
    expect(why('{"prompt":"1","answer":"2","hint":"3"}')).toBe(
      'This is no test set: line 1 has a field "hint" that means nothing here.',
    );
    expect(why('[]')).toBe('This is no test set: line 1 is no JSON object.');
  });
});

describe('what is pinned about a task', () => {
  const terms = taskTerms(byJudges, keyOf('genesis'));
  const { task } = terms;
  const delivery = { delivery: keyOf('bundle'), payee: key('developer') };
  const signature = signData(deliveryMessage(terms, delivery), keyOf('ann'));
  const signed = { ...delivery, signer: key('ann'), signature };
  const reveal = { salt: SALT, testSet: TESTS, upTo: 7 };
  const parsers: [string, Uint8Array, unknown, (bytes: Uint8Array) => unknown][] = [
    ['a pledge', pledgePayload(task, 2), 2, (bytes) => parsePledgePin(task, bytes)],
    [
      'a delivery',
      deliveryPayload(task, delivery),
      delivery,
      (bytes) => parseDeliveryPin(task, bytes),
    ],
    ['a vote', votePayload(task, signed), signed, (bytes) => parseVotePin(terms, bytes)],
    [
      'a judgement',
      judgementPayload(task, { ...signed, figure: 9 }),
      { ...signed, figure: 9 },
      (bytes) => parseJudgementPin(terms, bytes),
    ],
    [
      'a reveal',
      revealPayload(terms, reveal, keyOf('creator')),
      reveal,
      (bytes) => parseRevealPin(terms, byJudges.creator, bytes),
    ],
    ['a task', taskPayload(byJudges), byJudges, parseTask],
  ];

  it.each(parsers)(
    '%s is read as it was written, and about no other task',
    (name, bytes, value, parse) => {
      expect(parse(bytes)).toEqual(value);
      const json = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
      expect(parse(payload({ ...json, extra: 1 }))).toBeUndefined();
      if (name !== 'a task') {
        expect(parse(payload({ ...json, task: toHex(keyOf('other')) }))).toBeUndefined();
      }
    },
  );

  it.each(parsers)(
    '%s is nothing else than what was written, whatever bytes stand there',
    (_, bytes, value, parse) => {
      const mutated = fc
        .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
        .map((changes) => {
          const copy = bytes.slice();
          for (const [index, byte] of changes) copy[index] = byte;
          return copy;
        });
      const anything = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        mutated,
        fc.nat(bytes.length).map((end) => bytes.slice(0, end)),
        fc.json().map(utf8),
      );
      fc.assert(
        fc.property(anything, (given) => {
          const parsed = parse(given);
          // signatures and hashes cover all but numbers and names
          if (parsed !== undefined && equalBytes(given, bytes)) expect(parsed).toEqual(value);
        }),
        { numRuns: cases(20_000, 1_000_000) },
      );
    },
  );

  it('and what spent it are read from any script without an error', () => {
    const acceptance = { by: 'backers', window: 30 } as const;
    const made = grantScript(acceptance, key('ann'), delivery);
    expect(parseGrant(acceptance, { lockingScript: made })).toEqual({
      backer: key('ann'),
      ...delivery,
    });
    expect(parseGrant({ ...acceptance, window: 31 }, { lockingScript: made })).toBeUndefined();
    const token = { category: keyOf('token'), amount: 1n };
    expect(parseGrant(acceptance, { lockingScript: made, token })).toBeUndefined();
    const scripts = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(made.length).map((end) => made.slice(0, end)),
    );
    const input = (unlockingScript: Uint8Array) => ({
      outpoint: { hash: new Uint8Array(32), index: 0 },
      unlockingScript,
      sequence: 0,
    });
    fc.assert(
      fc.property(scripts, scripts, (lockingScript, unlockingScript) => {
        const grant = parseGrant(acceptance, { lockingScript });
        if (grant) expect(grantScript(acceptance, grant.backer, grant)).toEqual(lockingScript);
        const transaction = {
          ...{ version: 10, lockTime: 0, jobId: new Uint8Array(32) },
          inputs: [input(unlockingScript)],
          outputs: [{ value: 1n, lockingScript }],
        };
        pledgeSpending(terms, transaction, 0);
        pledgeSpending(taskTerms(byBackers, keyOf('genesis')), transaction, 0);
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });

  it('never ends in another error than one of ours', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        for (const read of [
          () => parseTestSet(text, { kind: 'perplexity' }),
          () => parseMetric(text),
        ]) {
          try {
            read();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
