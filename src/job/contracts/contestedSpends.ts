import { BitmodelError, concatBytes, equalBytes } from '../../base/index.js';
import {
  CONTRACT_SEQUENCE,
  type ContractCoin,
  type ContractSpend,
  contractInput,
  DATA_SIGNATURE_PUSH,
  decodeScript,
  hash160,
  operationCostLimit,
  p2pkhScript,
  proofDepth,
  pushData,
  pushNumber,
  SCRIPT_LIMITS,
  type SeatSignature,
  seatItems,
  type TransactionOutput,
  verifyData,
} from '../../chain/index.js';
import type { Seat } from '../bonds/registry.js';
import { amountPaid, bondValue, isDrawn, type JobTerms, verifierCount } from '../terms.js';
import { BURN_SCRIPT, CONTESTED_PATH, contestedCode, contestedScript } from './contested.js';
import type { ContestedState } from './layout.js';
import { drawnVerdictMessage, VERDICT, type VerdictName, verdictMessage } from './verdict.js';

/**
 * What each verifier of a job said, undefined where there is nothing: by the list's order its signature, or by the
 * drawn seats its signature with key and proof.
 */
export type VerdictSignatures = readonly (Uint8Array | SeatSignature | undefined)[];

/** A verifier's signature as it came in a message. */
export interface SignedVerdict {
  readonly verifier: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Out of what came in, the signatures of the first `threshold` verifiers, listed or drawn, that truly signed this
 * verdict on this stake; undefined while there are too few. Foreign keys, wrong signatures and repetitions are passed
 * over.
 * @param seats who was drawn ({@link drawVerifiers}), where verifiers are
 */
export function gatherVerdicts(
  terms: JobTerms,
  state: ContestedState,
  verdict: VerdictName,
  received: readonly SignedVerdict[],
  seats: readonly Seat[] = [],
): VerdictSignatures | undefined {
  const { verifiers } = terms;
  const message = contestedMessage(terms, state, verdict);
  let missing = terms.threshold;
  const barred = [terms.client, terms.seller];
  const judges = isDrawn(verifiers) ? seats : verifiers.map((publicKey) => ({ publicKey }));
  const signatures = judges.map((judge) => {
    const { publicKey } = judge;
    if (missing === 0 || barred.some((key) => equalBytes(key, publicKey))) return undefined;
    const signed = received.find(
      ({ verifier, signature }) =>
        equalBytes(verifier, publicKey) && verifyData(signature, message, publicKey),
    );
    if (signed === undefined) return undefined;
    missing--;
    return 'proof' in judge ? { ...judge, signature: signed.signature } : signed.signature;
  });
  return missing === 0 ? signatures : undefined;
}

/**
 * The message that a verifier of a contested stake signs.
 * @throws BitmodelError `BAD_STATE` where verifiers are drawn and the state lacks the client's secret
 */
export function contestedMessage(
  terms: JobTerms,
  state: ContestedState,
  verdict: VerdictName,
): Uint8Array {
  const { stakeOutpoint, commitmentHash, drawSecret, k } = state;
  if (!isDrawn(terms.verifiers)) {
    return verdictMessage(terms, stakeOutpoint, commitmentHash, verdict);
  }
  if (!drawSecret) {
    throw new BitmodelError('BAD_STATE', 'The contest did not show who was drawn.', {
      next: 'Read the contested contract from the chain again: it holds the secret that draws',
    });
  }
  const about = { drawSecret, k, stakeOutpoint, commitmentHash };
  return drawnVerdictMessage(terms, terms.verifiers, about, verdict);
}

/**
 * Slash (`invalid`): all that was paid and the bond to the client, the fee to each signer, the rest burnt. Clear
 * (`valid`): stake and bond less the fees to the seller, the fee to each signer. Whoever sends it adds coins for
 * the transaction's fee.
 * @throws BitmodelError `BAD_VERDICTS` unless exactly `threshold` verifiers' signatures are given, `BAD_TERMS`,
 *   `BAD_STATE`
 */
export function judgeSpend(
  terms: JobTerms,
  coin: ContractCoin,
  state: ContestedState,
  verdict: VerdictName,
  signatures: VerdictSignatures,
): ContractSpend {
  const fees = signersOf(terms, signatures).map((key) => payTo(key, terms.verifierFee));
  const spent = BigInt(fees.length) * terms.verifierFee;
  const bond = bondValue(terms);
  const reward = amountPaid(terms, state.count);
  const outputs =
    verdict === 'invalid'
      ? [
          payTo(terms.client, reward + bond),
          ...fees,
          { value: terms.stake - reward - spent, lockingScript: BURN_SCRIPT },
        ]
      : [paySeller(terms, terms.stake + bond - spent), ...fees];
  const unsigned = verifierCount(terms) - terms.threshold;
  const unlockingSize = terms.threshold * seatSize(terms) + unsigned + 2;
  return { ...spendContested(terms, coin, state, unlockingSize, CONTRACT_SEQUENCE), outputs };
}

/** Most bytes that a verifier who signed adds to the unlocking script. */
function seatSize({ verifiers }: JobTerms): number {
  if (!isDrawn(verifiers)) return DATA_SIGNATURE_PUSH;
  const proof = pushData(new Uint8Array(32 * proofDepth(verifiers.size))).length;
  return DATA_SIGNATURE_PUSH + KEY_PUSH + proof;
}

const KEY_PUSH = 34;

/**
 * Unlocks the contested contract with the verifiers' signatures of this verdict.
 * @throws BitmodelError `BAD_VERDICTS` unless exactly `threshold` are given
 */
export function judgeUnlocking(
  terms: JobTerms,
  verdict: VerdictName,
  signatures: VerdictSignatures,
): Uint8Array {
  signersOf(terms, signatures);
  const seats = signatures.map((signature) =>
    signature instanceof Uint8Array ? { signature } : signature,
  );
  return concatBytes(
    ...seatItems(seats).map(pushData),
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
  coin: ContractCoin,
  state: ContestedState,
): ContractSpend {
  const unlockingSize = lapseUnlocking(terms).length;
  return {
    ...spendContested(terms, coin, state, unlockingSize, terms.verdictWindow),
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
  coin: ContractCoin,
  state: ContestedState,
  unlockingSize: number,
  sequence: number,
): Omit<ContractSpend, 'outputs'> {
  const value = terms.stake + bondValue(terms);
  const made = { value, lockingScript: contestedScript(terms, state) };
  const input = contractInput(coin, made, unlockingSize, sequence);
  return { inputs: [input], lockTime: 0, jobId: terms.jobId };
}

/** Keys of those who signed, in the order of their fees. */
function signersOf(terms: JobTerms, signatures: VerdictSignatures): Uint8Array[] {
  const { verifiers, threshold } = terms;
  const count = verifierCount(terms);
  const keys = signatures.flatMap((signature, index) => {
    if (signature === undefined) return [];
    if (isDrawn(verifiers)) return signature instanceof Uint8Array ? [] : [signature.publicKey];
    return signature instanceof Uint8Array ? [verifiers[index]!] : [];
  });
  if (keys.length === threshold && signatures.length === count) return keys;
  throw new BitmodelError(
    'BAD_VERDICTS',
    `A judgement takes exactly ${threshold} of ${count} signatures, not ${keys.length}.`,
    { next: 'Wait for more verdicts, and take what gatherVerdicts makes of them' },
  );
}
