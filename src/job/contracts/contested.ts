import { concatBytes, utf8 } from '../../base/index.js';
import {
  assemble,
  checkDataThreshold,
  checkDrawnThreshold,
  choosePath,
  expression,
  hash160,
  joinParts,
  p2pkhScript,
  payNth,
  relativeLock,
  requireInputIndex,
  requireOutput,
  type TransactionOutput,
} from '../../chain/index.js';
import { bondValue, isDrawn, type JobTerms, type VerifierDraw } from '../terms.js';
import { type ContestedState, compiledOnce, contestedHead, readContestedHead } from './layout.js';
import { drawnVerdictHead, VERDICT_PREFIX } from './verdict.js';

/** Numbers of the contested contract's paths, pushed last by the unlocking script. */
export const CONTESTED_PATH = { judge: 0, lapse: 1 } as const;

/** The locking script that burns what a slashed seller loses beyond price and fees: OP_RETURN. */
export const BURN_SCRIPT: Uint8Array = Uint8Array.of(0x6a);

/**
 * Everything behind the contested contract's head, under these terms.
 * @throws BitmodelError `BAD_TERMS`
 */
export const contestedCode = compiledOnce((terms) => {
  // the unlocking script's last push, the path, lies under the head's pushes
  const paths = choosePath([judgePath(terms), lapsePath(terms)]);
  return assemble(joinParts(`${headPushes(terms)} OP_ROLL`, paths));
});

/** Pushes in the head: outpoint, k, count, commitment hash, and c behind the outpoint where verifiers are drawn. */
const headPushes = ({ verifiers }: JobTerms): number => (isDrawn(verifiers) ? 5 : 4);

/**
 * The contested contract: `threshold` verifiers slash or clear the seller, or it lapses (DESIGN 5.2).
 * @throws BitmodelError `BAD_TERMS`, `BAD_STATE`
 */
export function contestedScript(terms: JobTerms, state: ContestedState): Uint8Array {
  const code = contestedCode(terms);
  return concatBytes(contestedHead(terms, state), code);
}

/**
 * What an output seen on the chain says if it is the contested contract of these terms, else undefined: its script, its
 * value, and no token on it. A seller's release may pay anywhere, to the same script too, but not its value.
 * @throws BitmodelError `BAD_TERMS`
 */
export function parseContested(
  terms: JobTerms,
  output: TransactionOutput,
): ContestedState | undefined {
  if (output.value !== terms.stake + bondValue(terms) || output.token) return undefined;
  return readContestedHead(terms, output.lockingScript, contestedCode(terms));
}

/** Stack: verdicts, verdict, outpoint, (c,) k, count, commitment hash → */
function judgePath(terms: JobTerms): string {
  const lastFee = terms.threshold;
  const feesPaid = BigInt(terms.threshold) * terms.verifierFee;
  const bond = bondValue(terms);
  const client = p2pkhScript(hash160(terms.client));
  const seller = p2pkhScript(terms.sellerPayout);
  const { verifiers } = terms;
  return joinParts(
    requireInputIndex(0),
    `${headPushes(terms)} OP_ROLL OP_DUP 0 2 OP_WITHIN OP_VERIFY # … k count hash verdict`,
    isDrawn(verifiers) ? drawnMessagePart(terms, verifiers) : verdictMessagePart(terms),
    'OP_SWAP OP_IF # k count message; valid: clear',
    requireOutput(0, terms.stake + bond - feesPaid, seller),
    'OP_NIP OP_NIP',
    'OP_ELSE # invalid: slash',
    `OP_SWAP OP_BIN2NUM ${terms.pricePerToken} OP_MUL`,
    terms.feePerJob === undefined ? '' : `${terms.feePerJob} OP_ADD`,
    '# k message reward',
    requireOutput(0, `OP_DUP ${bond} OP_ADD`, client),
    requireOutput(lastFee + 1, `${terms.stake - feesPaid} OP_SWAP OP_SUB`, BURN_SCRIPT),
    'OP_NIP',
    'OP_ENDIF # message',
    isDrawn(verifiers) ? requireDrawnVerdicts(terms, verifiers) : requireVerdicts(terms, verifiers),
  );
}

/** Stack: outpoint k count hash verdict → k count verdict message */
function verdictMessagePart(terms: JobTerms): string {
  const before = concatBytes(utf8(VERDICT_PREFIX), terms.genesis);
  return joinParts(
    'OP_DUP 1 OP_NUM2BIN OP_ROT OP_SWAP OP_CAT # outpoint k count verdict hash‖byte',
    `${expression(terms.jobId)} OP_SWAP OP_CAT 4 OP_ROLL OP_SWAP OP_CAT`,
    `${expression(before)} OP_SWAP OP_CAT`,
  );
}

/** Stack: outpoint c k count hash verdict → k count verdict message; alternate stack: → c‖k */
function drawnMessagePart(terms: JobTerms, draw: VerifierDraw): string {
  return joinParts(
    'OP_DUP 1 OP_NUM2BIN OP_ROT OP_SWAP OP_CAT # outpoint c k count verdict hash‖byte',
    `${expression(terms.jobId)} OP_SWAP OP_CAT 5 OP_ROLL OP_SWAP OP_CAT`,
    '4 OP_ROLL 4 OP_PICK OP_CAT OP_DUP OP_TOALTSTACK OP_SWAP OP_CAT # k count verdict c‖k‖…',
    `${expression(drawnVerdictHead(terms.genesis, draw))} OP_SWAP OP_CAT`,
  );
}

/**
 * Exactly `threshold` different listed verifiers have signed the message, and the n-th of them is paid by output n.
 *
 * Stack: signature of the last verifier … of the first, message →
 */
function requireVerdicts(terms: JobTerms, verifiers: readonly Uint8Array[]): string {
  return checkDataThreshold({
    publicKeys: verifiers,
    threshold: terms.threshold,
    onSigner: (index) =>
      payNth({
        firstOutput: 1,
        value: terms.verifierFee,
        script: p2pkhScript(hash160(verifiers[index]!)),
      }),
  });
}

/**
 * Exactly `threshold` seats of the draw have signed the message, and the n-th of them is paid by output n. The parties
 * themselves don't sit.
 *
 * Stack: seats, message → ; alternate stack: c‖k →
 */
function requireDrawnVerdicts(terms: JobTerms, draw: VerifierDraw): string {
  return joinParts(
    `OP_FROMALTSTACK ${expression(draw.registry)} ${draw.size} ${draw.count} ${terms.threshold}`,
    checkDrawnThreshold({
      barred: [terms.client, terms.seller],
      firstOutput: 1,
      fee: terms.verifierFee,
    }),
  );
}

/** Stack: padding, the head's pushes → */
function lapsePath(terms: JobTerms): string {
  return joinParts(
    isDrawn(terms.verifiers) ? 'OP_2DROP OP_2DROP OP_2DROP' : 'OP_2DROP OP_2DROP OP_DROP',
    relativeLock(terms.verdictWindow),
    requireInputIndex(0),
    requireOutput(0, terms.stake, p2pkhScript(terms.sellerPayout)),
    requireOutput(1, bondValue(terms), p2pkhScript(hash160(terms.client))),
  );
}
