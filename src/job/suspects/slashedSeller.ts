import { BitmodelError, equalBytes, sha256 } from '../../base/index.js';
import {
  blockHash,
  decodeNumber,
  hashToId,
  type NetworkParameters,
  type Transaction,
  transactionId,
} from '../../chain/index.js';
import { BURN_SCRIPT, CONTESTED_PATH, parseContested } from '../contracts/contested.js';
import { ESCROW_PATH } from '../contracts/escrow.js';
import { parseStake, STAKE_PATH } from '../contracts/stake.js';
import { VERDICT } from '../contracts/verdict.js';
import type { JobTerms } from '../terms.js';
import { isEscrow, pushesOf } from '../trace.js';
import { areCodesOf, readCodeTerms } from './codeTerms.js';

/** Transactions by their hash, in byte order; undefined where there is none. It throws where one is no longer kept. */
export type ReadTransaction = (hash: Uint8Array) => Transaction | undefined;

/** A seller whose stake was slashed, and the terms of the job in which it was. */
export interface SlashedSeller {
  readonly terms: JobTerms;
}

/** Bytes of the contested contract's head: stake outpoint, (c,) k, count, commitment hash, each behind its length. */
const LISTED_HEAD = 37 + 33 + 5 + 33;
const DRAWN_HEAD = LISTED_HEAD + 33;
/** Offset at which the length of the count's push (4) stands where no c comes before k. */
const COUNT_PUSH = 37 + 33;

const last = (pushes: readonly Uint8Array[], fromEnd = 1): bigint | undefined => {
  const data = pushes.at(-fromEnd);
  return data && data.length <= 1 ? decodeNumber(data) : undefined;
};

/** How many verifiers there are and how many signed, by what unlocks the contested contract. */
function shapeOf(shown: readonly Uint8Array[], isDrawn: boolean) {
  const items = shown.slice(0, -2);
  const threshold = items.filter(({ length }) => (isDrawn ? length === 33 : length > 0)).length;
  // a drawn verifier that signed shows proof, key and signature
  return { threshold, count: isDrawn ? items.length - 2 * threshold : items.length };
}

/** Whether a transaction can be a slash, by what it shows itself: most are not, and cost no more than this. */
export function looksLikeSlash({ inputs, outputs }: Transaction): boolean {
  const unlocking = inputs[0]?.unlockingScript;
  if (!unlocking || unlocking.length < 8) return false;
  // verdict 0 and path 0 in their only form
  if (unlocking.at(-1) !== 0 || unlocking.at(-2) !== 0) return false;
  return outputs.some(({ lockingScript }) => equalBytes(lockingScript, BURN_SCRIPT));
}

/**
 * The seller that a transaction slashes, by the chain alone.
 *
 * Anybody can lock coins in scripts that name a stranger as the seller, and have keys of its own slash it. What nobody
 * can make is the stranger's signature, and the claim alone demands it: so the way is gone back from the slash over the
 * contest and the claim to the escrow, and at each step the path is the one on which the script itself demanded the
 * next contract. The escrow can also be left by the client alone, into an output that looks like a stake.
 *
 * The slashed one is the key that signed the claim, not the payout address, which is anybody's to name.
 * @throws what `read` throws
 */
export function slashedSeller(
  slash: Transaction,
  read: ReadTransaction,
  params: NetworkParameters,
): SlashedSeller | undefined {
  if (!looksLikeSlash(slash)) return undefined;
  const shown = pushesOf(slash, 0);
  if (last(shown) !== BigInt(CONTESTED_PATH.judge)) return undefined;
  if (last(shown, 2) !== BigInt(VERDICT.invalid)) return undefined;
  const contest = before(slash, read);
  if (!contest || last(pushesOf(contest, 0)) !== BigInt(STAKE_PATH.contest)) return undefined;
  const claim = before(contest, read);
  if (!claim || last(pushesOf(claim, 0)) !== BigInt(ESCROW_PATH.claim)) return undefined;
  const escrow = before(claim, read);
  if (!escrow) return undefined;
  const steps = { slash, contest, claim, escrow };
  const terms = termsIfSo(steps, params, false) ?? termsIfSo(steps, params, true);
  return terms && { terms };
}

/** As {@link termsBehind}, of a job of a model that asks for an amount for each job, or of one that does not. */
function termsIfSo(steps: Steps, params: NetworkParameters, hasFeePerJob: boolean) {
  try {
    return termsBehind(steps, params, hasFeePerJob);
  } catch (thrown) {
    // what was read compiles to no contract: this was another script
    if (thrown instanceof BitmodelError) return undefined;
    throw thrown;
  }
}

/** What made the coin that input 0 spends, where that is its first output, as in every job. */
function before({ inputs }: Transaction, read: ReadTransaction): Transaction | undefined {
  const { outpoint } = inputs[0]!;
  return outpoint.index === 0 ? read(outpoint.hash) : undefined;
}

interface Steps {
  readonly slash: Transaction;
  readonly contest: Transaction;
  readonly claim: Transaction;
  readonly escrow: Transaction;
}

/** The terms under which these four are the steps of one job; undefined where there are none. */
function termsBehind(
  steps: Steps,
  params: NetworkParameters,
  hasFeePerJob: boolean,
): JobTerms | undefined {
  const terms = termsSaid(steps, params, hasFeePerJob);
  if (!terms) return undefined;
  const { contest, claim, escrow } = steps;
  const codes = {
    escrow: escrow.outputs[0]!.lockingScript,
    contested: contestedCodeIn(contest),
  };
  if (!areCodesOf(terms, codes) || !isEscrow(terms, escrow)) return undefined;
  const stake = parseStake(terms, claim.outputs[0]!);
  const contested = parseContested(terms, contest.outputs[0]!);
  const commitment = pushesOf(claim, 0)[0]!;
  if (!stake || !contested || !equalBytes(sha256(commitment), stake.commitmentHash))
    return undefined;
  const { hash, index } = contested.stakeOutpoint;
  return index === 0 && hashToId(hash) === transactionId(claim) ? terms : undefined;
}

const hasDraw = ({ outputs }: Transaction): boolean => outputs[0]!.lockingScript[COUNT_PUSH] !== 4;

function contestedCodeIn(contest: Transaction): Uint8Array {
  return contest.outputs[0]!.lockingScript.slice(hasDraw(contest) ? DRAWN_HEAD : LISTED_HEAD);
}

/** What the four say the terms are; nothing of it is known to be so yet. */
function termsSaid(
  { slash, contest, claim, escrow }: Steps,
  params: NetworkParameters,
  hasFeePerJob: boolean,
): JobTerms | undefined {
  const stake = claim.outputs[0];
  const model = claim.outputs[1];
  const contested = contest.outputs[0];
  const locked = escrow.outputs[0];
  const paid = slash.outputs[0];
  if (!stake || !model || !contested || !locked || !paid) return undefined;
  if (stake.lockingScript.length < 71 || contested.lockingScript.length < DRAWN_HEAD) {
    return undefined;
  }
  const isDrawn = hasDraw(contest);
  const shape = shapeOf(pushesOf(slash, 0), isDrawn);
  if (shape.threshold < 1 || shape.count < shape.threshold || shape.count > 15) return undefined;
  const head = new DataView(stake.lockingScript.buffer, stake.lockingScript.byteOffset);
  const tokens = BigInt(head.getUint32(34, true));
  const bond = contested.value - stake.value;
  if (tokens === 0n || bond < 0n || paid.value <= bond) return undefined;
  const code = readCodeTerms(
    { escrow: locked.lockingScript, contested: contestedCodeIn(contest) },
    {
      ...shape,
      hasFeePerJob,
      ...(isDrawn && { drawHash: sha256(contested.lockingScript.slice(38, 70)) }),
    },
  );
  const { feePerJob = 0n } = code;
  const pricePerToken = (paid.value - bond - feePerJob) / tokens;
  if (pricePerToken <= 0n) return undefined;
  return {
    ...code,
    genesis: blockHash(params.genesis.header),
    jobId: claim.jobId,
    kHash: sha256(stake.lockingScript.slice(1, 33)),
    pricePerToken,
    maxTokens: Number((locked.value - feePerJob) / pricePerToken),
    feeScript: sha256(model.lockingScript),
    stake: stake.value,
    threshold: shape.threshold,
    verifierFee: bond / BigInt(shape.count),
    disputeWindow: params.disputeWindow,
    verdictWindow: params.verdictWindow,
  };
}
