import { BitmodelError, concatBytes, equalBytes } from '../../base/index.js';
import {
  decodeScript,
  hash160,
  type Outpoint,
  operationCostLimit,
  p2pkhScript,
  pushData,
  pushNumber,
  SCRIPT_LIMITS,
  type TransactionOutput,
  verifyData,
} from '../../chain/index.js';
import { bondValue, type JobTerms } from '../terms.js';
import { BURN_SCRIPT, CONTESTED_PATH, contestedCode, contestedScript } from './contested.js';
import type { ContestedState } from './layout.js';
import { type ContractSpend, DATA_SIGNATURE_PUSH, SEQUENCE } from './spend.js';
import { VERDICT, type VerdictName, verdictMessage } from './verdict.js';

/** One signature per verifier in the terms' order; undefined where there is none. */
export type VerdictSignatures = readonly (Uint8Array | undefined)[];

/** A verifier's signature as it came in a message. */
export interface SignedVerdict {
  readonly verifier: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Out of what came in, the signatures of the first `threshold` listed verifiers that truly signed this verdict on
 * this stake; undefined while there are too few. Foreign keys, wrong signatures and repetitions are passed over.
 */
export function gatherVerdicts(
  terms: JobTerms,
  state: ContestedState,
  verdict: VerdictName,
  received: readonly SignedVerdict[],
): VerdictSignatures | undefined {
  const { stakeOutpoint, commitmentHash } = state;
  const message = verdictMessage(terms, stakeOutpoint, commitmentHash, verdict);
  let missing = terms.threshold;
  const signatures = terms.verifiers.map((key) => {
    if (missing === 0) return undefined;
    const signed = received.find(
      ({ verifier, signature }) => equalBytes(verifier, key) && verifyData(signature, message, key),
    );
    if (signed !== undefined) missing--;
    return signed?.signature;
  });
  return missing === 0 ? signatures : undefined;
}

/**
 * Slash (`invalid`): the price paid and the bond to the client, the fee to each signer, the rest burnt. Clear
 * (`valid`): stake and bond less the fees to the seller, the fee to each signer. Whoever sends it adds coins for
 * the transaction's fee.
 * @throws BitmodelError `BAD_VERDICTS` unless exactly `threshold` verifiers' signatures are given, `BAD_TERMS`,
 *   `BAD_STATE`
 */
export function judgeSpend(
  terms: JobTerms,
  outpoint: Outpoint,
  state: ContestedState,
  verdict: VerdictName,
  signatures: VerdictSignatures,
): ContractSpend {
  demandThreshold(terms, signatures);
  const fees = terms.verifiers
    .filter((_, index) => signatures[index] !== undefined)
    .map((key) => payTo(key, terms.verifierFee));
  const spent = BigInt(fees.length) * terms.verifierFee;
  const bond = bondValue(terms);
  const reward = BigInt(state.count) * terms.pricePerToken;
  const outputs =
    verdict === 'invalid'
      ? [
          payTo(terms.client, reward + bond),
          ...fees,
          { value: terms.stake - reward - spent, lockingScript: BURN_SCRIPT },
        ]
      : [paySeller(terms, terms.stake + bond - spent), ...fees];
  const unsigned = terms.verifiers.length - terms.threshold;
  const unlockingSize = terms.threshold * DATA_SIGNATURE_PUSH + unsigned + 2;
  return { ...spendContested(terms, outpoint, state, unlockingSize, SEQUENCE), outputs };
}

/**
 * Unlocks the contested contract with the verifiers' signatures of this verdict.
 * @throws BitmodelError `BAD_VERDICTS` unless exactly `threshold` are given
 */
export function judgeUnlocking(
  terms: JobTerms,
  verdict: VerdictName,
  signatures: VerdictSignatures,
): Uint8Array {
  demandThreshold(terms, signatures);
  const pushes = terms.verifiers.map((_, i) => pushData(signatures[i] ?? new Uint8Array(0)));
  return concatBytes(
    ...pushes.reverse(),
    pushNumber(VERDICT[verdict]),
    pushNumber(CONTESTED_PATH.judge),
  );
}

/**
 * The lapse, valid `verdictWindow` blocks after the contest's block: the stake to the seller, the bond to the
 * client. Whoever sends it adds coins for the transaction's fee.
 * @throws BitmodelError `BAD_TERMS`, `BAD_STATE`
 */
export function lapseSpend(
  terms: JobTerms,
  outpoint: Outpoint,
  state: ContestedState,
): ContractSpend {
  const unlockingSize = lapseUnlocking(terms).length;
  return {
    ...spendContested(terms, outpoint, state, unlockingSize, terms.verdictWindow),
    outputs: [paySeller(terms, terms.stake), payTo(terms.client, bondValue(terms))],
  };
}

/** Pushed bytes, stack work and the unlocking script's own opcodes in a lapse, measured generously. */
const LAPSE_DATA_COST = 1_500;

/**
 * Unlocks the contested contract for the lapse, without any signature. It pays for skipping over the verifiers'
 * part by a padding push, which the script drops.
 */
export function lapseUnlocking(terms: JobTerms): Uint8Array {
  const opcodes = decodeScript(contestedCode(terms)).length;
  const cost = opcodes * SCRIPT_LIMITS.opcodeCost + LAPSE_DATA_COST;
  const short = cost - operationCostLimit(0);
  const padding = new Uint8Array(Math.max(0, Math.ceil(short / SCRIPT_LIMITS.costPerByte)));
  return concatBytes(pushData(padding), pushNumber(CONTESTED_PATH.lapse));
}

function payTo(key: Uint8Array, value: bigint): TransactionOutput {
  return { value, lockingScript: p2pkhScript(hash160(key)) };
}

function paySeller(terms: JobTerms, value: bigint): TransactionOutput {
  return { value, lockingScript: p2pkhScript(terms.sellerPayout) };
}

function spendContested(
  terms: JobTerms,
  outpoint: Outpoint,
  state: ContestedState,
  unlockingSize: number,
  sequence: number,
): Omit<ContractSpend, 'outputs'> {
  const value = terms.stake + bondValue(terms);
  const output = { value, lockingScript: contestedScript(terms, state) };
  const input = { outpoint, output, unlockingSize, sequence };
  return { inputs: [input], lockTime: 0, jobId: terms.jobId };
}

function demandThreshold(terms: JobTerms, signatures: VerdictSignatures): void {
  const given = signatures.filter((signature) => signature !== undefined).length;
  if (given === terms.threshold && signatures.length === terms.verifiers.length) return;
  throw new BitmodelError(
    'BAD_VERDICTS',
    `A judgement takes exactly ${terms.threshold} of ${terms.verifiers.length} signatures, not ${given}.`,
  );
}
