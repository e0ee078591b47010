import { concatBytes } from '../../base/index.js';
import {
  CONTRACT_SEQUENCE,
  type ContractCoin,
  type ContractSpend,
  contractInput,
  pushData,
  pushNumber,
  SIGNATURE_PUSH,
} from '../../chain/index.js';
import { bondValue, type JobTerms } from '../terms.js';
import { contestedScript } from './contested.js';
import type { StakeState } from './layout.js';
import { STAKE_PATH, stakeScript } from './stake.js';

/**
 * The release: valid `disputeWindow` blocks after the claim's block.
 * @throws BitmodelError `BAD_TERMS`, `BAD_STATE`
 */
export function releaseSpend(
  terms: JobTerms,
  coin: ContractCoin,
  state: StakeState,
): ContractSpend {
  return { ...spendStake(terms, coin, state, terms.disputeWindow), outputs: [] };
}

/** Unlocks the stake for the release with the seller's signature. */
export function releaseUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(STAKE_PATH.release));
}

/**
 * The contest: output 0 is the contested contract. The client adds coins for the bond and the fee.
 * @param drawSecret c, where verifiers are drawn: from here on everybody knows them
 * @throws BitmodelError `BAD_TERMS`, `BAD_STATE`
 */
export function contestSpend(
  terms: JobTerms,
  coin: ContractCoin,
  state: StakeState,
  drawSecret?: Uint8Array,
): ContractSpend {
  const contested = { ...state, stakeOutpoint: coin.outpoint, ...(drawSecret && { drawSecret }) };
  const lockingScript = contestedScript(terms, contested);
  const unlockingSize = SIGNATURE_PUSH + 1 + (drawSecret ? 33 : 0);
  return {
    ...spendStake(terms, coin, state, CONTRACT_SEQUENCE, unlockingSize),
    outputs: [{ value: terms.stake + bondValue(terms), lockingScript }],
  };
}

/** Unlocks the stake for the contest with the client's signature and, where verifiers are drawn, c. */
export function contestUnlocking(signature: Uint8Array, drawSecret?: Uint8Array): Uint8Array {
  const secret = drawSecret ? pushData(drawSecret) : new Uint8Array(0);
  return concatBytes(secret, pushData(signature), pushNumber(STAKE_PATH.contest));
}

function spendStake(
  terms: JobTerms,
  coin: ContractCoin,
  state: StakeState,
  sequence: number,
  unlockingSize = SIGNATURE_PUSH + 1,
): ContractSpend {
  const made = { value: terms.stake, lockingScript: stakeScript(terms, state) };
  const input = contractInput(coin, made, unlockingSize, sequence);
  return { inputs: [input], outputs: [], lockTime: 0, jobId: terms.jobId };
}
