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
  return book.count({ seller, jobId: jobIdHex(job), created: job.created, ...evidence });
}

/** What a buyer's record says of a job; `ClientRecord` is one. */
export interface BoughtJob {
  /** Job id, hex. */
  readonly id: string;
  /** Who was paid. */
  readonly escrow?: { readonly offer: { readonly author: string } };
  /** The false answer was asked for. */
  readonly planted?: true;
}

/** A receipt that was checked. */
export interface CheckedReceipt {
  readonly receipt: Receipt;
  readonly verification: ReceiptVerification;
  /** The one that lies beside the model. */
  readonly calibration: Calibration | undefined;
  /** Numeric class that it was checked with. */
  readonly verifierClass: string;
  /** What the buyer of that job has on disk of it; nothing where somebody else bought it. */
  readonly record: BoughtJob | undefined;
}

/**
 * The same for a receipt of a job of one's own: strangers could hand over those only that speak against a seller, or have
 * looked for prompts that do. It counts if every token was looked at, the seller that was paid signed for it, prompt and seed
 * are the job's, and the calibration is the one that the job names; where the job was planted, the false answer was asked for.
 * Where the job allows several numeric classes, the widest tolerance counts, as for the verdict.
 * @throws as {@link countSeller}
 */
export function countReceipt(
  book: SellerBook,
  { receipt, verification, calibration, verifierClass, record }: CheckedReceipt,
): SellerStanding | undefined {
  const { job } = receipt;
  const seller = toHex(receipt.seller);
  if (record?.id !== jobIdHex(job) || record.planted) return undefined;
  if (record.escrow?.offer.author !== seller) return undefined;
  const { prompt, seed, signature } = verification.checks;
  if (!(verification.isFull && prompt && seed && signature) || !calibration) return undefined;
  if (toHex(calibrationHash(calibration)) !== job.calibration) return undefined;
  const pairs = job.classes.flatMap((of) => pairFor(calibration, of, verifierClass) ?? []);
  const [pair] = pairs.sort((a, b) => b.tauMicro - a.tauMicro);
  return countSeller(book, { seller, job, verification, pair });
}
