import type { PositionRow, Verdict } from '../../rastic/index.js';
import type { Receipt, ReceiptVerification } from '../receipt.js';
import { type TokenNames, tokenText, visibleText } from './tokenText.js';

/** How a token stands against the model, from the best to the worst. */
export type Standing =
  /** It is what the model at hand gives, or no worse. */
  | 'own'
  /** It misses by less than half of the tolerance: a seller that checks itself hands over such ones. */
  | 'near'
  /** It misses by less than the tolerance. */
  | 'far'
  /** It misses by more than the tolerance. */
  | 'beyond'
  /** Top-k and top-p exclude it. */
  | 'excluded'
  /** It was not looked at. */
  | 'unchecked';

/** One token of the answer, explained. */
export interface ExplainedToken {
  /** Output position, from 0. */
  readonly position: number;
  readonly token: number;
  /** Its text as it is; bytes in hex where it is part of a character. From outside: never printed as it stands. */
  readonly raw: string;
  /** The same in one line, with nothing hidden. */
  readonly text: string;
  readonly standing: Standing;
  /** In units of the logits; absent where the sampling excludes the token or it was not checked. */
  readonly margin?: number;
  /** Token that the model at hand gives here. */
  readonly best?: number;
  readonly bestText?: string;
  /** Upper bound of the probability that an honest token misses at all here, where the check states one. */
  readonly flipBound?: number;
}

/** A receipt's verification, ready to be shown. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly receipt: Receipt;
  readonly checks: ReceiptVerification['checks'];
  readonly tokens: readonly ExplainedToken[];
  /** The prompt's text, as the model was given it. */
  readonly prompt: string;
  /** The answer's text. */
  readonly output: string;
  /** Tolerance τ in units of the logits, and whether it was measured. */
  readonly tau: number;
  readonly calibrated: boolean;
  readonly positions: number;
  /** How probable it is that one wrong token between the first and the last was looked at. */
  readonly detection: number;
  /** What the margins above zero say together. */
  readonly pooled: ReceiptVerification['pooled'];
  readonly seconds: number;
}

/** How a row stands; a margin at the tolerance is within it. */
export function standingOf({ margin }: Pick<PositionRow, 'margin'>, tau: number): Standing {
  if (margin === undefined) return 'excluded';
  if (margin <= 0) return 'own';
  if (margin <= tau / 2) return 'near';
  return margin <= tau ? 'far' : 'beyond';
}

function explainRow(
  row: PositionRow,
  names: { readonly raw: string; readonly bestText: string },
  tau: number,
): ExplainedToken {
  const { position, token, best, margin, flipBound } = row;
  return {
    position,
    token,
    raw: names.raw,
    text: visibleText(names.raw),
    standing: standingOf(row, tau),
    best,
    bestText: visibleText(names.bestText),
    ...(margin === undefined ? {} : { margin }),
    ...(flipBound === undefined ? {} : { flipBound }),
  };
}

/**
 * Says of each token of a receipt's answer how it stands, and of each other part what there is to show.
 * @param tokenizer the tokenizer of the model that the receipt was checked against
 */
export function explainReceipt(
  receipt: Receipt,
  verification: ReceiptVerification,
  tokenizer: TokenNames,
  { tau, calibrated }: { readonly tau: number; readonly calibrated: boolean },
): Explanation {
  const { verdict, checks, positions, detection, pooled, seconds } = verification;
  const { outputIds, promptIds } = receipt;
  const rows = new Map(verification.rows.map((row) => [row.position, row]));
  const tokens = outputIds.map((token, position): ExplainedToken => {
    const before = outputIds.slice(Math.max(0, position - 8), position);
    const raw = tokenText(tokenizer, before, token);
    const row = rows.get(position);
    if (!row) return { position, token, raw, text: visibleText(raw), standing: 'unchecked' };
    const bestText = row.best === token ? raw : tokenText(tokenizer, before, row.best);
    return explainRow(row, { raw, bestText }, tau);
  });
  const [prompt, output] = [promptIds, outputIds].map((ids) => tokenizer.decode(ids)) as [
    string,
    string,
  ];
  const figures = { positions, detection, pooled, seconds };
  return { verdict, receipt, checks, tokens, prompt, output, tau, calibrated, ...figures };
}

/** A margin in few characters: 0, 3.1e-7, 0.0042, 3.21; where nothing was certainly on offer there is none. */
export function formatMargin(margin: number | undefined): string {
  if (margin === undefined) return 'excluded';
  if (margin === Number.NEGATIVE_INFINITY) return 'none';
  if (margin === 0) return '0';
  return Math.abs(margin) < 0.001 ? margin.toExponential(1) : margin.toPrecision(3);
}

/** Where the evidence lies, if it is a position; it may be one past the last token. */
export function evidenceAt(verdict: Verdict): number | undefined {
  return verdict.result === 'invalid' ? verdict.position : undefined;
}

/** What was not looked at, and why, in one sentence; nothing where all was. */
export function uncheckedRemark({
  verdict,
  tokens,
  checks,
  detection,
}: Explanation): string | undefined {
  const left = tokens.filter(({ standing }) => standing === 'unchecked').length;
  if (left === 0) return undefined;
  const count = left === 1 ? '1 token was' : `${left} tokens were`;
  if (!checks.prompt) return `${count} not checked, because the prompt is not the one of the job.`;
  const at = evidenceAt(verdict);
  if (at === undefined)
    return `${count} not checked; one wrong token between the first and the last would have been looked at with probability ${(100 * detection).toFixed(1)} %.`;
  return `${count} not checked: the evidence at position ${at} decides.`;
}

/** What the margins above zero say together, in one sentence; nothing where there are none. */
export function pooledRemark({ pooled }: Explanation): string | undefined {
  const { flips, positions, mean, score } = pooled;
  if (flips === 0) return undefined;
  const shown = `${flips} of ${positions} tokens that tell show a margin above 0`;
  const honest = `from an honest seller ${mean.toPrecision(2)} are to be expected at most`;
  return `${shown}; ${honest}, so many with probability at most 10^−${score.toFixed(1)}.`;
}

/** Evidence that is no token but the end. */
export interface EndRemark {
  /** The token before which it is shown; as many as there are where it is shown behind the last. */
  readonly at: number;
  readonly position: number;
  readonly says: string;
}

/** What the evidence is where it is no token but the end. */
export function endRemark({
  verdict,
  tokens,
}: Pick<Explanation, 'verdict' | 'tokens'>): EndRemark | undefined {
  if (verdict.result !== 'invalid' || verdict.position === undefined) return undefined;
  const { kind, position } = verdict;
  const end = tokens.length;
  if (kind === 'count') {
    return { at: Math.min(position, end), position, says: 'from here on there had to be no token' };
  }
  if (kind !== 'truncation') return undefined;
  // where only the reason is false, the last token stands
  const says = position < end ? 'the answer ends otherwise than it says' : 'here it had to go on';
  return { at: end, position, says };
}
