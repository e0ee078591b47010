import { MAX_BLOCK_SIGNATURE_CHECKS, MAX_BLOCK_SIZE } from '../consensus/parameters.js';
import {
  compareFeeRates,
  type Mempool,
  type MempoolEntry,
  packageOf,
  withAncestors,
} from './Mempool.js';

/** Room left for the header, the count and the coinbase. */
const RESERVED = 2_000;

/**
 * The transactions for the next block, parents before children: those that, with all they depend on, pay most per byte.
 */
export function selectTransactions(mempool: Mempool): MempoolEntry[] {
  const scored = [...mempool.entries()].map((entry) => {
    const ancestors = withAncestors(entry);
    return { ancestors, score: packageOf(ancestors) };
  });
  scored.sort((a, b) => compareFeeRates(b.score, a.score));
  const chosen = new Set<MempoolEntry>();
  let size = RESERVED;
  let checks = 0;
  for (const { ancestors } of scored) {
    const missing = [...ancestors].filter((entry) => !chosen.has(entry));
    const bytes = missing.reduce((sum, entry) => sum + entry.size, size);
    const signatures = missing.reduce((sum, entry) => sum + entry.signatureChecks, checks);
    if (bytes > MAX_BLOCK_SIZE || signatures > MAX_BLOCK_SIGNATURE_CHECKS) continue;
    size = bytes;
    checks = signatures;
    for (const entry of missing) chosen.add(entry);
  }
  // entries are kept in the order they came, which is an order of dependence
  return [...mempool.entries()].filter((entry) => chosen.has(entry));
}
