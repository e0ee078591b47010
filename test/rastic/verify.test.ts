import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  argmax,
  type GenerateRequest,
  GREEDY,
  gumbelNoise,
  LanguageModel,
  type Sampling,
} from '#src/model/index.js';
import {
  checkPosition,
  DEFAULT_TAU,
  describeVerdict,
  type LogitsSource,
  type OutputClaim,
  verifyOutput,
} from '#src/rastic/index.js';

const TAU = 0.001;
const PROMPTS = [
  'The state of the Union is',
  'Call me',
  'Congress',
  'The whale rose, and the captain cried out to all hands that they should',
];
const SAMPLINGS: readonly Sampling[] = [
  GREEDY,
  { temperatureMilli: 800, topK: 0, topPMilli: 1000 },
  { temperatureMilli: 1300, topK: 40, topPMilli: 1000 },
  { temperatureMilli: 1000, topK: 0, topPMilli: 900 },
  { temperatureMilli: 700, topK: 20, topPMilli: 500 },
];

/** The seller's machine and the verifier's: the same model, run by different numbers of threads. */
let seller: LanguageModel;
let verifier: LanguageModel;
beforeAll(async () => {
  seller = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 2 });
  verifier = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1 });
});
afterAll(async () => {
  await seller.close();
  await verifier.close();
});

function request(changes: Partial<GenerateRequest> = {}): GenerateRequest {
  const promptIds = seller.tokenizer.encode(PROMPTS[0]!);
  return {
    promptIds,
    sampling: GREEDY,
    seed: new Uint8Array(32),
    maxTokens: 16,
    stop: [],
    ...changes,
  };
}

async function honest(changes: Partial<GenerateRequest> = {}): Promise<OutputClaim> {
  const asked = request(changes);
  const { ids, finish } = await seller.generate(asked);
  return { ...asked, outputIds: ids, finish };
}

const verify = (claim: OutputClaim, tau = TAU) => verifyOutput(verifier, claim, { tau });
const verdictOf = async (claim: OutputClaim) => (await verify(claim)).verdict;

const requests = fc
  .record({
    prompt: fc.constantFrom(...PROMPTS),
    sampling: fc.constantFrom(...SAMPLINGS),
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    maxTokens: fc.integer({ min: 1, max: 40 }),
    stop: fc.constantFrom<readonly string[]>([], [' the'], ['.', 'ship']),
  })
  .map(({ prompt, ...rest }) => ({ ...rest, promptIds: () => seller.tokenizer.encode(prompt) }));

describe('an honest answer', () => {
  it('is valid, whatever the prompt, sampling, seed, length and stop', async () => {
    await fc.assert(
      fc.asyncProperty(requests, async ({ promptIds, ...rest }) => {
        const claim = await honest({ ...rest, promptIds: promptIds() });
        const verification = await verify(claim);
        expect(verification.verdict).toEqual({ result: 'valid' });
        expect(verification.positions).toBe(claim.outputIds.length);
        expect(verification.greatestMargin).toBeLessThanOrEqual(TAU);
      }),
      { numRuns: 60 },
    );
  });

  it('is valid over several blocks of the prefill, up to a full context', async () => {
    const promptIds = seller.tokenizer.encode(PROMPTS[3]!.repeat(12));
    const sampling = SAMPLINGS[1]!;
    const claim = await honest({ promptIds, sampling, maxTokens: 1000 });
    expect(promptIds.length + claim.outputIds.length).toBeGreaterThan(256);
    const progress: number[] = [];
    const { verdict } = await verifyOutput(verifier, claim, {
      tau: TAU,
      onProgress: (checked) => progress.push(checked),
    });
    expect(verdict).toEqual({ result: 'valid' });
    expect(progress.at(-1)).toBe(claim.outputIds.length);
    expect(progress.length).toBeGreaterThan(1);
  });
});

describe('one changed token', () => {
  it('is named at exactly its position where its margin is above the tolerance', async () => {
    const change = fc.record({ at: fc.nat(15), token: fc.integer({ min: 1, max: 2047 }) });
    await fc.assert(
      fc.asyncProperty(requests, change, async ({ promptIds, ...rest }, { at, token }) => {
        const claim = await honest({ ...rest, promptIds: promptIds(), maxTokens: 16, stop: [] });
        fc.pre(at < claim.outputIds.length && token !== claim.outputIds[at]);
        const session = await verifier.session();
        const logits = await session.feed([...claim.promptIds, ...claim.outputIds.slice(0, at)]);
        await session.close();
        const noise = gumbelNoise(claim.seed);
        const check = checkPosition(logits, token, at, claim.sampling, noise, 2 * TAU);
        fc.pre(check.kind === 'excluded' || (check.kind === 'margin' && check.margin > 2 * TAU));
        const outputIds = claim.outputIds.with(at, token);
        const kind = check.kind === 'excluded' ? 'sampling' : at === 0 ? 'continuity' : 'integrity';
        expect(await verdictOf({ ...claim, outputIds })).toMatchObject({
          result: 'invalid',
          kind,
          position: at,
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('an answer to another question', () => {
  it('is caught: wrong seed, other sampling, other prompt', async () => {
    const claim = await honest({ sampling: SAMPLINGS[1]!, maxTokens: 32 });
    const others: Partial<OutputClaim>[] = [
      { seed: new Uint8Array(32).fill(1) },
      { sampling: GREEDY },
      { promptIds: seller.tokenizer.encode('Call me Ishmael. The') },
    ];
    for (const other of others) {
      expect(await verdictOf({ ...claim, ...other })).toMatchObject({ result: 'invalid' });
    }
  });
});

describe('the end of an answer', () => {
  it('that comes too early is truncation at the first missing token', async () => {
    const claim = await honest();
    for (const finish of ['eos', 'stop', 'length'] as const) {
      for (const length of [0, 1, 7, 15]) {
        const cut = { ...claim, finish, outputIds: claim.outputIds.slice(0, length) };
        expect(await verdictOf(cut)).toEqual({
          result: 'invalid',
          kind: 'truncation',
          position: length,
        });
      }
    }
  });

  it('with a false reason is truncation at the last token', async () => {
    const claim = await honest();
    expect(claim.finish).toBe('length');
    expect(await verdictOf({ ...claim, finish: 'eos' })).toEqual({
      result: 'invalid',
      kind: 'truncation',
      position: 15,
    });
  });

  it('that goes past the most tokens is count there', async () => {
    const claim = await honest({ maxTokens: 12 });
    expect(await verdictOf({ ...claim, maxTokens: 8 })).toEqual({
      result: 'invalid',
      kind: 'count',
      position: 8,
    });
  });

  it('that goes past a stop text is count at the first token too many', async () => {
    const claim = await honest({ maxTokens: 24 });
    const stopped = await honest({ maxTokens: 24, stop: [' people'] });
    expect(stopped.finish).toBe('stop');
    expect(await verdictOf(stopped)).toEqual({ result: 'valid' });
    expect(await verdictOf({ ...claim, stop: [' people'] })).toEqual({
      result: 'invalid',
      kind: 'count',
      position: stopped.outputIds.length,
    });
  });

  it('made up of an end token is a token like any other', async () => {
    const claim = await honest();
    const outputIds = [...claim.outputIds.slice(0, 6), verifier.info.endIds[0]!];
    expect(await verdictOf({ ...claim, outputIds, finish: 'eos' })).toMatchObject({
      result: 'invalid',
      kind: 'integrity',
      position: 6,
    });
  });
});

describe('what is no answer', () => {
  it('is format at the first id outside the vocabulary, and never throws', async () => {
    const claim = await honest();
    for (const id of [2048, -1, 1.5, Number.NaN, 2 ** 40]) {
      expect(await verdictOf({ ...claim, outputIds: claim.outputIds.with(3, id) })).toEqual({
        result: 'invalid',
        kind: 'format',
        position: 3,
      });
    }
  });

  it("leaves nothing to say where the prompt cannot be the model's", async () => {
    const claim = await honest();
    for (const promptIds of [[], [5000], new Array<number>(512).fill(1)]) {
      expect(await verdictOf({ ...claim, promptIds })).toMatchObject({ result: 'abstain' });
    }
  });

  it('leaves nothing to say where a logit is not finite', async () => {
    const claim = await honest();
    const broken: LogitsSource = {
      info: verifier.info,
      tokenizer: verifier.tokenizer,
      prefill: (ids, options) =>
        verifier.prefill(ids, {
          ...options,
          onLogits: (first, logits) => {
            logits[5 * 2048 + 17] = Number.NaN;
            return options.onLogits(first, logits);
          },
        }),
    };
    expect((await verifyOutput(broken, claim, { tau: TAU })).verdict).toEqual({
      result: 'abstain',
      reason: 'the model gives no number at position 5',
    });
  });
});

describe('a verification', () => {
  it('reports each position with its token, the best one and the margin', async () => {
    const claim = await honest();
    const { rows, seconds } = await verify(claim, DEFAULT_TAU);
    expect(rows.map(({ token }) => token)).toEqual([...claim.outputIds]);
    expect(rows.every(({ token, best }) => token === best)).toBe(true);
    expect(seconds).toBeGreaterThan(0);
    const session = await verifier.session();
    expect(argmax(await session.feed(claim.promptIds))).toBe(claim.outputIds[0]);
    await session.close();
  });

  it('ends when it is aborted', async () => {
    const claim = await honest();
    const aborted = verifyOutput(verifier, claim, { tau: TAU, signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('is told in one line', () => {
    expect(describeVerdict({ result: 'valid' })).toBe('valid');
    expect(
      describeVerdict({ result: 'invalid', kind: 'integrity', position: 5, margin: 3.2149 }),
    ).toMatch(/^invalid: integrity at position 5 \(.*margin 3\.21\)$/);
    expect(describeVerdict({ result: 'abstain', reason: 'no model' })).toBe('abstained: no model');
  });
});
