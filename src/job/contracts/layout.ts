import { BitmodelError, concatBytes, equalBytes, sha256, u32le } from '../../base/index.js';
import { encodeOutpoint, type Outpoint, pushData } from '../../chain/index.js';
import { type JobTerms, validateTerms } from '../terms.js';

/**
 * A contract's locking script is its head, pushes of fixed length that hold what changes from one claim to the
 * next, and behind it its code, into which the job's terms are compiled. So a script can demand "this contract,
 * with these parameters" of an output by cutting at a known length and comparing the code's hash.
 */

/** What the claim fixes: the stake's head. */
export interface StakeState {
  /** The seller's key, 32 bytes, shown by the claim. */
  readonly k: Uint8Array;
  /** Output tokens that were claimed. */
  readonly count: number;
  /** SHA-256 of the 101-byte commitment. */
  readonly commitmentHash: Uint8Array;
}

/** What the contest fixes: the contested contract's head. */
export interface ContestedState extends StakeState {
  /** The stake that was contested; verdicts are about it. */
  readonly stakeOutpoint: Outpoint;
}

/** push(k 32) ‖ push(count u32LE) ‖ push(commitment hash 32). */
export const STAKE_HEAD_BYTES = 33 + 5 + 33;
/** push(stake outpoint 36) ‖ the stake's head. */
export const CONTESTED_HEAD_BYTES = 37 + STAKE_HEAD_BYTES;

/**
 * The 71 bytes in front of the stake's code.
 * @throws BitmodelError `BAD_STATE` for what no claim under these terms can have left
 */
export function stakeHead(terms: JobTerms, state: StakeState): Uint8Array {
  if (!isClaimable(terms, state)) {
    throw new BitmodelError(
      'BAD_STATE',
      'No claim of this job can leave this key, token count or commitment hash.',
    );
  }
  return concatBytes(
    pushData(state.k),
    pushData(u32le(state.count)),
    pushData(state.commitmentHash),
  );
}

/**
 * The 108 bytes in front of the contested contract's code.
 * @throws BitmodelError `BAD_STATE`
 */
export function contestedHead(terms: JobTerms, state: ContestedState): Uint8Array {
  return concatBytes(pushData(encodeOutpoint(state.stakeOutpoint)), stakeHead(terms, state));
}

/** The state in a stake's locking script, or undefined if it is not the stake of these terms. */
export function readStakeHead(
  terms: JobTerms,
  script: Uint8Array,
  code: Uint8Array,
): StakeState | undefined {
  if (script.length !== STAKE_HEAD_BYTES + code.length) return undefined;
  const view = new DataView(script.buffer, script.byteOffset);
  const state: StakeState = {
    k: script.slice(1, 33),
    count: view.getUint32(34, true),
    commitmentHash: script.slice(39, 71),
  };
  if (!isClaimable(terms, state)) return undefined;
  return equalBytes(script, concatBytes(stakeHead(terms, state), code)) ? state : undefined;
}

/** The state in a contested contract's locking script, or undefined if it is not that of these terms. */
export function readContestedHead(
  terms: JobTerms,
  script: Uint8Array,
  code: Uint8Array,
): ContestedState | undefined {
  const outpointPush = CONTESTED_HEAD_BYTES - STAKE_HEAD_BYTES;
  if (script.length !== CONTESTED_HEAD_BYTES + code.length) return undefined;
  const stake = readStakeHead(terms, script.subarray(outpointPush), code);
  if (stake === undefined || script[0] !== outpointPush - 1) return undefined;
  const index = new DataView(script.buffer, script.byteOffset).getUint32(33, true);
  return { ...stake, stakeOutpoint: { hash: script.slice(1, 33), index } };
}

function isClaimable(terms: JobTerms, { k, count, commitmentHash }: StakeState): boolean {
  return (
    equalBytes(sha256(k), terms.kHash) &&
    k.length === 32 &&
    Number.isInteger(count) &&
    count >= 1 &&
    count <= terms.maxTokens &&
    commitmentHash.length === 32
  );
}

/**
 * A function of terms that checks them, and computes what it gives only once for the same object.
 * @throws BitmodelError `BAD_TERMS` from the function it makes
 */
export function compiledOnce(compile: (terms: JobTerms) => Uint8Array) {
  const known = new WeakMap<JobTerms, Uint8Array>();
  return (terms: JobTerms): Uint8Array => {
    const before = known.get(terms);
    if (before !== undefined) return before;
    validateTerms(terms);
    const script = compile(terms);
    known.set(terms, script);
    return script;
  };
}
