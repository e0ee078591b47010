/** What a refused transaction says of whoever passed it on. */
export type Refusal =
  /** It breaks a rule of the chain whatever else is known: nobody who checks would have passed it on. */
  | 'invalid'
  /** It spends what is not known here, or is spent. */
  | 'missing'
  /** It is here already, or in a block. */
  | 'known'
  /** It could be taken elsewhere, or later. */
  | 'policy';

/** Reasons that look like broken rules but depend on the chain or the mempool of whoever looks. */
const RELATIVE = new Set([
  'bad-txns-premature-spend-of-coinbase',
  'bad-txns-spends-conflicting-tx',
]);

/**
 * Tells apart why the mempool refused a transaction (docs/mempool.md), by Bitcoin's reason. Scripts that cost more than
 * is relayed count as invalid, since finding that out is what costs: all nodes go by the same limit.
 */
export function refusalOf(reason: string): Refusal {
  if (reason === 'txn-already-in-mempool' || reason === 'txn-already-known') return 'known';
  if (reason === 'bad-txns-inputs-missingorspent') return 'missing';
  if (RELATIVE.has(reason)) return 'policy';
  const isRule = reason.startsWith('bad-') || reason.startsWith('mandatory-script-verify');
  return isRule || reason === 'coinbase' ? 'invalid' : 'policy';
}
