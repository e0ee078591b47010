import { Heap } from '../../base/index.js';
import { MAX_BLOCK_SIZE } from '../codec/block.js';
import { MAX_BLOCK_SIGNATURE_CHECKS } from '../consensus/parameters.js';
import {
  compareFeeRates,
  type FeeRate,
  type MempoolEntry,
  parentsFirst,
  withAncestors,
  withDescendants,
} from './entry.js';
import type { Mempool } from './Mempool.js';
import { MIN_RELAY_FEE_RATE } from './MinimumFee.js';

/** Room left for the header, the count and the coinbase. */
const RESERVED_SIZE = 2_000;

/** Packages in a row that may fail to fit into a nearly full block before the search ends. */
const MOST_FAILURES = 1_000;

/** Least rate that is mined: the one that is relayed. */
const LEAST_RATE: FeeRate = { fee: MIN_RELAY_FEE_RATE, size: 1 };

/** How much of a block may be filled. */
export interface BlockRoom {
  readonly size: number;
  readonly signatureChecks: number;
}

/** The largest block, less what the miner adds. */
const WHOLE_BLOCK: BlockRoom = {
  size: MAX_BLOCK_SIZE - RESERVED_SIZE,
  signatureChecks: MAX_BLOCK_SIGNATURE_CHECKS,
};

/** An entry with those of its ancestors that are not chosen yet, as they stood when it was put into the heap. */
interface Candidate {
  readonly entry: MempoolEntry;
  readonly size: number;
  readonly fee: bigint;
  readonly score: FeeRate;
}

function candidate(entry: MempoolEntry, { fee, size }: FeeRate): Candidate {
  const own = { fee: entry.modifiedFee, size: entry.size };
  const whole = { fee, size };
  // a child that pays more than its parents must not hide behind them, nor they behind it
  return { entry, fee, size, score: compareFeeRates(whole, own) < 0 ? whole : own };
}

/**
 * The transactions for the next block, parents before children: again and again the one that, with all it depends on
 * and that is not chosen yet, pays most per byte (Bitcoin Core's ancestor score).
 */
export function selectTransactions(
  mempool: Mempool,
  room: BlockRoom = WHOLE_BLOCK,
): MempoolEntry[] {
  const heap = new Heap<Candidate>((a, b) => compareFeeRates(a.score, b.score) > 0);
  /** What an entry and its ancestors come to once those chosen are left out, where that differs. */
  const left = new Map<MempoolEntry, { fee: bigint; size: number }>();
  for (const entry of mempool.entries()) heap.push(candidate(entry, entry.ancestors));
  const chosen = new Set<MempoolEntry>();
  let { size, signatureChecks } = room;
  for (let failures = 0; failures < MOST_FAILURES; ) {
    const best = heap.pop();
    // what waits though it pays too little, as after a reorganisation, is for other miners
    if (!best || compareFeeRates(best.score, LEAST_RATE) < 0) break;
    const { entry } = best;
    const now = left.get(entry) ?? entry.ancestors;
    if (chosen.has(entry) || now.size !== best.size || now.fee !== best.fee) continue;
    const missing = [...withAncestors(entry)].filter((each) => !chosen.has(each));
    const checks = missing.reduce((sum, each) => sum + each.signatureChecks, 0);
    if (best.size > size || checks > signatureChecks) {
      failures++;
      continue;
    }
    failures = 0;
    size -= best.size;
    signatureChecks -= checks;
    for (const each of parentsFirst(missing)) {
      chosen.add(each);
      for (const descendant of withDescendants(each)) {
        if (chosen.has(descendant)) continue;
        const rest = left.get(descendant) ?? { ...descendant.ancestors };
        const less = { fee: rest.fee - each.modifiedFee, size: rest.size - each.size };
        left.set(descendant, less);
        heap.push(candidate(descendant, less));
      }
    }
  }
  return [...chosen];
}
