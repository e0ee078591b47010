import { BitmodelError, concatBytes } from '../../base/index.js';
import {
  CONTRACT_SEQUENCE,
  type ContractCoin,
  type ContractSpend,
  contractInput,
  hash160,
  NO_JOB,
  p2pkhScript,
  paddingFor,
  paddingPush,
  pushData,
  pushNumber,
  SIGNATURE_PUSH,
  seatItems,
  type Transaction,
  type TransactionOutput,
} from '../../chain/index.js';
import {
  type BackersAccept,
  type Delivery,
  demandDelivery,
  GRANT_PATH,
  grantScript,
  type JudgesAccept,
  PLEDGE_PATH,
  type PledgeTerms,
  pledgeScript,
} from './assurance.js';

/** A pledge on the chain. */
export interface PledgeCoin extends ContractCoin {
  /** Base units. */
  readonly value: bigint;
  /** Compressed public key. */
  readonly backer: Uint8Array;
}

/** A pledge whose backer may have signed the delivery ({@link deliveryMessage}). */
export interface Vote extends PledgeCoin {
  readonly signature?: Uint8Array | undefined;
}

/** A spend of several contract inputs whose unlocking scripts sign nothing: they are there before it is funded. */
export interface PayoutSpend extends ContractSpend {
  /** One for each of the spend's inputs. */
  readonly unlockingScripts: readonly Uint8Array[];
}

/** The output that pledges this much. @throws BitmodelError `BAD_TERMS` */
export function pledgeOutput(
  terms: PledgeTerms,
  backer: Uint8Array,
  value: bigint,
): TransactionOutput {
  return { value, lockingScript: pledgeScript(terms, backer) };
}

/**
 * Accepts a delivery by the votes of the backers: output i is the grant of pledge i. Coins for the fee, and their
 * change, go behind.
 * @throws BitmodelError `BAD_PLEDGES` below the goal or two thirds, `BAD_TERMS`
 */
export function backersAcceptSpend(
  terms: PledgeTerms,
  acceptance: BackersAccept,
  votes: readonly Vote[],
  delivery: Delivery,
): PayoutSpend {
  demandDelivery(delivery);
  const sum = demandGoal(terms, votes);
  const signed = votes.reduce((total, vote) => total + (vote.signature ? vote.value : 0n), 0n);
  if (3n * signed < 2n * sum) {
    throw badPledges(`${signed} of ${sum} base units signed, less than two thirds`);
  }
  const outputs = votes.map(({ backer, value }) => ({
    value,
    lockingScript: grantScript(acceptance, backer, delivery),
  }));
  const items = votes.map(({ signature }) => [
    signature ?? new Uint8Array(0),
    delivery.payee,
    delivery.delivery,
  ]);
  return payout(terms, votes, outputs, items);
}

/** What judges show of a delivery. */
export interface Judgement {
  /** One per judge in the terms' order; exactly the threshold of them. */
  readonly signatures: readonly (Uint8Array | undefined)[];
  /** Salt, and SHA-256 of the test set: 32 bytes each. */
  readonly salt: Uint8Array;
  readonly testSetHash: Uint8Array;
}

/**
 * Accepts a delivery by the judges' verdict: output 0 pays all pledges to the payee.
 * @throws BitmodelError `BAD_PLEDGES` below the goal, `BAD_VERDICTS`, `BAD_TERMS`
 */
export function judgesAcceptSpend(
  terms: PledgeTerms,
  acceptance: JudgesAccept,
  pledges: readonly PledgeCoin[],
  delivery: Delivery,
  judgement: Judgement,
): PayoutSpend {
  demandDelivery(delivery);
  const { signatures } = judgement;
  const given = signatures.filter((signature) => signature !== undefined).length;
  const { judges, threshold } = acceptance;
  if (given !== threshold || signatures.length !== judges.length) {
    throw new BitmodelError(
      'BAD_VERDICTS',
      `An acceptance takes exactly ${threshold} of ${judges.length} signatures, not ${given}.`,
      { next: 'Gather the verdicts of that many judges, and leave the places of the others empty' },
    );
  }
  const value = demandGoal(terms, pledges);
  const lockingScript = p2pkhScript(hash160(delivery.payee));
  const opening = concatBytes(judgement.salt, judgement.testSetHash);
  const seats = signatures.map((signature) => signature && { signature });
  const first = [...seatItems(seats), delivery.payee, delivery.delivery, opening];
  const items = pledges.map((_, index) => (index === 0 ? first : []));
  return payout(terms, pledges, [{ value, lockingScript }], items);
}

/** Takes a pledge back, valid in any block above the height `deadline`. @throws BitmodelError `BAD_TERMS` */
export function pledgeRefundSpend(terms: PledgeTerms, pledge: PledgeCoin): ContractSpend {
  const made = pledgeOutput(terms, pledge.backer, pledge.value);
  const input = contractInput(pledge, made, SIGNATURE_PUSH + 1);
  return { inputs: [input], outputs: [], lockTime: terms.deadline, jobId: NO_JOB };
}

/** Unlocks a pledge for the refund with the backer's signature. */
export function pledgeRefundUnlocking(signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(PLEDGE_PATH.refund));
}

/** Takes a grant: the backer at any time (`withdraw`), the payee `window` blocks after the acceptance (`take`). */
export function grantSpend(
  acceptance: BackersAccept,
  grant: PledgeCoin,
  delivery: Delivery,
  path: keyof typeof GRANT_PATH,
): ContractSpend {
  const { value, backer } = grant;
  const made = { value, lockingScript: grantScript(acceptance, backer, delivery) };
  const sequence = path === 'take' ? acceptance.window : CONTRACT_SEQUENCE;
  const input = contractInput(grant, made, SIGNATURE_PUSH + 1, sequence);
  return { inputs: [input], outputs: [], lockTime: 0, jobId: NO_JOB };
}

/** Unlocks a grant with the backer's (`withdraw`) or the payee's (`take`) signature. */
export function grantUnlocking(path: keyof typeof GRANT_PATH, signature: Uint8Array): Uint8Array {
  return concatBytes(pushData(signature), pushNumber(GRANT_PATH[path]));
}

/** A funded transaction with a payout's unlocking scripts in its first inputs. */
export function unlockPayout(transaction: Transaction, spend: PayoutSpend): Transaction {
  const inputs = transaction.inputs.map((input, index) => {
    const unlockingScript = spend.unlockingScripts[index];
    return unlockingScript ? { ...input, unlockingScript } : input;
  });
  return { ...transaction, inputs };
}

function demandGoal(terms: PledgeTerms, pledges: readonly PledgeCoin[]): bigint {
  const sum = pledges.reduce((total, { value }) => total + value, 0n);
  if (sum < terms.goal) throw badPledges(`${sum} of ${terms.goal} base units are pledged`);
  return sum;
}

function badPledges(why: string): BitmodelError {
  return new BitmodelError('BAD_PLEDGES', `These pledges can't be paid out: ${why}.`, {
    next: 'Gather more pledges or votes; after the deadline every backer can take its own back',
  });
}

/** The pledges from input 0 on, each with its pushes and as much padding as its work costs. */
function payout(
  terms: PledgeTerms,
  pledges: readonly PledgeCoin[],
  outputs: readonly TransactionOutput[],
  items: readonly (readonly Uint8Array[])[],
): PayoutSpend {
  const locked = pledges.map((pledge) =>
    contractInput(pledge, pledgeOutput(terms, pledge.backer, pledge.value), 0),
  );
  const spent = locked.map(({ output }) => output);
  // a coin for the fee stands behind: input 0 looks at one script more
  const fee = { value: 0n, lockingScript: p2pkhScript(new Uint8Array(20)) };
  const outpoints = [...pledges.map(({ outpoint }) => outpoint), { hash: NO_JOB, index: 0 }];
  const draft: Transaction = {
    version: 10,
    inputs: outpoints.map((outpoint) => ({
      outpoint,
      unlockingScript: new Uint8Array(0),
      sequence: CONTRACT_SEQUENCE,
    })),
    outputs,
    lockTime: 0,
    jobId: NO_JOB,
  };
  const unlock = (index: number, padding: number): Uint8Array =>
    concatBytes(
      ...items[index]!.map(pushData),
      paddingPush(padding),
      pushNumber(PLEDGE_PATH.accept),
    );
  const padding = paddingFor(draft, [...spent, fee], pledges.length, unlock);
  const unlockingScripts = padding.map((bytes, index) => unlock(index, bytes));
  const inputs = locked.map((input, index) => ({
    ...input,
    unlockingSize: unlockingScripts[index]!.length,
  }));
  return { inputs, outputs, lockTime: 0, jobId: NO_JOB, unlockingScripts };
}
