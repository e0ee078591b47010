import { CALIBRATION_PROMPTS, CALIBRATION_SAMPLINGS } from './calibratePlan.js';
import {
  answersOf,
  type CalibrationSubject,
  decodeAnswer,
  eachRow,
  greatestShift,
} from './calibrateRuns.js';

/** Tokens of each answer, and the block in which it is looked at: all of it at once. */
const TOKENS = 16;
const BLOCK = 128;
/** Prose and code, greedy and sampled: four answers. */
const PROMPTS = [CALIBRATION_PROMPTS[1]!, CALIBRATION_PROMPTS[11]!];
const SAMPLINGS = CALIBRATION_SAMPLINGS.slice(0, 2);

/**
 * How many times the shift that a machine shows against itself the tolerance has to be, for it to sell under it. Decoding and
 * prefilling at home differ by some of what two machines do; a tolerance below ten times that is one that was not measured
 * with care, or that was made to accuse. A calibration allows twenty, so a machine that rounds twice as
 * coarsely as those measured still sells.
 */
export const OWN_SHIFT_SAFETY = 10;

/**
 * The greatest difference of a logit, in units of the logits, between what this machine decodes token by token and what it
 * gives for the same positions in one prefill: the least that its answers can differ from what verifiers compute. It takes
 * 64 steps of decoding.
 * @throws BitmodelError `BAD_LOGITS`, `BAD_CALIBRATION_PLAN`; AbortError
 */
export async function ownShift(model: CalibrationSubject, signal?: AbortSignal): Promise<number> {
  let greatest = 0;
  for (const answer of answersOf({ prompts: PROMPTS, samplings: SAMPLINGS })) {
    const run = await decodeAnswer(model, answer, TOKENS, { signal });
    await eachRow(model, run, BLOCK, { signal }, (position, logits) => {
      greatest = Math.max(greatest, greatestShift(run.logits[position]!, logits));
    });
  }
  return greatest;
}
