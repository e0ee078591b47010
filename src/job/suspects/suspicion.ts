import { toHex } from '../../base/index.js';
import {
  hash160,
  metaIdOf,
  type NetworkParameters,
  p2pkhScript,
  scriptAddress,
  type Transaction,
  transactionId,
} from '../../chain/index.js';
import { isDrawn } from '../terms.js';
import { type ReadTransaction, slashedSeller } from './slashedSeller.js';
import { slashedVerifier } from './slashedVerifier.js';

/** Why an identity is suspect, with the transaction that shows it. */
export interface Suspicion {
  /** `seller`: its stake was slashed for a false answer; `verifier`: its bond for a wrong verdict. */
  readonly as: 'seller' | 'verifier';
  /** Printed id of the slashing transaction. */
  readonly txid: string;
  /** Of the block that holds it. */
  readonly height: number;
  /** The job that it was about, hex. */
  readonly jobId: string;
  /** SHA-256 of the address, hex. */
  readonly metaId: string;
  readonly address: string;
  /** The key that signed the claim, or the verdict; hex. */
  readonly publicKey: string;
  /** Who judged a seller: verifiers drawn of the bonded ones, or a list that buyer and seller had agreed on. */
  readonly judges?: 'drawn' | 'listed';
}

/** Who an identity is that is a key: its address on a network, and the MetaID of that. */
export function identityOf(
  publicKey: Uint8Array,
  params: NetworkParameters,
): { readonly address: string; readonly metaId: string } {
  const address = scriptAddress(p2pkhScript(hash160(publicKey)), params)!;
  return { address, metaId: toHex(metaIdOf(address)) };
}

/**
 * Whom a transaction of a block makes suspect, if anybody.
 * @throws what `read` throws
 */
export function suspicionBy(
  transaction: Transaction,
  height: number,
  read: ReadTransaction,
  params: NetworkParameters,
): Suspicion | undefined {
  const seller = slashedSeller(transaction, read, params)?.terms;
  const verifier = seller ? undefined : slashedVerifier(transaction, read, params);
  const publicKey = seller?.seller ?? verifier?.verifier;
  const jobId = seller?.jobId ?? verifier?.jobId;
  if (!publicKey || !jobId) return undefined;
  return {
    as: seller ? 'seller' : 'verifier',
    txid: transactionId(transaction),
    height,
    jobId: toHex(jobId),
    ...identityOf(publicKey, params),
    publicKey: toHex(publicKey),
    ...(seller && { judges: isDrawn(seller.verifiers) ? ('drawn' as const) : ('listed' as const) }),
  };
}
