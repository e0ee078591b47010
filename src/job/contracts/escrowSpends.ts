import { BitmodelError, concatBytes, equalBytes, sha256 } from '../../base/index.js';
import {
  type ContractCoin,
  type ContractSpend,
  contractInput,
  hash160,
  NO_JOB,
  p2pkhScript,
  pushData,
  pushNumber,
  SIGNATURE_PUSH,
  type TransactionOutput,
} from '../../chain/index.js';
import { escrowValue, type JobTerms, modelFee } from '../terms.js';
import { COMMITMENT_BYTES, commitmentHash, decodeCommitment } from './commitment.js';
import { ESCROW_PATH, escrowScript } from './escrow.js';
import type { StakeState } from './layout.js';
import { stakeScript } from './stake.js';

/** The output that locks the price of the whole job: the escrow transaction's first. */
export function escrowOutput(terms: JobTerms): TransactionOutput {
  return { value: escrowValue(terms), lockingScript: escrowScript(terms) };
}

/** The escrow, and what the seller shows to claim it. */
export interface Claim extends ContractCoin {
  /** 32 bytes. */
  readonly k: Uint8Array;
  /** The 101 bytes of the commitment. */
  readonly commitment: Uint8Array;
  /** The script behind the terms' `feeScript`. */
  readonly feeLockingScript: Uint8Array;
}

/** The state that a claim with this key and commitment gives the stake. */
export function claimState(claim: Pick<Claim, 'k' | 'commitment'>): StakeState {
  const { count } = decodeCommitment(claim.commitment);
  return { k: claim.k, count, commitmentHash: commitmentHash(claim.commitment) };
}

/**
 * The claim: output 0 the stake, 1 the model's share, 2 what was not used, back to the client. The seller adds
 * coins for the stake and the fee; the reward is in the change.
 * @throws BitmodelError `BAD_CLAIM` for a commitment to another job or a foreign fee script, `BAD_STATE` for a
 *   wrong key or a token count outside the job's, `BAD_COMMITMENT`, `BAD_TERMS`
 */
export function claimSpend(terms: JobTerms, claim: Claim): ContractSpend {
  const state = claimState(claim);
  if (!equalBytes(claim.commitment.subarray(0, 32), terms.jobId)) {
    throw new BitmodelError('BAD_CLAIM', 'The commitment is to another job.', {
      next: 'Claim with the commitment that was made for this job',
    });
  }
  if (!equalBytes(sha256(claim.feeLockingScript), terms.feeScript)) {
    throw new BitmodelError(
      'BAD_CLAIM',
      "This script is not the one that gets the model's share.",
      {
        next: 'Give the script that the model declared when the job was made',
      },
    );
  }
  const unused = BigInt(terms.maxTokens - state.count) * terms.pricePerToken;
  return {
    ...spendEscrow(terms, claim, CLAIM_UNLOCKING),
    outputs: [
      { value: terms.stake, lockingScript: stakeScript(terms, state) },
      { value: modelFee(terms, state.count), lockingScript: claim.feeLockingScript },
      { value: unused, lockingScript: p2pkhScript(hash160(terms.client)) },
    ],
  };
}

const CLAIM_UNLOCKING = 2 + COMMITMENT_BYTES + 33 + SIGNATURE_PUSH + 1;

/** Unlocks the escrow for the claim. `signature` must be the seller's with hash type ALL | FORKID. */
export function claimUnlocking(
  claim: Pick<Claim, 'k' | 'commitment'>,
  signature: Uint8Array,
): Uint8Array {
  return concatBytes(
    pushData(claim.commitment),
    pushData(claim.k),
    pushData(signature),
    pushNumber(ESCROW_PATH.claim),
  );
}

/** The refund: valid in a block at height `expires` or later. @throws BitmodelError `BAD_TERMS` */
export function refundSpend(terms: JobTerms, coin: ContractCoin): ContractSpend {
  const spend = spendEscrow(terms, coin, SIGNATURE_PUSH + 1);
  return { ...spend, lockTime: terms.expires };
}

/** Unlocks the escrow for the refund with the client's signature. */
export function refundUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(ESCROW_PATH.refund));
}

/**
 * Both agree to end the job; the outputs are theirs to choose. The transaction has no job id, so that no signature of
 * a claim is one of a cancellation. @throws BitmodelError `BAD_TERMS`
 */
export function cancelSpend(terms: JobTerms, coin: ContractCoin): ContractSpend {
  return { ...spendEscrow(terms, coin, 2 * SIGNATURE_PUSH + 1), jobId: NO_JOB };
}

/** Unlocks the escrow for the cancellation with both signatures. */
export function cancelUnlocking(signatures: {
  readonly client: Uint8Array;
  readonly seller: Uint8Array;
}): Uint8Array {
  return concatBytes(
    pushData(signatures.client),
    pushData(signatures.seller),
    pushNumber(ESCROW_PATH.cancel),
  );
}

function spendEscrow(terms: JobTerms, coin: ContractCoin, unlockingSize: number): ContractSpend {
  const input = contractInput(coin, escrowOutput(terms), unlockingSize);
  return { inputs: [input], outputs: [], lockTime: 0, jobId: terms.jobId };
}
