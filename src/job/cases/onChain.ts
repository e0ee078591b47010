import { equalBytes, fromHex, sha256, toHex } from '../../base/index.js';
import {
  hashToId,
  type NetworkParameters,
  type Outpoint,
  parseOutpoint,
  type Transaction,
} from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import type { BondChain } from '../bonds/bonds.js';
import { drawSecondJury, drawVerifiers, type Seat } from '../bonds/registry.js';
import { registryOf } from '../bonds/seats.js';
import { parseContested } from '../contracts/contested.js';
import { contestedMessage } from '../contracts/contestedSpends.js';
import type { ContestedState } from '../contracts/layout.js';
import { parseStake } from '../contracts/stake.js';
import type { VerdictName } from '../contracts/verdict.js';
import type { Message } from '../messages.js';
import type { JobSpec } from '../spec.js';
import { isDrawn, type JobTerms } from '../terms.js';
import { isEscrow, pushesOf, spendsCoin } from '../trace.js';
import { appealedOffer, readDrawnVerdict } from './case.js';

/** What is asked of a chain to follow a job's contracts as far as its contest, whatever became of it. */
export interface ContractChain {
  /** The transaction that spends an output, the mempool included (height 0). */
  spender(
    outpoint: Outpoint,
  ): MaybePromise<{ readonly txid: string; readonly height: number } | undefined>;
  transaction(
    txid: string,
  ): MaybePromise<{ readonly transaction: Transaction; readonly height: number } | undefined>;
}

type MaybePromise<T> = T | Promise<T>;

/** A contest as a block holds it, with what was claimed before it. */
export interface MinedContest {
  readonly terms: JobTerms;
  readonly state: ContestedState;
  /** The 101 bytes that the claim showed. */
  readonly commitment: Uint8Array;
  /** Printed id of the contest's transaction, and the block that holds it. */
  readonly txid: string;
  readonly height: number;
}

/**
 * The contest of a job under an offer, followed from its escrow on. It is there long after the stake was paid out and the
 * pool forgot the job.
 * @param escrow printed id of the escrow transaction
 * @returns undefined where no block holds one
 */
export async function minedContest(
  chain: ContractChain,
  params: NetworkParameters,
  job: JobSpec,
  offer: Message<'offer'>,
  escrow: string,
): Promise<MinedContest | undefined> {
  const terms = termsOf(job, offer, params);
  const known = await chain.transaction(escrow);
  if (!known || !isEscrow(terms, known.transaction)) return undefined;
  if (!spendsCoin(known.transaction, job.coin)) return undefined;
  const claim = await spendingOf(chain, escrow);
  const state = claim && parseStake(terms, claim.transaction.outputs[0]!);
  const commitment = claim && pushesOf(claim.transaction, 0)[0];
  if (!state || !commitment || !equalBytes(sha256(commitment), state.commitmentHash)) {
    return undefined;
  }
  const contest = await spendingOf(chain, claim.txid);
  const contested = contest && parseContested(terms, contest.transaction.outputs[0]!);
  if (!contested || contest.height === 0) return undefined;
  const { txid, height } = contest;
  return { terms, state: contested, commitment, txid, height };
}

async function spendingOf(chain: ContractChain, txid: string) {
  const spender = await chain.spender(parseOutpoint(`${txid}:0`));
  const known = spender && (await chain.transaction(spender.txid));
  return known && { ...known, txid: spender.txid };
}

/** A case whose every part the chain bears out. */
export interface ProvenCase extends MinedContest {
  readonly accused: Uint8Array;
  /** What the accused signed, and what that says. */
  readonly message: Uint8Array;
  readonly verdict: VerdictName;
  /** Who judged first, and who judges again by the draw of the signature that the appeal shows. */
  readonly first: readonly Seat[];
  readonly second: readonly Seat[];
}

/** The contest that an appeal is about, if the chain shows it and the verdict is about it. */
export async function appealedContest(
  chain: ContractChain,
  params: NetworkParameters,
  appeal: Message<'appeal'>,
): Promise<MinedContest | undefined> {
  const { job, escrow, verdict } = appeal.body;
  const message = fromHex(verdict);
  const said = readDrawnVerdict(message);
  // what is about another claim is found out before any contract is compiled
  const claim = await chain.spender(parseOutpoint(`${escrow}:0`));
  if (!said || !claim || hashToId(said.stakeOutpoint.hash) !== claim.txid) return undefined;
  const contest = await minedContest(chain, params, job, appealedOffer(appeal), escrow);
  if (!contest || !isDrawn(contest.terms.verifiers)) return undefined;
  const signed = contestedMessage(contest.terms, contest.state, said.verdict);
  return equalBytes(signed, message) ? contest : undefined;
}

/**
 * Holds an appeal against the chain: the job was contested in a block, the verdict is about that contest, the accused was
 * drawn for it out of the registry that the chain shows, and so the second jury follows.
 * @returns undefined where one of these does not hold
 */
export async function proveCase(
  chain: ContractChain & BondChain,
  params: NetworkParameters,
  appeal: Message<'appeal'>,
): Promise<ProvenCase | undefined> {
  const contest = await appealedContest(chain, params, appeal);
  if (!contest) return undefined;
  const juries = await juriesOf(chain, params, appeal.body.job, contest);
  const accused = fromHex(appeal.body.verifier);
  if (!juries?.first.some(({ publicKey }) => equalBytes(publicKey, accused))) return undefined;
  const message = fromHex(appeal.body.verdict);
  const { verdict } = readDrawnVerdict(message)!;
  const { first, over } = juries;
  const second = over(fromHex(appeal.body.signature));
  return { ...contest, first, second, accused, message, verdict };
}

/** Who judges a contested job whose verifiers are drawn, by seat. */
export interface Juries {
  readonly first: readonly Seat[];
  /** Who judges a verdict again, by the accused's signature of it. */
  over(signature: Uint8Array): readonly Seat[];
}

/** The juries of a contested job; undefined where its verifiers are listed, or the chain shows another registry. */
export async function juriesOf(
  chain: BondChain,
  params: NetworkParameters,
  job: JobSpec,
  { terms, state }: Pick<MinedContest, 'terms' | 'state'>,
): Promise<Juries | undefined> {
  const { verifiers } = job;
  const { k, drawSecret } = state;
  const draw = terms.verifiers;
  if (Array.isArray(verifiers) || !isDrawn(draw) || !drawSecret) return undefined;
  const registry = await registryOf(chain, params, job, verifiers);
  if (!registry) return undefined;
  const drawnBy = { k, drawSecret };
  return {
    first: drawVerifiers(registry, draw, drawnBy),
    over: (signature) => drawSecondJury(registry, draw, drawnBy, signature),
  };
}

/** Members of a second jury that may sit, hex, each once: the accused is none. */
export function membersOf({ second, accused }: Pick<ProvenCase, 'second' | 'accused'>): string[] {
  const keys = second.filter(({ publicKey }) => !equalBytes(publicKey, accused));
  return [...new Set(keys.map(({ publicKey }) => toHex(publicKey)))];
}
