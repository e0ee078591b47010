import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import {
  ALL_ATTACKS,
  AttackBench,
  runAttackTable,
  VERIFIER_ATTACKS,
} from '#src/job/attacks/table.js';
import { type JobModel, jobModel } from '#src/job/index.js';
import { LanguageModel, modelId } from '#src/model/index.js';
import { ATTACKS } from '#src/rastic/index.js';
import { cases, LONG_TESTS, timeLimit } from '../../long.js';

const DIR = 'fixtures/bitmodel-tiny';
const TAU = 0.001;
const DRAWN = { temperatureMilli: 1000, topK: 0, topPMilli: 1000 };

let own: JobModel;
beforeAll(async () => {
  own = jobModel(await modelId(DIR), await LanguageModel.open(DIR, { threads: 1 }));
});
afterAll(() => own.model.close());

/** Cheats by which hardly a token of a short answer changes. */
const SUBTLE = new Set([
  'tolerance-band',
  'int8',
  'int8-activations',
  'int8-dynamic',
  'int8-cache',
  'int4',
  'fp16',
  'fine-tuned',
  'position-off-by-one',
  'repetition-penalty',
  'top-k-off',
  'top-p-off',
]);

const table = (seed: string, runs: number, tokens: number, only?: (name: string) => boolean) =>
  runAttackTable({ own, tau: TAU, threads: 1, runs, tokens, seed, ...(only ? { only } : {}) });

const request = (tokens: number, seed = 'request') => ({
  promptIds: own.model.tokenizer.encode('The state of the Union is'),
  sampling: DRAWN,
  seed: sha256(utf8(seed)),
  maxTokens: tokens,
  stop: [],
});

describe('every cheat', () => {
  it(
    'gets the verdict that must come of it, by the code that sells, buys and judges',
    async () => {
      const runs = cases(2, 60);
      const rows = await table('every cheat', runs, 12);
      expect(rows.map(({ name }) => name)).toEqual(ALL_ATTACKS.map(({ name }) => name));
      for (const { name, counts, firstMiss, runs: all } of rows) {
        expect(counts.missed, `${name}: ${firstMiss}`).toBe(0);
        expect(all).toBe(runs);
        if (SUBTLE.has(name)) continue;
        const known = ['speculative-lossless', 'verifiers-colluding', 'neighbours-majority'];
        const result = name === known[0] ? 'allowed' : known.includes(name) ? 'wins' : 'caught';
        // of many short answers, a few come out as the honest one
        const same = LONG_TESTS ? counts['same output'] : 0;
        expect(counts[result], name).toBe(runs - same);
      }
    },
    timeLimit(240_000),
  );

  it.each(['int8', 'fine-tuned'])(
    '%s is caught in an answer of some length, if not in a short one',
    async (name) => {
      const [row] = await table('a longer answer', 1, 300, (other) => other === name);
      expect(row!.counts.caught).toBe(1);
      expect(row!.positions).toBeGreaterThan(0);
    },
    60_000,
  );
});

describe('the table', () => {
  it('is the same for the same seed', async () => {
    const only = (name: string): boolean => ['wrong-seed', 'random-tokens'].includes(name);
    const rows = await table('a', 2, 8, only);
    expect(await table('a', 2, 8, only)).toEqual(rows);
    expect(await table('b', 2, 8, only)).not.toEqual(rows);
  });

  it('has names of its own for verifiers, too', () => {
    const names = ALL_ATTACKS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(ATTACKS.length + VERIFIER_ATTACKS.length);
  });
});

describe('one run', () => {
  it('counts an answer that is the honest one apart, and calls it neither caught nor missed', async () => {
    const bench = new AttackBench({ own, tau: TAU, threads: 1 });
    const greedy = { ...request(8), sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 } };
    expect(await bench.run('fp16', greedy)).toMatchObject({ result: 'same output', came: 'valid' });
    await bench.close();
  });

  it('lets a tolerance-band cheat pass by single margins, with tokens that are not the honest ones', async () => {
    const wide = 0.2;
    const bench = new AttackBench({ own, tau: wide, threads: 1 });
    const run = await bench.run('tolerance-band', request(120, 'band'));
    expect(run.result).toBe('within tolerance');
    await bench.close();
  });

  it('says where there is no room for it', async () => {
    const bench = new AttackBench({ own, tau: TAU, threads: 1 });
    const one = request(1);
    for (const name of ['truncate', 'early-stop', 'tamper:3', 'false-count']) {
      expect(await bench.run(name, one)).toMatchObject({ name, result: 'no room' });
    }
    await bench.close();
  });

  it('is an error for a name that is none', async () => {
    const bench = new AttackBench({ own, tau: TAU, threads: 1 });
    await expect(bench.run('bribe', request(4))).rejects.toMatchObject({ code: 'UNKNOWN_ATTACK' });
    await bench.close();
  });
});
