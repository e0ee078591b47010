import { formatAmount } from '../../base/index.js';
import { LEAST_STAKE_LIMIT } from '../../job/index.js';
import type { ModelFee } from '../../reward/index.js';
import type { Terminal } from './terminal.js';

/** Says of a fee for each job that it is more than most sellers put a stake on, so that `5` is not sent for `5%`. */
export function noteFee(terminal: Terminal, { feePerJob = 0n }: ModelFee): void {
  if (feePerJob <= LEAST_STAKE_LIMIT) return;
  terminal.warn(
    `${formatAmount(feePerJob)} coins for each job is more than sellers take on for small jobs (${formatAmount(LEAST_STAKE_LIMIT)}), and every buyer pays it; a share of the price is written with %, as 5%`,
  );
}
