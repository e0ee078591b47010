import { messageOf } from '../base/index.js';
import {
  type ClientRecord,
  countReceipt,
  JobRecords,
  jobIdHex,
  type Receipt,
  type ReceiptVerification,
  SellerBook,
  type SellerStanding,
} from '../job/index.js';
import type { ModelInfo } from '../model/index.js';
import { readCalibration } from '../rastic/index.js';
import { jobsFolder } from './shared/participant.js';
import type { Settings } from './shared/settings.js';
import type { Terminal } from './shared/terminal.js';

/**
 * Counts a receipt of a job that was bought from this data folder in what is known of its seller, and says so where that makes a seller one that nothing more is bought of.
 * A data folder that can't be written to is no reason not to give the verdict.
 */
export function countSellerOf(
  receipt: Receipt,
  verification: ReceiptVerification,
  { dir, file, numericClass }: ModelInfo,
  settings: Settings,
  terminal: Terminal,
): SellerStanding | undefined {
  try {
    const calibration = readCalibration(dir, receipt.job.model, file);
    const book = SellerBook.of(settings.datadir, settings.network);
    const records = new JobRecords<ClientRecord>(jobsFolder(settings));
    const record = records.current(jobIdHex(receipt.job));
    const verifierClass = numericClass;
    const checked = { receipt, verification, calibration, verifierClass, record };
    const standing = countReceipt(book, checked);
    if (standing?.verdict === 'left') {
      terminal.warn(
        `the margins of ${standing.seller.slice(0, 12)} over ${standing.jobs} jobs are those of another model; job submit takes no offer of it (see: bitmodel rastic sellers)`,
      );
    }
    return standing;
  } catch (thrown) {
    terminal.warn(`what this says of its seller could not be noted: ${messageOf(thrown)}`);
    return undefined;
  }
}
