import { sha256 } from '../../base/index.js';
import {
  asPush,
  assemble,
  choosePath,
  cutFields,
  expression,
  hash160,
  hashLockKeeping,
  joinParts,
  NO_JOB,
  p2pkhScript,
  requireInputIndex,
  requireJobId,
  requireOutput,
  requireOutputScriptHash,
  requireOutputTemplate,
  requireOutputValue,
  requireSignature,
  SIGHASH,
  share,
  timeLock,
} from '../../chain/index.js';
import type { JobTerms } from '../terms.js';
import { compiledOnce, STAKE_HEAD_BYTES } from './layout.js';
import { stakeCode } from './stake.js';

/** Numbers of the escrow's paths, pushed last by the unlocking script. */
export const ESCROW_PATH = { claim: 0, refund: 1, cancel: 2 } as const;

/**
 * The escrow: the seller's for its key k, its commitment and its stake, the client's again from `expires` on
 * (DESIGN 5.2). It has no head: nothing in it changes.
 * @throws BitmodelError `BAD_TERMS`
 */
export const escrowScript = compiledOnce((terms) =>
  assemble(choosePath([claimPath(terms), refundPath(terms), cancelPath(terms)])),
);

/** Stack: commitment k seller's signature → */
function claimPath(terms: JobTerms): string {
  const client = p2pkhScript(hash160(terms.client));
  const unused = `OP_DUP ${terms.maxTokens} OP_SWAP OP_SUB ${terms.pricePerToken} OP_MUL`;
  return joinParts(
    // a signature of all outputs is one of the commitment's hash too, which the first of them holds
    `OP_DUP OP_SIZE OP_1SUB OP_SPLIT OP_NIP ${expression(SIGNS_ALL)} OP_EQUALVERIFY`,
    requireSignature(terms.seller),
    requireInputIndex(0),
    requireJobId(terms.jobId),
    hashLockKeeping(terms.kHash),
    asPush(32),
    `OP_SWAP OP_DUP OP_SHA256 ${asPush(32)} # push(k) commitment push(hash)`,
    `OP_SWAP ${cutFields([32, 64, 4, 1])} OP_DROP OP_NIP # push(k) push(hash) job count`,
    `OP_SWAP ${expression(terms.jobId)} OP_EQUALVERIFY`,
    `OP_DUP OP_BIN2NUM OP_DUP 1 ${terms.maxTokens + 1} OP_WITHIN OP_VERIFY`,
    requireOutput(2, unused, client),
    requireOutputValue(1, modelsPart(terms)),
    requireOutputScriptHash(1, terms.feeScript),
    requireOutputValue(0, terms.stake),
    `${asPush(4)} OP_SWAP OP_CAT OP_CAT # the head it must have`,
    requireOutputTemplate({
      index: 0,
      headLength: STAKE_HEAD_BYTES,
      codeHash: sha256(stakeCode(terms)),
    }),
    'OP_EQUALVERIFY',
  );
}

/** Stack: count → what the model gets. Without a fee for each job the script is what it was before there were any. */
function modelsPart({ pricePerToken, feePpm, feePerJob }: JobTerms): string {
  const part = share(`${pricePerToken} OP_MUL`, feePpm);
  return feePerJob === undefined ? part : `${part} ${feePerJob} OP_ADD`;
}

const SIGNS_ALL = Uint8Array.of(SIGHASH.ALL | SIGHASH.FORKID);

/** Stack: client's signature → */
function refundPath(terms: JobTerms): string {
  return joinParts(timeLock(terms.expires), requireSignature(terms.client));
}

/**
 * Stack: client's signature, seller's signature →
 *
 * A claim has the job's id, a cancellation none: otherwise the client could take the seller's signature of a claim for
 * one of a cancellation, and what looks like the end of the job would hold a stake.
 */
function cancelPath(terms: JobTerms): string {
  return joinParts(
    requireJobId(NO_JOB),
    requireSignature(terms.seller),
    requireSignature(terms.client),
  );
}
