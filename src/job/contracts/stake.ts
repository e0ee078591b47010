import { concatBytes, sha256 } from '../../base/index.js';
import {
  asPush,
  assemble,
  choosePath,
  hashLockKeeping,
  joinParts,
  NUMBER_TO_U32,
  OWN_SCRIPT,
  relativeLock,
  requireInputIndex,
  requireOutputTemplate,
  requireOutputValue,
  requireSignature,
  type TransactionOutput,
} from '../../chain/index.js';
import { bondValue, isDrawn, type JobTerms } from '../terms.js';
import { contestedCode } from './contested.js';
import {
  compiledOnce,
  contestedHeadBytes,
  readStakeHead,
  STAKE_HEAD_BYTES,
  type StakeState,
  stakeHead,
} from './layout.js';

/** Numbers of the stake's paths, pushed last by the unlocking script. */
export const STAKE_PATH = { release: 0, contest: 1 } as const;

/**
 * Everything behind the stake's head, under these terms.
 * @throws BitmodelError `BAD_TERMS`
 */
export const stakeCode = compiledOnce((terms) => {
  const paths = choosePath([releasePath(terms), contestPath(terms)]);
  // the contest copies the head from the script itself, so that its pushes are not needed
  return assemble(joinParts('OP_2DROP OP_DROP', paths));
});

/**
 * The stake: the seller's after the dispute window, unless the client contests before (DESIGN 5.2).
 * @throws BitmodelError `BAD_TERMS`, `BAD_STATE`
 */
export function stakeScript(terms: JobTerms, state: StakeState): Uint8Array {
  const code = stakeCode(terms);
  return concatBytes(stakeHead(terms, state), code);
}

/**
 * What an output seen on the chain says if it is the stake of these terms, else undefined: its script, its value, and
 * no token on it.
 * @throws BitmodelError `BAD_TERMS`
 */
export function parseStake(terms: JobTerms, output: TransactionOutput): StakeState | undefined {
  if (output.value !== terms.stake || output.token) return undefined;
  return readStakeHead(terms, output.lockingScript, stakeCode(terms));
}

/** Stack: seller's signature → */
function releasePath(terms: JobTerms): string {
  return joinParts(relativeLock(terms.disputeWindow), requireSignature(terms.seller));
}

/** Stack: (c, where verifiers are drawn), client's signature → */
function contestPath(terms: JobTerms): string {
  const { verifiers } = terms;
  return joinParts(
    requireSignature(terms.client),
    requireInputIndex(0),
    requireOutputValue(0, terms.stake + bondValue(terms)),
    isDrawn(verifiers) ? `${hashLockKeeping(verifiers.drawHash)} ${asPush(32)}` : '',
    `0 OP_OUTPOINTTXHASH 0 OP_OUTPOINTINDEX ${NUMBER_TO_U32} OP_CAT ${asPush(36)}`,
    isDrawn(verifiers) ? 'OP_SWAP OP_CAT' : '',
    `${OWN_SCRIPT} ${STAKE_HEAD_BYTES} OP_SPLIT OP_DROP OP_CAT # the head it must have`,
    requireOutputTemplate({
      index: 0,
      headLength: contestedHeadBytes(terms),
      codeHash: sha256(contestedCode(terms)),
    }),
    'OP_EQUALVERIFY',
  );
}
