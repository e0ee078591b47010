import { joinSignals } from '../base/index.js';
import { type FinishReason, finishOf, gumbelNoise, type Sampling } from '../model/index.js';
import { sampledDetection } from './economics/detection.js';
import { checkPosition } from './margin.js';
import {
  NO_EVIDENCE,
  type PooledEvidence,
  pooledEvidence,
  SLASHING_SCORE,
} from './pooled/evidence.js';
import { samplePositions } from './sample.js';
import type { Verdict } from './verdict.js';

/** What a seller claims: these tokens came from the model on this prompt with this sampling and seed. */
export interface OutputClaim {
  readonly promptIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly sampling: Sampling;
  /** 32 bytes. */
  readonly seed: Uint8Array;
  readonly maxTokens: number;
  /** Texts that end the answer. */
  readonly stop: readonly string[];
  readonly finish: FinishReason;
}

/** What the check needs of a model; `LanguageModel` is one. */
export interface LogitsSource {
  readonly info: {
    readonly vocabularySize: number;
    readonly contextLength: number;
    readonly endIds: readonly number[];
    /** Whether logits depend on which positions are computed in one run; no unless stated. */
    readonly runDependent?: boolean;
  };
  readonly tokenizer: { decode(ids: readonly number[]): string };
  prefill(
    ids: readonly number[],
    options: {
      readonly from: number;
      /** Positions whose logits are wanted, ascending, in the place of all from `from` on. */
      readonly positions?: readonly number[];
      readonly chunk?: number;
      /** Compute as generating does: what stands before it as a prompt is fed, each from it on alone. */
      readonly stepFrom?: number | undefined;
      readonly onLogits: (firstPosition: number, logits: Float32Array) => void | Promise<void>;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<void>;
}

/** A check of a few positions, which anyone can repeat. */
export interface SampledCheck {
  readonly sample: number;
  readonly seed: Uint8Array;
}

/** How an output is verified. */
export interface VerifyOptions {
  /** Tolerance τ in units of the logits. */
  readonly tau: number;
  /**
   * Which positions are checked: all, which is the default, or the paper's three checks: the first, `sample` random ones
   * between, the last and the end. The seed, 32 bytes, must have been drawn after the answer was committed.
   */
  readonly check?: 'full' | SampledCheck;
  readonly signal?: AbortSignal | undefined;
  /** Called after each block of positions. */
  readonly onProgress?: (checked: number, total: number) => void;
}

/** One checked position, for tables. */
export interface PositionRow {
  readonly position: number;
  readonly token: number;
  /** Token that the verifier's own logits give here. */
  readonly best: number;
  /** In units of the logits; absent where the sampling excludes the token. */
  readonly margin?: number;
  /** How probable a margin above 0 is at most for an honest seller; absent where the margin is. */
  readonly flipBound?: number;
}

/** The verdict, with the margins that it stands on. */
export interface Verification {
  readonly verdict: Verdict;
  /** Whether all positions were asked for, not a sample of them. */
  readonly isFull: boolean;
  /** How many positions were checked. */
  readonly positions: number;
  /** How many of them have a margin above 0: tokens that the verifier's own logits would not have given. */
  readonly aboveZero: number;
  /** The probability with which one false token between the first and the last would have been among those asked for. */
  readonly detection: number;
  /** Largest margin among them; −∞ where none has one. */
  readonly greatestMargin: number;
  /** What the margins above zero say together; nothing for a sample, since its seed could be searched for. */
  readonly pooled: PooledEvidence;
  readonly seconds: number;
  readonly rows: readonly PositionRow[];
}

/** Where and how the end of the answer is false, if it is (DESIGN 6, "Stop"). */
function checkEnd(source: LogitsSource, claim: OutputClaim): Verdict | undefined {
  const length = claim.outputIds.length;
  const end = finishOf({
    ids: claim.outputIds,
    endIds: source.info.endIds,
    maxTokens: claim.maxTokens,
    contextLeft: source.info.contextLength - claim.promptIds.length,
    stop: claim.stop,
    decode: (ids) => source.tokenizer.decode(ids),
  });
  if (end === undefined) return { result: 'invalid', kind: 'truncation', position: length };
  if (end.at < length - 1) return { result: 'invalid', kind: 'count', position: end.at + 1 };
  if (end.finish !== claim.finish) {
    return { result: 'invalid', kind: 'truncation', position: length - 1 };
  }
  return undefined;
}

/** Whether ids and lengths are such that the model can be asked at all. */
function checkForm(source: LogitsSource, claim: OutputClaim): Verdict | undefined {
  const { vocabularySize, contextLength } = source.info;
  const known = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  if (claim.promptIds.length === 0) return { result: 'abstain', reason: 'the prompt is empty' };
  if (!claim.promptIds.every(known)) {
    return { result: 'abstain', reason: 'the prompt has tokens this model does not know' };
  }
  if (claim.promptIds.length >= contextLength) {
    return { result: 'abstain', reason: "the prompt fills the model's context" };
  }
  const stranger = claim.outputIds.findIndex((id) => !known(id));
  if (stranger >= 0) return { result: 'invalid', kind: 'format', position: stranger };
  const most = Math.min(claim.maxTokens, contextLength - claim.promptIds.length);
  if (claim.outputIds.length > most) return { result: 'invalid', kind: 'count', position: most };
  return undefined;
}

function earlier(a: Verdict | undefined, b: Verdict | undefined): Verdict | undefined {
  const at = (verdict: Verdict | undefined): number =>
    verdict?.result === 'invalid' ? (verdict.position ?? 0) : Number.POSITIVE_INFINITY;
  return at(b) < at(a) ? b : a;
}

/** τ in units of the noise; infinite where there is none. */
function deltaOf({ temperatureMilli }: Sampling, tau: number): number {
  return temperatureMilli === 0 ? Number.POSITIVE_INFINITY : (1000 * tau) / temperatureMilli;
}

/**
 * RASTiC's check of an answer: one chunked prefill over prompt and output (token by token for a graph that is run-dependent)
 * gives the logits at every position; each token
 * must lie within the tolerance of what they, the sampling and the seed give, and the answer must end where it says.
 * The earliest false position is the evidence. Where none is false, the margins of a full check are pooled; those of a sample
 * are not, since who draws it could look for one in which an honest answer's few flips are most of what is seen.
 * @throws BitmodelError what the model throws when it cannot run; AbortError when the signal aborts. A false answer never throws.
 */
export async function verifyOutput(
  source: LogitsSource,
  claim: OutputClaim,
  options: VerifyOptions,
): Promise<Verification> {
  const started = performance.now();
  const rows: PositionRow[] = [];
  const total = claim.outputIds.length;
  const asked = positionsOf(total, options.check);
  const isFull = options.check === undefined || options.check === 'full';
  const pool = (): PooledEvidence => {
    if (!isFull) return NO_EVIDENCE;
    // its shifts depend on other rows, and so on noise: the bound's premise does not hold
    if (source.info.runDependent) return NO_EVIDENCE;
    const vocabulary = source.info.vocabularySize;
    return pooledEvidence(rows, { vocabulary, delta: deltaOf(claim.sampling, options.tau) });
  };
  const done = (verdict: Verdict, pooled = pool()): Verification => ({
    verdict,
    isFull,
    positions: rows.length,
    ...summaryOf(rows),
    // none lies between where there are fewer than three
    detection: total > 2 ? sampledDetection(total - 2, 1, asked.length - 2) : 1,
    pooled,
    seconds: (performance.now() - started) / 1000,
    rows,
  });
  const malformed = checkForm(source, claim);
  if (malformed) return done(malformed);
  const badEnd = checkEnd(source, claim);
  if (total === 0) return done(badEnd ?? { result: 'invalid', kind: 'truncation', position: 0 });

  const badToken = await checkTokens(source, claim, asked, options, (row) => rows.push(row));
  if (badToken?.result === 'abstain') return done(badToken);
  const bad = earlier(badToken, badEnd);
  if (bad) return done(bad);
  const pooled = pool();
  const verdict: Verdict =
    pooled.score >= SLASHING_SCORE
      ? { result: 'invalid', kind: 'substitution', score: pooled.score }
      : { result: 'valid' };
  return done(verdict, pooled);
}

/**
 * From where on a prefill has to go token by token: where the rows of a run depend on each other, only the runs that the
 * seller made give the seller's logits. Undefined where any division does.
 */
export function stepFromOf(
  { info }: Pick<LogitsSource, 'info'>,
  promptIds: readonly number[],
): number | undefined {
  return info.runDependent ? promptIds.length : undefined;
}

function positionsOf(total: number, check: VerifyOptions['check'] = 'full'): number[] {
  return check === 'full'
    ? Array.from({ length: total }, (_, position) => position)
    : samplePositions(total, check.sample, check.seed);
}

function summaryOf(rows: readonly PositionRow[]): { greatestMargin: number; aboveZero: number } {
  let greatestMargin = Number.NEGATIVE_INFINITY;
  let aboveZero = 0;
  for (const { margin } of rows) {
    if (margin === undefined) continue;
    greatestMargin = Math.max(greatestMargin, margin);
    if (margin > 0) aboveZero += 1;
  }
  return { greatestMargin, aboveZero };
}

/** Looks at the positions asked for, in order, and ends at the first false token. */
async function checkTokens(
  source: LogitsSource,
  claim: OutputClaim,
  asked: readonly number[],
  options: VerifyOptions,
  onRow: (row: PositionRow) => void,
): Promise<Verdict | undefined> {
  const { promptIds, outputIds, sampling } = claim;
  const noise = gumbelNoise(claim.seed);
  const firstRow = promptIds.length - 1;
  const width = source.info.vocabularySize;
  let checked = 0;
  let bad: Verdict | undefined;

  const checkRow = (position: number, logits: Float32Array): Verdict | undefined => {
    const token = outputIds[position]!;
    const check = checkPosition(logits, token, position, sampling, noise, options.tau);
    if (check.kind === 'non-finite') {
      return { result: 'abstain', reason: `the model gives no number at position ${position}` };
    }
    if (check.kind === 'excluded') {
      onRow({ position, token, best: check.best });
      return { result: 'invalid', kind: 'sampling', position };
    }
    const { margin, flipBound, best } = check;
    onRow({ position, token, best, margin, flipBound });
    if (margin <= options.tau) return undefined;
    const kind = position === 0 ? 'continuity' : 'integrity';
    return { result: 'invalid', kind, position, margin };
  };

  // what stands behind a false token is no output of the model, and need not be computed
  const found = new AbortController();
  const { signal, release } = joinSignals(options.signal, found.signal);
  try {
    // the last token follows from what stands before it; it need not be fed itself
    await source.prefill([...promptIds, ...outputIds.slice(0, -1)], {
      from: firstRow,
      stepFrom: stepFromOf(source, promptIds),
      positions: asked.map((position) => firstRow + position),
      signal,
      onLogits: async (_, logits) => {
        for (let row = 0; row * width < logits.length && !bad; row++) {
          bad = checkRow(asked[checked]!, logits.subarray(row * width, (row + 1) * width));
          checked += 1;
        }
        options.onProgress?.(checked, asked.length);
        if (bad) found.abort();
        // others on this thread get a turn between blocks
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
  } catch (thrown) {
    if (thrown !== found.signal.reason || !bad) throw thrown;
  } finally {
    release();
  }
  return bad;
}
