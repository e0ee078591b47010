import { concatBytes, equalBytes, sha256, u32le, u64le, utf8 } from '../../base/index.js';
import {
  asPush,
  assemble,
  checkDataThreshold,
  choosePath,
  demand,
  demandAmount,
  demandInteger,
  demandKey,
  demandLength,
  expression,
  joinParts,
  pushData,
  relativeLock,
  requireNoToken,
  type TransactionOutput,
  timeLock,
} from '../../chain/index.js';

/** Accepted by those who pay: two thirds of the pledged coins, with time for dissenters to withdraw. */
export interface BackersAccept {
  readonly by: 'backers';
  /** Blocks that dissenters have, 1 to 65,535; 30 by DESIGN 9. */
  readonly window: number;
}

/** Accepted by judges who run a test set that was committed to before anybody could see it. */
export interface JudgesAccept {
  readonly by: 'judges';
  /** Compressed public keys, 1 to 15. */
  readonly judges: readonly Uint8Array[];
  readonly threshold: number;
  /** SHA-256(salt (32 bytes) ‖ SHA-256 of the test set). */
  readonly testSet: Uint8Array;
}

/** What the pledges for one task are compiled from (IMI, DESIGN 9). */
export interface PledgeTerms {
  /** Hash of the chain's first block, 32 bytes in byte order. */
  readonly genesis: Uint8Array;
  /** What is to be made: SHA-256 of its description, or whatever 32 bytes name it. */
  readonly task: Uint8Array;
  /** Base units that must come together for anything to be paid, at least 1. */
  readonly goal: bigint;
  /** Once the chain is so high, each backer can take its pledge back, in the next block: 1 to 499,999,999. */
  readonly deadline: number;
  readonly acceptance: BackersAccept | JudgesAccept;
}

/** Who is paid for what. */
export interface Delivery {
  /** Id of the delivered bundle, 32 bytes. */
  readonly delivery: Uint8Array;
  /** Compressed public key of who delivered it. */
  readonly payee: Uint8Array;
}

/** Numbers of the pledge's paths, and of the grant's, pushed last by the unlocking script. */
export const PLEDGE_PATH = { accept: 0, refund: 1 } as const;
/** Ways in which a grant can be spent, by the number that an unlocking script chooses. */
export const GRANT_PATH = { withdraw: 0, take: 1 } as const;

/** First bytes of what backers or judges sign. */
const DELIVERY_PREFIX = 'bitmodel/imi/1';

/** push(backer 33): the pledge's head. */
const PLEDGE_HEAD_BYTES = 34;
/** push(backer 33) ‖ push(payee 33) ‖ push(delivery 32): the grant's head. */
const GRANT_HEAD_BYTES = 34 + 34 + 33;

/**
 * The 32 bytes that name all terms of a pledge: SHA-256(task ‖ goal u64LE ‖ deadline u32LE ‖ acceptance), where the
 * acceptance is 0 ‖ window u32LE for backers, and 1 ‖ threshold u8 ‖ test set ‖ the judges' keys for judges. A vote or a
 * judgement is about these: the same task may be pledged for again, with another goal or a looser acceptance.
 */
function pledgeTermsHash({ task, goal, deadline, acceptance }: PledgeTerms): Uint8Array {
  const accepted =
    acceptance.by === 'backers'
      ? [Uint8Array.of(0), u32le(acceptance.window)]
      : [Uint8Array.of(1, acceptance.threshold), acceptance.testSet, ...acceptance.judges];
  return sha256(task, u64le(goal), u32le(deadline), ...accepted);
}

/**
 * The 143 bytes that say "this delivery fulfils the task, and this key made it": "bitmodel/imi/1" ‖ genesis ‖
 * {@link pledgeTermsHash} ‖ delivery ‖ payee. Backers or judges sign them with `signData`.
 */
export function deliveryMessage(terms: PledgeTerms, { delivery, payee }: Delivery): Uint8Array {
  return concatBytes(utf8(DELIVERY_PREFIX), terms.genesis, pledgeTermsHash(terms), delivery, payee);
}

/** What a test set is committed by: SHA-256(salt ‖ SHA-256 of the test set). */
export function testSetCommitment(salt: Uint8Array, testSetHash: Uint8Array): Uint8Array {
  demandLength(salt, 32, 'salt');
  demandLength(testSetHash, 32, 'the hash of the test set');
  return sha256(salt, testSetHash);
}

/**
 * A backer's pledge: paid out only together with others that reach the goal, by the acceptance that all of them name;
 * the backer's again once the chain is as high as the deadline.
 * @throws BitmodelError `BAD_TERMS`
 */
export function pledgeScript(terms: PledgeTerms, backer: Uint8Array): Uint8Array {
  demandKey(backer, "the backer's key");
  return concatBytes(pushData(backer), pledgeCode(terms));
}

/** Codes that were compiled: readers hold every output that somebody announces against the same terms. */
const compiled = new WeakMap<PledgeTerms, Uint8Array>();

/** Everything behind the pledge's head: equal for all pledges of one task. @throws BitmodelError `BAD_TERMS` */
export function pledgeCode(terms: PledgeTerms): Uint8Array {
  const known = compiled.get(terms);
  if (known) return known;
  const code = compile(terms);
  compiled.set(terms, code);
  return code;
}

function compile(terms: PledgeTerms): Uint8Array {
  demandTerms(terms);
  const { acceptance } = terms;
  const accept =
    acceptance.by === 'backers' ? backersPath(terms, acceptance) : judgesPath(terms, acceptance);
  const refund = joinParts(timeLock(terms.deadline), 'OP_CHECKSIGVERIFY');
  return assemble(joinParts('OP_SWAP', choosePath([accept, refund])));
}

/**
 * The backer whose pledge an output is under these terms; undefined for every other output, and for one that carries a
 * token.
 */
export function parsePledge(
  terms: PledgeTerms,
  { lockingScript: script, token }: Omit<TransactionOutput, 'value'>,
): Uint8Array | undefined {
  const isPledge =
    !token && script[0] === 33 && equalBytes(script.subarray(PLEDGE_HEAD_BYTES), pledgeCode(terms));
  return isPledge ? script.slice(1, PLEDGE_HEAD_BYTES) : undefined;
}

/**
 * What an accepted pledge becomes where backers accept: the payee's after `window` blocks, and until then, or until
 * it is taken, the backer's who wants it back.
 * @throws BitmodelError `BAD_TERMS`
 */
export function grantScript(
  acceptance: BackersAccept,
  backer: Uint8Array,
  { payee, delivery }: Delivery,
): Uint8Array {
  demandKey(backer, "the backer's key");
  demandDelivery({ payee, delivery });
  const head = concatBytes(pushData(backer), pushData(payee), pushData(delivery));
  return concatBytes(head, grantCode(acceptance));
}

/** Everything behind the grant's head. Stack: signature, path, backer, payee, delivery → */
export function grantCode({ window }: BackersAccept): Uint8Array {
  const withdraw = 'OP_DROP OP_CHECKSIGVERIFY';
  const take = joinParts('OP_NIP', relativeLock(window), 'OP_CHECKSIGVERIFY');
  return assemble(joinParts('OP_DROP 2 OP_ROLL', choosePath([withdraw, take])));
}

/**
 * Whether a script is a pledge of this very code. The head must be one push of 33 bytes: another head could swallow
 * the code. Stack: script → bool
 */
const WITHOUT_BACKER = '1 OP_SPLIT 33 OP_SPLIT OP_NIP OP_CAT';
const IS_SAME_PLEDGE = `
  OP_SIZE OP_ACTIVEBYTECODE OP_SIZE OP_NIP OP_NUMEQUAL OP_IF
    ${WITHOUT_BACKER} OP_ACTIVEBYTECODE ${WITHOUT_BACKER} OP_EQUAL
  OP_ELSE OP_DROP 0 OP_ENDIF`;

/** Demands that an unlocking script chooses path 0 (accept), and takes that push off. Stack: script → rest */
const CHOOSES_ACCEPT = 'OP_SIZE OP_1SUB OP_SPLIT 0x00 OP_EQUALVERIFY';

/**
 * An input behind the first demands that the one before it is a pledge of this code that is accepted too. So is then
 * that one's predecessor, down to input 0, which answers for all.
 */
const FOLLOWS_ACCEPTED = `
  OP_INPUTINDEX OP_1SUB OP_DUP OP_UTXOBYTECODE ${IS_SAME_PLEDGE} OP_VERIFY
  OP_INPUTBYTECODE ${CHOOSES_ACCEPT} OP_DROP`;

/** Whether input j is no pledge of this code, or there is none. Stack: j → j bool */
const ENDS_AT = `
  OP_DUP OP_TXINPUTCOUNT OP_LESSTHAN OP_IF OP_DUP OP_UTXOBYTECODE ${IS_SAME_PLEDGE} OP_NOT
  OP_ELSE 1 OP_ENDIF`;

/**
 * Each input turns its pledge into its backer's grant at the output of its own index, and checks its backer's
 * signature if there is one. Input 0 adds up all of them, and those that are signed.
 *
 * Stack: backer's signature or empty, payee, delivery, padding, backer →
 */
function backersPath(terms: PledgeTerms, acceptance: BackersAccept): string {
  return joinParts(
    'OP_NIP # signature payee delivery backer',
    'OP_INPUTINDEX OP_OUTPUTVALUE OP_INPUTINDEX OP_UTXOVALUE OP_NUMEQUALVERIFY',
    `OP_DUP ${asPush(33)} 3 OP_PICK ${asPush(33)} OP_CAT 2 OP_PICK ${asPush(32)} OP_CAT`,
    `OP_INPUTINDEX OP_OUTPUTBYTECODE ${GRANT_HEAD_BYTES} OP_SPLIT`,
    `OP_SHA256 ${expression(sha256(grantCode(acceptance)))} OP_EQUALVERIFY OP_EQUALVERIFY`,
    requireNoToken('OP_INPUTINDEX'),
    `${messageStart(terms)} 2 OP_PICK OP_CAT 3 OP_PICK OP_CAT # … payee delivery backer message`,
    '4 OP_ROLL OP_SIZE OP_IF OP_SWAP 2 OP_PICK OP_CHECKDATASIGVERIFY OP_ELSE OP_2DROP OP_ENDIF',
    `OP_DROP ${asPush(32)} OP_SWAP ${asPush(33)} OP_SWAP OP_CAT # payee and delivery of the grants`,
    'OP_INPUTINDEX OP_IF OP_DROP',
    FOLLOWS_ACCEPTED,
    'OP_ELSE',
    countVotes(terms.goal),
    'OP_ENDIF',
  );
}

/**
 * Demands that two thirds of all accepted coins are signed for, that they reach the goal, and that all grants name the
 * same payee and delivery.
 *
 * Stack: push(payee) ‖ push(delivery) →
 */
function countVotes(goal: bigint): string {
  return joinParts(
    '0 0 0 OP_BEGIN OP_DUP OP_UTXOVALUE # named sum signed j value',
    `OP_OVER OP_INPUTBYTECODE ${CHOOSES_ACCEPT}`,
    '1 OP_SPLIT OP_DROP 0x00 OP_EQUAL OP_NOTIF OP_ROT OP_OVER OP_ADD OP_ROT OP_ROT OP_ENDIF',
    '3 OP_ROLL OP_ADD OP_ROT OP_ROT # named sum signed j',
    `OP_DUP OP_OUTPUTBYTECODE ${GRANT_HEAD_BYTES} OP_SPLIT OP_DROP ${PLEDGE_HEAD_BYTES} OP_SPLIT`,
    `OP_NIP 4 OP_PICK OP_EQUALVERIFY OP_1ADD ${ENDS_AT} OP_UNTIL`,
    'OP_DROP 3 OP_MUL OP_OVER OP_2MUL OP_GREATERTHANOREQUAL OP_VERIFY',
    `${goal} OP_GREATERTHANOREQUAL OP_VERIFY OP_DROP`,
  );
}

/**
 * Input 0 shows the judges' signatures and what the test set was committed by, and pays all to the payee by output 0;
 * the others only follow.
 *
 * Stack: (signatures of the judges, payee, delivery, opening,) padding, backer →
 */
function judgesPath(terms: PledgeTerms, acceptance: JudgesAccept): string {
  const { judges, threshold, testSet } = acceptance;
  return joinParts(
    `OP_2DROP OP_INPUTINDEX OP_IF ${FOLLOWS_ACCEPTED} OP_ELSE`,
    `OP_SIZE 64 OP_NUMEQUALVERIFY OP_SHA256 ${expression(testSet)} OP_EQUALVERIFY`,
    'OP_SIZE 32 OP_NUMEQUALVERIFY OP_OVER OP_SIZE 33 OP_NUMEQUALVERIFY # payee delivery payee',
    `OP_CAT ${messageStart(terms)} OP_SWAP OP_CAT OP_SWAP # message payee`,
    'OP_HASH160 0x76a914 OP_SWAP OP_CAT 0x88ac OP_CAT 0 OP_OUTPUTBYTECODE OP_EQUALVERIFY',
    requireNoToken(0),
    checkDataThreshold({ publicKeys: judges, threshold }),
    '0 0 OP_BEGIN OP_DUP OP_UTXOVALUE OP_ROT OP_ADD OP_SWAP # sum j',
    `OP_DUP OP_INPUTBYTECODE ${CHOOSES_ACCEPT} OP_DROP OP_1ADD ${ENDS_AT} OP_UNTIL OP_DROP`,
    `OP_DUP ${terms.goal} OP_GREATERTHANOREQUAL OP_VERIFY`,
    '0 OP_OUTPUTVALUE OP_NUMEQUALVERIFY',
    'OP_ENDIF',
  );
}

const messageStart = (terms: PledgeTerms): string =>
  expression(concatBytes(utf8(DELIVERY_PREFIX), terms.genesis, pledgeTermsHash(terms)));

function demandTerms({ genesis, task, goal, deadline, acceptance }: PledgeTerms): void {
  demandLength(genesis, 32, 'genesis');
  demandLength(task, 32, 'task');
  demandAmount(goal, 1n, 'goal');
  demandInteger(deadline, 1, 499_999_999, 'deadline');
  if (acceptance.by === 'backers') demandInteger(acceptance.window, 1, 0xffff, 'window');
  else demandJudges(acceptance);
}

function demandJudges({ judges, threshold, testSet }: JudgesAccept): void {
  const { length } = judges;
  demandLength(testSet, 32, 'testSet');
  demandInteger(length, 1, 15, 'the number of judges');
  for (const judge of judges) demandKey(judge, "a judge's key");
  demandInteger(threshold, 1, length, 'threshold');
  demand(2 * threshold > length, `a threshold of ${threshold} is not more than half of ${length}`);
}

/** Demands a delivery that can be paid. @throws BitmodelError `BAD_TERMS` */
export function demandDelivery({ delivery, payee }: Delivery): void {
  demandLength(delivery, 32, 'delivery');
  demandKey(payee, "the payee's key");
}
