import { concatBytes, equalBytes, sha256, utf8 } from '../../base/index.js';
import {
  assemble,
  checkDrawnThreshold,
  choosePath,
  cutFields,
  decodeScript,
  demandInteger,
  demandKey,
  demandLength,
  expression,
  joinParts,
  OWN_VALUE,
  relativeLock,
  requireInputIndex,
  requireOutput,
  requireOutputScriptHash,
  requireOutputValue,
  requireSignature,
  SECOND_DRAW,
  type TransactionOutput,
  UNSIGNED_TO_NUMBER,
} from '../../chain/index.js';
import { JURY_THRESHOLD, SECOND_JURY_SIZE } from '../secondJury.js';
import { MAX_VERIFIERS } from '../terms.js';
import { BURN_SCRIPT } from './contested.js';
import { DRAWN_VERDICT_BYTES, DRAWN_VERDICT_PREFIX } from './verdict.js';

/** What the contracts of one verifier's bond are compiled from. */
export interface BondTerms {
  /** Hash of the chain's first block, 32 bytes in byte order. */
  readonly genesis: Uint8Array;
  /** The verifier's compressed public key, 33 bytes: the one it signs verdicts with. */
  readonly verifier: Uint8Array;
  /** Blocks that a leaving bond can still be slashed in ({@link NetworkParameters.bondExit}), 1 to 65,535. */
  readonly exit: number;
}

/** Numbers of the bond's paths, and of the leaving contract's, pushed last by the unlocking script. */
export const BOND_PATH = { leave: 0, slash: 1 } as const;
/** Ways in which a bond that is leaving can be spent, by the number that an unlocking script chooses. */
export const LEAVING_PATH = { release: 0, slash: 1 } as const;

/** Base units a bond must be worth for its verifier to stand in the registry: one coin. */
export const MINIMUM_BOND = 100_000_000n;

/** A member of the second jury gets the bond's value divided by this: the 21 of the largest jury a fifth of it. */
export const REJUDGE_SHARE = 100n;

/** First bytes of every message of a second jury. */
const REJUDGE_PREFIX = 'bitmodel/rejudge/1';

/**
 * The 83 bytes that a member of the second jury signs to say that a verdict was wrong: "bitmodel/rejudge/1" ‖ the
 * verifier's key ‖ SHA-256(its verdict message).
 */
export function rejudgeMessage(verifier: Uint8Array, verdictMessage: Uint8Array): Uint8Array {
  return concatBytes(utf8(REJUDGE_PREFIX), verifier, sha256(verdictMessage));
}

/**
 * The verifier bond (DESIGN 5.2): its verifier's, who can only take it by way of the leaving contract, and burnt when
 * a second jury finds one of its verdicts wrong.
 * @throws BitmodelError `BAD_TERMS`
 */
export function bondScript(terms: BondTerms): Uint8Array {
  return assemble(choosePath([leavePath(terms), slashPath(terms)]));
}

/**
 * The leaving contract: the verifier's again `exit` blocks after it left, and slashed like the bond until it is taken.
 * @throws BitmodelError `BAD_TERMS`
 */
export function leavingScript(terms: BondTerms): Uint8Array {
  demandTerms(terms);
  const release = joinParts(relativeLock(terms.exit), requireSignature(terms.verifier));
  return assemble(choosePath([release, slashPath(terms)]));
}

/**
 * The verifier whose bond an output is, under the rules of a chain; undefined for every other output, and for one that
 * carries a token.
 */
export function parseBond(
  rules: Pick<BondTerms, 'genesis' | 'exit'>,
  { lockingScript: script, token }: Omit<TransactionOutput, 'value'>,
): Uint8Array | undefined {
  if (token) return undefined;
  const verifier = decodeScript(script)
    .find(({ data }) => data?.length === 33)
    ?.data?.slice();
  if (!verifier) return undefined;
  try {
    return equalBytes(bondScript({ ...rules, verifier }), script) ? verifier : undefined;
  } catch {
    // a key that is no point makes no bond
    return undefined;
  }
}

/** Stack: verifier's signature → */
function leavePath(terms: BondTerms): string {
  return joinParts(
    requireSignature(terms.verifier),
    requireInputIndex(0),
    requireOutputValue(0, OWN_VALUE),
    requireOutputScriptHash(0, sha256(leavingScript(terms))),
  );
}

/**
 * The accused's own signature shows the verdict. That names the registry, the seats and the seed it was drawn by, and
 * the second jury is drawn from these and the signature itself: nobody can offer another one, and whoever made up the seed
 * beforehand, as buyer and seller in one can, does not know whom it will call. A registry that is not the chain's would have to
 * be signed by the accused itself. It could do so to slash itself with a jury of its own keys; that such a jury is no
 * larger than a job's can be, and so costs it four fifths of its bond at least, is demanded here.
 *
 * Stack: seats of the second jury, verdict message, the accused's signature of it →
 */
function slashPath({ verifier, genesis }: BondTerms): string {
  const begins = concatBytes(utf8(DRAWN_VERDICT_PREFIX), genesis);
  const about = concatBytes(utf8(REJUDGE_PREFIX), verifier);
  const fee = `${OWN_VALUE} ${REJUDGE_SHARE} OP_DIV`;
  const known = [begins.length, 32, 4, 1, 64];
  const rest = DRAWN_VERDICT_BYTES - known.reduce((sum, length) => sum + length, 0);
  return joinParts(
    requireInputIndex(0),
    `OP_2DUP OP_SWAP ${expression(verifier)} OP_CHECKDATASIGVERIFY`,
    'OP_SHA256 OP_SWAP # signed verdict',
    `OP_DUP OP_SHA256 ${expression(about)} OP_SWAP OP_CAT OP_SWAP # signed message verdict`,
    `${cutFields([...known, rest])} OP_DROP # signed message begins registry size count seed`,
    `4 OP_ROLL ${expression(begins)} OP_EQUALVERIFY`,
    `${expression(SECOND_DRAW)} OP_CAT 5 OP_ROLL OP_CAT OP_SHA256 3 OP_ROLL`,
    `3 OP_ROLL ${UNSIGNED_TO_NUMBER} 3 OP_ROLL ${UNSIGNED_TO_NUMBER}`,
    `OP_DUP 1 ${MAX_VERIFIERS + 1} OP_WITHIN OP_VERIFY ${SECOND_JURY_SIZE}`,
    `${JURY_THRESHOLD} # message seed registry size seats threshold`,
    requireOutput(0, `OP_DUP ${fee} OP_MUL ${OWN_VALUE} OP_SWAP OP_SUB`, BURN_SCRIPT),
    checkDrawnThreshold({ barred: [verifier], firstOutput: 1, fee }),
  );
}

function demandTerms({ genesis, verifier, exit }: BondTerms): void {
  demandLength(genesis, 32, 'genesis');
  demandKey(verifier, "the verifier's key");
  demandInteger(exit, 1, 0xffff, 'exit');
}
