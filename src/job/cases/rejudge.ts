import { equalBytes } from '../../base/index.js';
import { type Verdict, verifyOutput } from '../../rastic/index.js';
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
  /** What the accused told the pool with it, signed: why it found the answer false. Undefined where nobody shows that. */
  readonly said: { readonly kind?: string | undefined } | undefined;
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

/**
 * What good tokens say nothing against: an answer that was late, that the client could not open, or whose margins, pooled
 * over positions, an honest verifier of another class may count otherwise.
 */
const BEYOND_TOKENS: readonly string[] = [
  'undelivered',
  'format',
  'substitution',
] satisfies Extract<Verdict, { result: 'invalid' }>['kind'][];

/** By how much the tolerance is widened or narrowed, to the good of the accused. */
const DOUBT = 2;

/**
 * Whether a verdict was wrong, judged by what does not change with time: prompt and output that hash to what the chain
 * holds, and the model. A bond burns for what no honest verifier could have said, so every doubt is the accused's:
 *
 * - an *invalid* that may have been about what was or was not shown in time can't be judged later; any other one, whatever
 *   reason it gives or leaves out, is false where every token is good under the prompt that the job names;
 * - the accused judged with the tolerance of its own class, which nobody knows. Who said valid was wrong where the tokens
 *   miss twice the largest that any verifier has with a class of the job, who said invalid where they keep within half of
 *   the smallest. So nobody can burn honest bonds by an answer at the edge of what two machines agree on, or by the class
 *   that a seller names.
 */
export async function rejudge(
  claim: JudgedClaim,
  evidence: readonly Evidence[],
  models: readonly JobModel[],
  signal?: AbortSignal,
): Promise<Finding> {
  const { verdict, said } = claim;
  if (verdict === 'invalid' && !said) return abstain('nobody shows why it found the answer false');
  if (verdict === 'invalid' && BEYOND_TOKENS.includes(said?.kind ?? '')) {
    return abstain(`the tokens say nothing about ${said?.kind}`);
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
  if (typeof tau !== 'number') return abstain(tau.without);
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

/**
 * Twice the largest tolerance between a class of the job and that of any verifier, or half of the smallest; what is
 * missing where this verifier can't tell as much.
 */
function tolerance(
  own: JobModel,
  job: JobSpec,
  said: VerdictName,
): number | { readonly without: string } {
  const { calibration } = own;
  if (!calibration || calibrationName(own) !== job.calibration) {
    return { without: 'this verifier does not have the calibration of the job' };
  }
  const pairs = calibration.pairs.filter(({ seller }) => job.classes.includes(seller));
  const mine = pairs.filter(({ verifier }) => verifier === own.model.info.numericClass);
  // a class that it was not measured with may lie anywhere
  const isMeasured = pairs.every(({ seller }) => mine.some((pair) => pair.seller === seller));
  if (mine.length === 0 || !isMeasured) {
    return { without: 'the classes of the job and the verifier are not calibrated' };
  }
  const micros = pairs.map(({ tauMicro }) => tauMicro);
  if (said === 'valid') return (DOUBT * Math.max(...micros)) / 1_000_000;
  const least = Math.min(...micros);
  // its own numbers lie farther from a seller's than those of the verifier that looked most closely
  if (mine.some(({ tauMicro }) => tauMicro > least)) {
    return { without: 'a verifier of another class sees more closely' };
  }
  return least / DOUBT / 1_000_000;
}
