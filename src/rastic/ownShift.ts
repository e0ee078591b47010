import { CALIBRATION_PROMPTS, CALIBRATION_SAMPLINGS } from './calibratePlan.js';
import {
  type Answer,
  answersOf,
  type BatchSubject,
  type CalibrationRun,
  decodeAnswer,
  decodeTogether,
  eachRow,
  greatestShift,
} from './calibrateRuns.js';

/** Tokens of each answer, and the block in which it is looked at: all of it at once. */
const TOKENS = 16;
const BLOCK = 128;
/** Prose and code, greedy and sampled: four answers, or eight where several are decoded at once. */
const PROMPTS = [1, 11].map((i) => CALIBRATION_PROMPTS[i]!);
const PROMPTS_AT_ONCE = [1, 11, 5, 12].map((i) => CALIBRATION_PROMPTS[i]!);
const SAMPLINGS = CALIBRATION_SAMPLINGS.slice(0, 2);

/** The answers that are measured, each token by token, then in one run per step as far as the model does so. */
async function* runsOf(model: BatchSubject, signal: AbortSignal | undefined) {
  for (const answer of answersOf({ prompts: PROMPTS, samplings: SAMPLINGS })) {
    yield await decodeAnswer(model, answer, TOKENS, { signal });
  }
  const { batch } = model.info;
  if (batch < 2) return;
  const all: Answer[] = answersOf({ prompts: PROMPTS_AT_ONCE, samplings: SAMPLINGS });
  yield* await decodeTogether(model, all.slice(0, batch), TOKENS, { signal });
}

/**
 * How many times the shift that a machine shows against itself the tolerance has to be, for it to sell under it. Decoding and
 * prefilling at home differ by some of what two machines do; a tolerance below ten times that is one that was not measured
 * with care, or that was made to accuse. A calibration allows twenty, so a machine that rounds twice as
 * coarsely as those measured still sells.
 */
export const OWN_SHIFT_SAFETY = 10;

/**
 * The greatest difference of a logit, in units of the logits, between what this machine decodes, token by token and several
 * answers at once where the model was opened for that, and what it gives for the same positions in one prefill: the least that
 * its answers can differ from what verifiers compute. It takes some 80 steps of decoding.
 * @throws BitmodelError `BAD_LOGITS`, `BAD_CALIBRATION_PLAN`; AbortError
 */
export async function ownShift(model: BatchSubject, signal?: AbortSignal): Promise<number> {
  let greatest = 0;
  for await (const run of runsOf(model, signal)) {
    greatest = Math.max(greatest, await shiftOf(model, run, signal));
  }
  return greatest;
}

async function shiftOf(
  model: BatchSubject,
  run: CalibrationRun,
  signal: AbortSignal | undefined,
): Promise<number> {
  let greatest = 0;
  await eachRow(model, run, BLOCK, { signal }, (position, logits) => {
    greatest = Math.max(greatest, greatestShift(run.logits[position]!, logits));
  });
  return greatest;
}
