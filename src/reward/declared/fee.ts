import { BitmodelError, EXIT, formatAmount, parseAmount } from '../../base/index.js';
import { quoted } from '../graph/graph.js';
import { MAXIMUM_FEE_PER_JOB, type ModelDeclaration } from './declaration.js';
import { formatWeight, parseWeight } from './weight.js';

/** What a model asks of each job: a share of its price, an amount beside that, or both. */
export type ModelFee = Pick<ModelDeclaration, 'feePpm' | 'feePerJob'>;

function parsePart(text: string): ModelFee {
  if (/%$|ppm$/.test(text)) return { feePpm: parseWeight(text) };
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw badFee(`${quoted(text)} is no fee.`);
  const feePerJob = parseAmount(text);
  if (feePerJob === 0n) return { feePpm: 0 };
  if (feePerJob <= MAXIMUM_FEE_PER_JOB) return { feePpm: 0, feePerJob };
  throw badFee(`A fee of ${text} coins for each job is more than any may ask.`);
}

function badFee(message: string): BitmodelError {
  return new BitmodelError('BAD_FEE', message, {
    next: `Write a share of the price as 5%, coins for each job (at most ${formatAmount(MAXIMUM_FEE_PER_JOB)}) as 0.01, or both as 5%+0.01`,
    exitCode: EXIT.usage,
  });
}

/**
 * A fee as people write it: `5%` of the price of a job, `0.01` coins for each job, or `5%+0.01`.
 * @throws BitmodelError `BAD_FEE`, `BAD_WEIGHT`, `BAD_AMOUNT` (exit 2)
 */
export function parseFee(text: string): ModelFee {
  const parts = text.split('+').map((part) => parsePart(part.trim()));
  const [first, second, ...more] = parts;
  if (first && !second) return first;
  const isBoth = more.length === 0 && first?.feePerJob === undefined && second?.feePerJob;
  if (first && isBoth) return { feePpm: first.feePpm, feePerJob: isBoth };
  throw badFee(`${quoted(text)} is no fee.`);
}

/** A fee for people: `5 % of the price of each job`, `0.01000000 coins for each job`, or both. */
export function formatFee({ feePpm, feePerJob }: ModelFee): string {
  const share = `${formatWeight(feePpm)} of the price of each job`;
  if (feePerJob === undefined) return share;
  const amount = `${formatAmount(feePerJob)} coins`;
  return feePpm === 0 ? `${amount} for each job` : `${share} and ${amount} beside it`;
}

/** A fee as JSON. */
export function feeJson({ feePpm, feePerJob }: ModelFee): { feePpm: number; feePerJob?: string } {
  return { feePpm, ...(feePerJob === undefined ? {} : { feePerJob: formatAmount(feePerJob) }) };
}

/** A declaration that asks for this fee in place of its own. */
export function withFee<T extends ModelFee>(model: T, { feePpm, feePerJob }: ModelFee): T {
  const { feePerJob: _, ...rest } = model;
  return { ...rest, feePpm, ...(feePerJob === undefined ? {} : { feePerJob }) } as T;
}
