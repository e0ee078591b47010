import { equalBytes } from '../../base/index.js';
import { toleranceFor, type Verdict, verifyOutput } from '../../rastic/index.js';
import { checkOutput } from '../answer.js';
import { decodeCommitment } from '../contracts/commitment.js';
import type { StakeState } from '../contracts/layout.js';
import type { VerdictName } from '../contracts/verdict.js';
import type { Evidence } from '../evidence.js';
import { calibrationName, type JobModel, modelFor } from '../jobModel.js';
import { hashField, type JobSpec, promptHashOf } from '../spec.js';

/** A verdict that is judged again. */
export interface JudgedClaim {
  readonly job: JobSpec;
  readonly state: Pick<StakeState, 'k'>;
  /** The 101 bytes that the claim showed. */
  readonly commitment: Uint8Array;
  readonly verdict: VerdictName;
  /** Why the accused found the answer false, by its own word; undefined where that is not known. */
  readonly kind: string | undefined;
}

/** What a member of a second jury finds. */
export interface Finding {
  readonly finding: 'wrong' | 'right' | 'abstain';
  readonly reason: string;
}

const abstain = (reason: string): Finding => ({ finding: 'abstain', reason });

/** What the tokens alone decide: for ever, and for everybody alike. */
const BY_TOKENS: readonly string[] = [
  'continuity',
  'integrity',
  'truncation',
  'sampling',
  'count',
] satisfies Extract<Verdict, { result: 'invalid' }>['kind'][];

/** By how much the tolerance is widened or narrowed, to the good of the accused. */
const DOUBT = 2;

/**
 * Whether a verdict was wrong, judged by what does not change with time: prompt and output that hash to what the chain
 * holds, and the model. A bond burns for what no honest verifier could have said, so every doubt is the accused's:
 *
 * - a verdict about what was or was not shown in time (`undelivered`, `format`) can't be judged later;
 * - who said valid was wrong where the tokens miss twice the largest tolerance of the job's classes, who said invalid
 *   where they keep within half of the smallest. So nobody can burn honest bonds by an answer at the edge of what two
 *   machines agree on, or by the class that a seller names.
 */
export async function rejudge(
  claim: JudgedClaim,
  evidence: readonly Evidence[],
  models: readonly JobModel[],
  signal?: AbortSignal,
): Promise<Finding> {
  const { verdict, kind } = claim;
  if (verdict === 'invalid' && !BY_TOKENS.includes(kind ?? '')) {
    return abstain('what was shown in time can not be seen later');
  }
  for (const shown of evidence) {
    if (!isOfJob(claim.job, shown) || !shown.outputIds) continue;
    const { k } = claim.state;
    const answer = checkOutput(decodeCommitment(claim.commitment), k, shown.outputIds);
    if ('ids' in answer) return byTokens(claim, shown.promptIds, answer.ids, models, signal);
    if (answer.kind === 'count') return against(verdict, 'invalid', 'count');
  }
  return abstain('the evidence is not what was committed to');
}

function isOfJob(job: JobSpec, { salt, promptIds }: Evidence): boolean {
  return (
    promptIds.length === job.inputTokens &&
    equalBytes(promptHashOf(salt, promptIds), hashField(job, 'promptHash'))
  );
}

function against(said: VerdictName, found: VerdictName, why: string): Finding {
  return said === found
    ? { finding: 'right', reason: why }
    : { finding: 'wrong', reason: `it said ${said}: ${why}` };
}

async function byTokens(
  { job, commitment, verdict: said }: JudgedClaim,
  promptIds: readonly number[],
  outputIds: readonly number[],
  models: readonly JobModel[],
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const own = modelFor(models, job);
  if (!own) return abstain('this verifier does not have the model');
  const tau = tolerance(own, job, said);
  if (tau === undefined)
    return abstain('the classes of the job and the verifier are not calibrated');
  const claim = {
    promptIds,
    outputIds,
    sampling: job.sampling,
    seed: hashField(job, 'seed'),
    maxTokens: job.maxTokens,
    stop: job.stop,
    finish: decodeCommitment(commitment).finish,
  };
  const { verdict } = await verifyOutput(own.model, claim, { tau, signal });
  if (verdict.result === 'abstain') return abstain(verdict.reason);
  if (verdict.result === 'valid') return against(said, 'valid', 'every token is the model’s');
  const where = verdict.position === undefined ? '' : ` at position ${verdict.position}`;
  if (!BY_TOKENS.includes(verdict.kind)) return abstain(`it shows ${verdict.kind} only`);
  return against(said, 'invalid', `${verdict.kind}${where}`);
}

/** Twice the largest tolerance between the classes that the job allows and any of them, or half of the smallest. */
function tolerance(own: JobModel, job: JobSpec, said: VerdictName): number | undefined {
  const { calibration } = own;
  if (!calibration || calibrationName(own) !== job.calibration) return undefined;
  const verifiers = new Set([...job.classes, own.model.info.numericClass]);
  const all = job.classes.flatMap((seller) =>
    [...verifiers].flatMap((verifier) => toleranceFor(calibration, seller, verifier) ?? []),
  );
  if (all.length === 0) return undefined;
  return said === 'valid' ? DOUBT * Math.max(...all) : Math.min(...all) / DOUBT;
}
