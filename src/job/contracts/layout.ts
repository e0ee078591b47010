import { BitmodelError, concatBytes, equalBytes, sha256, u32le } from '../../base/index.js';
import { encodeOutpoint, type Outpoint, pushData } from '../../chain/index.js';
import { isDrawn, type JobTerms, type VerifierDraw, validateTerms } from '../terms.js';

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
  /** The client's secret c, 32 bytes, where the verifiers are drawn: the contest shows it. */
  readonly drawSecret?: Uint8Array;
}

/** push(k 32) ‖ push(count u32LE) ‖ push(commitment hash 32). */
export const STAKE_HEAD_BYTES = 33 + 5 + 33;
const OUTPOINT_PUSH = 37;
const SECRET_PUSH = 33;

/** push(stake outpoint 36) ‖ the stake's head; where verifiers are drawn, push(c 32) stands between them. */
export function contestedHeadBytes(terms: JobTerms): number {
  return OUTPOINT_PUSH + (isDrawn(terms.verifiers) ? SECRET_PUSH : 0) + STAKE_HEAD_BYTES;
}

/**
 * The 71 bytes in front of the stake's code.
 * @throws BitmodelError `BAD_STATE` for what no claim under these terms can have left
 */
export function stakeHead(terms: JobTerms, state: StakeState): Uint8Array {
  if (!isClaimable(terms, state)) {
    throw new BitmodelError(
      'BAD_STATE',
      'No claim of this job can leave this key, token count or commitment hash.',
      { next: "Take them from the job's own claim and offer" },
    );
  }
  return concatBytes(
    pushData(state.k),
    pushData(u32le(state.count)),
    pushData(state.commitmentHash),
  );
}

/**
 * The bytes in front of the contested contract's code: 108, or 141 where verifiers are drawn.
 * @throws BitmodelError `BAD_STATE`
 */
export function contestedHead(terms: JobTerms, state: ContestedState): Uint8Array {
  const stake = stakeHead(terms, state);
  const outpoint = pushData(encodeOutpoint(state.stakeOutpoint));
  if (!isDrawn(terms.verifiers)) return concatBytes(outpoint, stake);
  const { drawSecret } = state;
  if (!drawSecret || !isDrawSecret(terms.verifiers, drawSecret)) {
    throw new BitmodelError('BAD_STATE', 'This is not the secret that draws the verifiers.', {
      next: 'Give the secret that this job was made with',
    });
  }
  return concatBytes(outpoint, pushData(drawSecret), stake);
}

function isDrawSecret({ drawHash }: VerifierDraw, secret: Uint8Array): boolean {
  return secret.length === 32 && equalBytes(sha256(secret), drawHash);
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
  const head = contestedHeadBytes(terms);
  if (script.length !== head + code.length || script[0] !== OUTPOINT_PUSH - 1) return undefined;
  const stake = readStakeHead(terms, script.subarray(head - STAKE_HEAD_BYTES), code);
  if (stake === undefined) return undefined;
  const index = new DataView(script.buffer, script.byteOffset).getUint32(33, true);
  const stakeOutpoint = { hash: script.slice(1, 33), index };
  if (!isDrawn(terms.verifiers)) return { ...stake, stakeOutpoint };
  const drawSecret = script.slice(OUTPOINT_PUSH + 1, OUTPOINT_PUSH + SECRET_PUSH);
  const isPush = script[OUTPOINT_PUSH] === drawSecret.length;
  if (!isPush || !isDrawSecret(terms.verifiers, drawSecret)) return undefined;
  return { ...stake, stakeOutpoint, drawSecret };
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
