import type { LanguageModel } from '../../model/index.js';
import { DEFAULT_TAU, OWN_SHIFT_SAFETY, ownShift } from '../../rastic/index.js';
import type { JobModel } from '../jobModel.js';

/** Measured once for each open model, however many workers sell it. */
const shifts = new WeakMap<LanguageModel, Promise<number>>();

function shiftOf(model: LanguageModel): Promise<number> {
  const known = shifts.get(model);
  if (known) return known;
  const measured = ownShift(model);
  shifts.set(model, measured);
  // what failed for a passing reason is tried again
  measured.catch(() => shifts.delete(model));
  return measured;
}

/** The least tolerance, in units of the logits, that a verifier of any class may hold this machine's answers to. */
function leastTau({ model, calibration }: JobModel): number {
  const own = model.info.numericClass;
  const pairs = calibration?.pairs.filter(({ seller }) => seller === own) ?? [];
  return pairs.length === 0
    ? DEFAULT_TAU
    : Math.min(...pairs.map(({ tauMicro }) => tauMicro)) / 1_000_000;
}

/**
 * Why nothing is sold under a model's calibration: its tolerance is too tight for how this very machine differs from itself, so
 * that verifiers could find honest answers false, and the stake would be lost. Whoever made the calibration chose the figures in
 * it; this one is measured here.
 * @returns undefined where the tolerance is wide enough
 * @throws BitmodelError as `ownShift`
 */
export async function toleranceTooTight(own: JobModel): Promise<string | undefined> {
  const tau = leastTau(own);
  const shift = await shiftOf(own.model);
  if (tau >= OWN_SHIFT_SAFETY * shift) return undefined;
  return `the tolerance of ${tau} logits that jobs of model ${own.id} go by is less than ${OWN_SHIFT_SAFETY} times what this machine differs from itself (${shift.toPrecision(2)}), so honest answers could be found false; no offer is made on such jobs. Measure it with: bitmodel model calibrate DIR`;
}
