import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { sealAnswer } from '#src/job/answer.js';
import { type Finding, rejudge } from '#src/job/cases/rejudge.js';
import { encodeCommitment } from '#src/job/contracts/commitment.js';
import {
  calibrationName,
  type JobModel,
  type JobSpec,
  jobIdOf,
  jobModel,
  promptHashOf,
} from '#src/job/index.js';
import { hashField } from '#src/job/spec.js';
import { LanguageModel, modelId } from '#src/model/index.js';
import { attackNamed, verifyOutput } from '#src/rastic/index.js';
import { makeJob } from '../make.js';

const TINY = 'fixtures/bitmodel-tiny';
const salt = new Uint8Array(32).fill(1);
const k = new Uint8Array(32).fill(2);
const STRICT = 0.01;

let own: JobModel;
let promptIds: number[];
let honest: readonly number[];
let tampered: readonly number[];
/** By how much the tampered token misses. */
let margin: number;

beforeAll(async () => {
  const model = await LanguageModel.open(TINY, { file: 'onnx/model.onnx', threads: 1 });
  own = jobModel(await modelId(TINY), model);
  promptIds = [...model.tokenizer.encode('The people of')];
  const request = requestOf(jobWith(own));
  honest = (await model.generate(request)).ids;
  const openVariant = (graph: Uint8Array) => LanguageModel.open(TINY, { graph });
  const attack = attackNamed('tamper:3');
  tampered = (await attack.run({ model, request, tau: STRICT, openVariant })).ids;
  const claim = { ...request, outputIds: tampered, finish: 'length' as const };
  const { verdict } = await verifyOutput(model, claim, { tau: STRICT });
  margin = verdict.result === 'invalid' ? verdict.margin! : Number.NaN;
  expect(margin).toBeGreaterThan(0);
});
afterAll(() => own.model.close());

function jobWith(model: JobModel): JobSpec {
  return makeJob({
    model: model.id,
    classes: [model.model.info.numericClass],
    calibration: calibrationName(model),
    promptHash: toHex(promptHashOf(salt, promptIds)),
    inputTokens: promptIds.length,
    maxTokens: 12,
    verifiers: { registry: 'ab'.repeat(32), size: 9, count: 3, drawHash: 'cd'.repeat(32) },
  });
}

function requestOf(job: JobSpec) {
  const { sampling, maxTokens, stop } = job;
  return { promptIds, sampling, maxTokens, stop, seed: hashField(job, 'seed') };
}

/** A numeric class of other machines. */
const FAR = 'fp16/0/cuda';
const here = (): string => own.model.info.numericClass;

/** The same model with other tolerances: seller's class, verifier's class, τ. */
function calibrated(tolerances: readonly (readonly [string, string, number])[]): JobModel {
  const [known] = own.calibration!.pairs;
  const pairs = tolerances.map(([seller, verifier, tau]) => ({
    ...known!,
    seller,
    verifier,
    tauMicro: Math.round(tau * 1e6),
  }));
  return { ...own, calibration: { ...own.calibration!, pairs } };
}

/** The same model with another tolerance between machines of its class. */
const tolerating = (tau: number): JobModel => calibrated([[here(), here(), tau]]);

/** What a member finds of a verdict about these tokens. */
function find(
  verdict: 'valid' | 'invalid',
  ids: readonly number[],
  {
    model = own,
    said = { kind: 'integrity' } as { readonly kind?: string } | undefined,
    classes = [here()],
    count = ids.length,
    shown = ids,
  } = {},
): Promise<Finding> {
  const job = { ...jobWith(model), classes };
  const output = { ids, finish: 'length' as const };
  const { commitment } = sealAnswer(jobIdOf(job), fromHex(job.client), k, output);
  const encoded = encodeCommitment({ ...commitment, count });
  const claim = { job, state: { k }, commitment: encoded, verdict, said };
  return rejudge(claim, [{ salt, promptIds, outputIds: shown }], [model]);
}

describe('a verdict that is judged again', () => {
  it('was wrong where it says valid of a false answer, and invalid of a good one', async () => {
    const model = tolerating(margin / 3);
    expect(await find('valid', tampered, { model })).toEqual({
      finding: 'wrong',
      reason: 'it said valid: integrity at position 3',
    });
    expect(await find('invalid', honest)).toMatchObject({ finding: 'wrong' });
  });

  it('was right where it says valid of a good answer, and invalid of a false one', async () => {
    expect(await find('valid', honest)).toMatchObject({ finding: 'right' });
    expect(await find('invalid', tampered, { model: tolerating(margin / 3) })).toMatchObject({
      finding: 'right',
    });
  });

  it('was not wrong by less than twice the tolerance, nor by more than half of it', async () => {
    const beyondOnce = tolerating(margin / 1.5);
    expect(await find('valid', tampered, { model: beyondOnce })).toMatchObject({
      finding: 'right',
    });
    const within = tolerating(margin * 1.5);
    expect(await find('invalid', tampered, { model: within })).toMatchObject({ finding: 'right' });
  });

  it('was wrong where it says valid of another number of tokens than was paid', async () => {
    expect(await find('valid', honest, { count: 3 })).toMatchObject({ finding: 'wrong' });
    expect(await find('invalid', honest, { count: 3, said: { kind: 'count' } })).toMatchObject({
      finding: 'right',
    });
  });

  it('can’t be judged where it may have been about what was shown in time, or by made-up evidence', async () => {
    for (const kind of ['undelivered', 'format', 'substitution']) {
      expect(await find('invalid', honest, { said: { kind } })).toMatchObject({
        finding: 'abstain',
      });
    }
    const lie = [...honest].reverse();
    expect(await find('valid', honest, { shown: lie })).toMatchObject({ finding: 'abstain' });
  });

  it('can’t be judged as invalid where nobody shows what it said', async () => {
    const { numericClass } = own.model.info;
    const job = { ...jobWith(own), classes: [numericClass] };
    const output = { ids: honest, finish: 'length' as const };
    const { commitment } = sealAnswer(jobIdOf(job), fromHex(job.client), k, output);
    const encoded = encodeCommitment(commitment);
    const claim = { job, state: { k }, commitment: encoded, verdict: 'invalid' as const };
    const evidence = [{ salt, promptIds, outputIds: honest }];
    expect(await rejudge({ ...claim, said: undefined }, evidence, [own])).toMatchObject({
      finding: 'abstain',
    });
    expect(await rejudge({ ...claim, said: {} }, evidence, [own])).toMatchObject({
      finding: 'wrong',
    });
  });

  it('was wrong where it calls a good answer false for a reason that no verifier can have', async () => {
    for (const kind of ['prompt', 'because', '']) {
      expect(await find('invalid', honest, { said: { kind } })).toMatchObject({ finding: 'wrong' });
      const model = tolerating(margin / 3);
      expect(await find('invalid', tampered, { model, said: { kind } })).toMatchObject({
        finding: 'right',
      });
    }
  });

  it('was not wrong within the tolerance of any verifier’s class, whatever classes the job names', async () => {
    const model = calibrated([
      [here(), here(), margin / 10],
      [here(), FAR, margin],
    ]);
    // a verifier of the far class said valid of what misses by less than its tolerance
    expect(await find('valid', tampered, { model })).toMatchObject({ finding: 'right' });
    const near = calibrated([
      [here(), here(), margin / 10],
      [here(), FAR, margin / 10],
    ]);
    expect(await find('valid', tampered, { model: near })).toMatchObject({ finding: 'wrong' });
  });

  it('can’t be judged as invalid by a verifier whose own numbers lie farther away', async () => {
    const model = calibrated([
      [here(), here(), margin],
      [here(), FAR, margin / 10],
    ]);
    expect(await find('invalid', honest, { model })).toMatchObject({ finding: 'abstain' });
    const nearer = calibrated([
      [here(), here(), margin / 10],
      [here(), FAR, margin],
    ]);
    expect(await find('invalid', honest, { model: nearer })).toMatchObject({ finding: 'wrong' });
  });

  it('can’t be judged by a verifier that was not measured with each class of the job', async () => {
    const model = calibrated([
      [here(), here(), margin / 10],
      [FAR, FAR, margin / 10],
    ]);
    const classes = [here(), FAR];
    expect(await find('valid', tampered, { model, classes })).toMatchObject({ finding: 'abstain' });
    expect(await find('valid', tampered, { model })).toMatchObject({ finding: 'wrong' });
  });

  it('can’t be judged without the model, or without its calibration', async () => {
    const bare = { ...own, calibration: undefined };
    expect(await find('valid', tampered, { model: bare })).toMatchObject({ finding: 'abstain' });
    const job = jobWith(own);
    const { commitment } = sealAnswer(jobIdOf(job), fromHex(job.client), k, {
      ids: honest,
      finish: 'length',
    });
    const claim = {
      job,
      state: { k },
      commitment: encodeCommitment(commitment),
      verdict: 'valid' as const,
      said: undefined,
    };
    const evidence = [{ salt, promptIds, outputIds: honest }];
    expect(await rejudge(claim, evidence, [])).toMatchObject({ finding: 'abstain' });
  });
});
