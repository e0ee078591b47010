import { toHex } from '../../base/index.js';
import {
  type Calibration,
  type CalibrationPair,
  calibrationHash,
  pairFor,
  sellerEvidence,
  type Verification,
} from '../../rastic/index.js';
import type { Receipt, ReceiptVerification } from '../receipt.js';
import { type JobSpec, jobIdHex } from '../spec.js';
import type { SellerBook, SellerStanding } from './SellerBook.js';

/** Whose answer was checked, and against what. */
export interface CountedCheck {
  /** Public key of the seller, hex. */
  readonly seller: string;
  readonly job: JobSpec;
  readonly verification: Pick<Verification, 'rows'>;
  /** What the job's calibration says of the seller's and the verifier's class; without it nothing is counted. */
  readonly pair: CalibrationPair | undefined;
}

/**
 * Counts a check in what is known of its seller.
 * @returns how the seller stands, or undefined where the check says nothing about it
 * @throws BitmodelError `BAD_SELLER_FILE`, `SELLERS_BUSY`, `WRITE_FAILED`
 */
export function countSeller(
  book: SellerBook,
  { seller, job, verification, pair }: CountedCheck,
): SellerStanding | undefined {
  if (!pair || verification.rows.length === 0) return undefined;
  const evidence = sellerEvidence(verification.rows, job.sampling, pair);
  return book.count({ seller, jobId: jobIdHex(job), ...evidence });
}

/**
 * The same for a receipt, if its seller signed it, prompt and seed are the job's, and the calibration is the one that the job
 * names. Where the job allows several numeric classes, the widest tolerance counts, as for the verdict.
 * @param verifierClass numeric class that it was checked with
 * @throws as {@link countSeller}
 */
export function countReceipt(
  book: SellerBook,
  receipt: Receipt,
  verification: ReceiptVerification,
  calibration: Calibration | undefined,
  verifierClass: string,
): SellerStanding | undefined {
  const { job, seller } = receipt;
  const { prompt, seed, signature } = verification.checks;
  if (!(prompt && seed && signature) || !calibration) return undefined;
  if (toHex(calibrationHash(calibration)) !== job.calibration) return undefined;
  const pairs = job.classes.flatMap((of) => pairFor(calibration, of, verifierClass) ?? []);
  const [pair] = pairs.sort((a, b) => b.tauMicro - a.tauMicro);
  return countSeller(book, { seller: toHex(seller), job, verification, pair });
}
