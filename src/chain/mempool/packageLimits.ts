import { MAX_TRANSACTION_SIZE } from '../consensus/parameters.js';
import { rejectTransaction } from '../consensus/RejectError.js';
import { type MempoolEntry, withAncestors } from './entry.js';

/** Most transactions that one may depend on within the mempool, itself included. */
const MAX_ANCESTORS = 25;

/** Most transactions that may depend on one within the mempool, itself included. */
const MAX_DESCENDANTS = 25;

/** Most bytes of a transaction with all its ancestors, and with all its descendants: as many as one may have at all. */
const MAX_PACKAGE_SIZE = MAX_TRANSACTION_SIZE;

/** One small child more may hang on a full package, so that either party of a contract can raise its fee. */
const CARVE_OUT_SIZE = 10_000;

const sizeOf = (entries: Iterable<MempoolEntry>, first: number): number => {
  let size = first;
  for (const entry of entries) size += entry.size;
  return size;
};

function tooLong(what: string): ReturnType<typeof rejectTransaction> {
  return rejectTransaction('too-long-mempool-chain', what);
}

/** What hangs on an ancestor now, less what is about to be replaced. */
function descendantsOf(
  ancestor: MempoolEntry,
  replaced: ReadonlyMap<MempoolEntry, ReadonlySet<MempoolEntry>>,
): { count: number; size: number } {
  let { count, size } = ancestor.descendants;
  for (const [entry, itsAncestors] of replaced) {
    if (!itsAncestors.has(ancestor)) continue;
    count--;
    size -= entry.size;
  }
  return { count, size };
}

/**
 * Demands that no package of transactions that depend on each other grows beyond the limits. Returns the ancestors.
 * @param parents entries whose outputs the new transaction spends
 * @param replaced entries that go when it comes
 * @throws RejectError `too-long-mempool-chain`
 */
export function checkPackageLimits(
  parents: ReadonlySet<MempoolEntry>,
  size: number,
  replaced: ReadonlySet<MempoolEntry>,
): Set<MempoolEntry> {
  const ancestors = new Set<MempoolEntry>();
  for (const parent of parents) for (const each of withAncestors(parent)) ancestors.add(each);
  if (ancestors.size + 1 > MAX_ANCESTORS) {
    throw tooLong(`too many unconfirmed ancestors [limit: ${MAX_ANCESTORS}]`);
  }
  if (sizeOf(ancestors, size) > MAX_PACKAGE_SIZE && ancestors.size > 0) {
    throw tooLong(`exceeds ancestor size limit [limit: ${MAX_PACKAGE_SIZE}]`);
  }
  const spare = ancestors.size === 1 && size <= CARVE_OUT_SIZE ? 1 : 0;
  const above = new Map([...replaced].map((entry) => [entry, withAncestors(entry)]));
  for (const ancestor of ancestors) {
    const hanging = descendantsOf(ancestor, above);
    if (hanging.count + 1 > MAX_DESCENDANTS + spare) {
      throw tooLong(`too many descendants [limit: ${MAX_DESCENDANTS}]`);
    }
    if (hanging.size + size > MAX_PACKAGE_SIZE + spare * CARVE_OUT_SIZE) {
      throw tooLong(`exceeds descendant size limit [limit: ${MAX_PACKAGE_SIZE}]`);
    }
  }
  return ancestors;
}
