import { BitmodelError, concatBytes, equalBytes } from '../../base/index.js';
import {
  CONTRACT_SEQUENCE,
  type ContractCoin,
  type ContractSpend,
  contractInput,
  DATA_SIGNATURE_PUSH,
  hash160,
  NO_JOB,
  p2pkhScript,
  proofDepth,
  pushData,
  pushNumber,
  type SeatSignature,
  SIGNATURE_PUSH,
  seatItems,
  verifyData,
} from '../../chain/index.js';
import type { Seat } from '../bonds/registry.js';
import { juryThreshold } from '../secondJury.js';
import {
  BOND_PATH,
  type BondTerms,
  bondScript,
  LEAVING_PATH,
  leavingScript,
  REJUDGE_SHARE,
  rejudgeMessage,
} from './bond.js';
import { BURN_SCRIPT } from './contested.js';
import type { SignedVerdict } from './contestedSpends.js';

/** A bond, or a leaving one, on the chain. */
export interface BondCoin extends ContractCoin {
  /** Base units. */
  readonly value: bigint;
  readonly leaving: boolean;
}

/** What shows that a bonded verifier's verdict was wrong. */
export interface Rejudgement {
  /** The accused's verdict message, {@link DRAWN_VERDICT_BYTES} long, and its signature of it. */
  readonly verdictMessage: Uint8Array;
  readonly verdictSignature: Uint8Array;
  /** By seat of the second jury; exactly the threshold of them. */
  readonly jury: readonly (SeatSignature | undefined)[];
}

/** The leaving: output 0 is the leaving contract, worth what the bond is. @throws BitmodelError `BAD_TERMS` */
export function leaveSpend(terms: BondTerms, coin: BondCoin): ContractSpend {
  return {
    ...spendBond(terms, coin, SIGNATURE_PUSH + 1, CONTRACT_SEQUENCE),
    outputs: [{ value: coin.value, lockingScript: leavingScript(terms) }],
  };
}

/** Unlocks the bond for leaving with the verifier's signature. */
export function leaveUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(BOND_PATH.leave));
}

/** Takes a leaving bond back, valid `exit` blocks after it left. @throws BitmodelError `BAD_TERMS` */
export function bondReleaseSpend(terms: BondTerms, coin: BondCoin): ContractSpend {
  return { ...spendBond(terms, coin, SIGNATURE_PUSH + 1, terms.exit), outputs: [] };
}

/** Unlocks a leaving bond with the verifier's signature. */
export function bondReleaseUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(LEAVING_PATH.release));
}

/**
 * Burns a bond, standing or leaving, less a hundredth for each member of the second jury that signed. Whoever sends
 * it adds coins for the transaction's fee.
 * @param size of the registry that the jury was drawn from
 * @throws BitmodelError `BAD_TERMS`, `BAD_VERDICTS` for an empty jury
 */
export function bondSlashSpend(
  terms: BondTerms,
  coin: BondCoin,
  size: number,
  { jury }: Rejudgement,
): ContractSpend {
  const fee = coin.value / REJUDGE_SHARE;
  const fees = jury.flatMap((seat) =>
    seat ? [{ value: fee, lockingScript: p2pkhScript(hash160(seat.publicKey)) }] : [],
  );
  if (fees.length === 0) {
    throw new BitmodelError('BAD_VERDICTS', 'Nobody judged this verdict.', {
      next: 'Draw a second jury, and take what gatherRejudgement makes of its answers',
    });
  }
  const burnt = coin.value - BigInt(fees.length) * fee;
  const proof = pushData(new Uint8Array(32 * proofDepth(size))).length;
  const signed = fees.length * (DATA_SIGNATURE_PUSH + 34 + proof);
  const unlockingSize = signed + jury.length - fees.length + 255 + DATA_SIGNATURE_PUSH + 1;
  return {
    ...spendBond(terms, coin, unlockingSize, CONTRACT_SEQUENCE),
    outputs: [{ value: burnt, lockingScript: BURN_SCRIPT }, ...fees],
  };
}

/** Unlocks a bond, standing or leaving, for the slash. */
export function bondSlashUnlocking({
  verdictMessage,
  verdictSignature,
  jury,
}: Rejudgement): Uint8Array {
  return concatBytes(
    ...seatItems(jury).map(pushData),
    pushData(verdictMessage),
    pushData(verdictSignature),
    pushNumber(BOND_PATH.slash),
  );
}

/**
 * Out of what came in, the signatures of the first `threshold` members of the second jury that truly found this
 * verdict wrong; undefined while there are too few. The accused's own seat stays empty.
 */
export function gatherRejudgement(
  verifier: Uint8Array,
  verdictMessage: Uint8Array,
  seats: readonly Seat[],
  received: readonly SignedVerdict[],
): (SeatSignature | undefined)[] | undefined {
  const message = rejudgeMessage(verifier, verdictMessage);
  let missing = juryThreshold(seats.length);
  const jury = seats.map((seat) => {
    if (missing === 0 || equalBytes(seat.publicKey, verifier)) return undefined;
    const signed = received.find(
      (one) =>
        equalBytes(one.verifier, seat.publicKey) &&
        verifyData(one.signature, message, seat.publicKey),
    );
    if (signed === undefined) return undefined;
    missing--;
    return { ...seat, signature: signed.signature };
  });
  return missing === 0 ? jury : undefined;
}

function spendBond(
  terms: BondTerms,
  coin: BondCoin,
  unlockingSize: number,
  sequence: number,
): Omit<ContractSpend, 'outputs'> {
  const lockingScript = coin.leaving ? leavingScript(terms) : bondScript(terms);
  const made = { value: coin.value, lockingScript };
  const input = contractInput(coin, made, unlockingSize, sequence);
  return { inputs: [input], lockTime: 0, jobId: NO_JOB };
}
